"""`serve`: an engine in its thread, and the pages that watch it.

The pages are served at once; Ray, models and history load behind a progress card.
"""

import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from cli.decisions import verifier
from domain.record import Record
from market.simulated.provider import PRESENT
from orchestrator.account.cycle_orders import TradingDay
from orchestrator.clocks import Clock, LiveClock, PacedClock
from orchestrator.engine import Engine
from orchestrator.ray_session import RaySession
from orchestrator.team.base import Team
from research.backtest.jobs import Jobs
from research.backtest.service import Bench
from research.lab.training_jobs import TrainingJobs
from settings import Settings
from storage.accounts.blotter import Blotter
from web.live.notifier import Bell
from web.server import create_app
from web.services import House, RayDashboard
from web.serving import Server, address, listen
from wiring.account import make_day, make_desk, make_floor, rules_of
from wiring.agents import Progress, make_seating, make_team
from wiring.market import LIVE, Market, choose_market, demo_present, newest_close
from wiring.research import make_lab, results_of
from wiring.stores import PROGRAM, Say, Stores, open_stores, utc_now

OLD = timedelta(days=30)
"""History that ended longer ago is for replays."""


class SimulatedNow:
    """The demo market's present: wherever the engine's clock has got to."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


def serve(settings: Settings, *, in_process: bool, say: Say) -> None:
    """Follows the watchlist and serves the pages until interrupted."""
    with open_stores(settings) as stores:
        listener = listen(settings.server.host, settings.server.port)
        present = SimulatedNow(demo_present(stores.journal))
        market = choose_market(settings, stores.library, present, say)
        watched = stores.watchlist.symbols
        clock: Clock = (
            PacedClock(watched, settings.market.timeframe, PRESENT,
                       seconds_per_bar=settings.demo.seconds_per_bar)
            if market.simulated
            else LiveClock(watched, settings.market.timeframe)
        )  # fmt: skip
        bell = Bell()
        day = make_day(
            settings, stores, market, LIVE,
            lambda: newest_close(settings, stores, present() if market.simulated else utc_now()),
        )  # fmt: skip
        seating = make_seating(settings, stores)
        engine = Engine(
            make_desk(settings, stores, market, LIVE, day),
            clock,
            watched,
            lambda tell: make_team(settings, seating.open(), in_process=in_process, progress=tell),
            refresh=_refresher(settings, market, present),
            seating=seating,
            publish=bell.ring,
        )
        bench = make_bench(settings, market, bell)
        training = None if in_process else make_training(settings, stores, engine, bell)
        house = house_of(settings, stores, market, day, engine, bell, bench, training, watched)
        server = Server(create_app(house), listener)
        greet(market, address(listener), say)
        _mention_old_history(settings, stores, market, say)
        engine.start()
        try:
            server.run(stopping=partial(stop, engine, training))
        finally:
            bench.close()


def stop(engine: Engine, training: TrainingJobs | None) -> None:
    """Trainings first: they end in order while their Ray is there."""
    if training:
        training.close()
    engine.stop()


def make_training(settings: Settings, stores: Stores, engine: Engine, bell: Bell) -> TrainingJobs:
    """Trains in the Ray that the agents vote in; what comes of it is kept as a model."""

    def session() -> RaySession | None:
        return getattr(engine.team, "session", None)

    return TrainingJobs(settings.home, session, finished=stores.models.add, changed=bell.ring)


def make_bench(settings: Settings, market: Market, bell: Bell) -> Bench:
    """Backtests of this home; each job is this program's own verb."""
    verb = (sys.executable, "-m", "app", "backtest", "--request", "--market", market.name)
    return Bench(results_of(settings), Jobs(verb, bell.ring))


def house_of(
    settings: Settings,
    stores: Stores,
    market: Market,
    day: TradingDay,
    engine: Engine,
    bell: Bell,
    bench: Bench,
    training: TrainingJobs | None,
    watched: Callable[[], Sequence[str]],
    start: datetime = PRESENT,
) -> House:
    """`start` is the time of a clock of its own before its first bar: nothing later is shown."""
    run = day.book.run

    def now() -> datetime:
        if run == LIVE and not market.simulated:
            return utc_now()
        return engine.status().last or start

    return House(
        version=PROGRAM,
        market=market.name,
        run=run,
        simulated=market.simulated,
        timeframe=settings.market.timeframe,
        agents=settings.agents.names,
        journal=stores.journal,
        records=stores.records,
        library=stores.library,
        watchlist=stores.watchlist,
        watched=watched,
        engine=engine,
        verify=verifier(settings, stores),
        floor=make_floor(settings, stores, day, now, bell.ring),
        blotter=Blotter(stores.database, market.name, run),
        rules=partial(rules_of, settings),
        clock=now,
        bell=bell,
        record=partial(_record, settings, stores, market, run),
        backtests=bench,
        lab=make_lab(settings, stores, market, watched, now, training),
        committee=settings.committee,
        horizon=settings.market.horizon,
        ray_dashboard=partial(_dashboard, engine),
    )


def _record(settings: Settings, stores: Stores, market: Market, run: str) -> Record:
    return stores.records.record(
        market.name, run, settings.market.timeframe, settings.market.horizon, settings.agents.names
    )


def _dashboard(engine: Engine) -> RayDashboard | None:
    team: Team | None = engine.team
    if team is None or team.dashboard_url is None:
        return None
    return RayDashboard(team.dashboard_url, team.token or "")


def _refresher(
    settings: Settings, market: Market, present: SimulatedNow
) -> Callable[[Sequence[str], datetime, Progress], object] | None:
    feed = market.feed
    if feed is None:
        return None

    def refresh(symbols: Sequence[str], at: datetime, tell: Progress) -> object:
        present.at = max(present.at, at)
        now = present.at if market.simulated else utc_now()
        return feed.refresh(symbols, settings.market.timeframe, now, tell)

    return refresh


def greet(market: Market, at: str, say: Say) -> None:
    label = "the SIMULATED demo market" if market.simulated else f"the market '{market.name}'"
    say(f"Quorum watches {label} at {at} (Ctrl-C ends it). Not investment advice.")


def _mention_old_history(settings: Settings, stores: Stores, market: Market, say: Say) -> None:
    """Nobody adds bars to imported files, so live they are soon too old to decide on."""
    if market.feed is not None:
        return
    spans = [
        stores.library.span(market.name, symbol, settings.market.timeframe)
        for symbol in stores.watchlist.symbols()
    ]
    newest = max((span[1] for span in spans if span), default=None)
    if newest is not None and utc_now() - newest > OLD:
        say(
            f"The imported history ends {newest:%Y-%m-%d}, so its symbols are blocked as stale. "
            f"To watch it as if live: quorum replay --from {newest - OLD:%Y-%m-%d} "
            f"--to {newest:%Y-%m-%d}"
        )
