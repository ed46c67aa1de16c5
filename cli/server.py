"""`serve`: an engine in its thread, and the pages that show it.

The pages are served at once; Ray, models and history load behind a progress card.
"""

import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from cli.decisions import receipt_verifier
from domain.record import ForecastRecord
from market.simulated.provider import LIVE_START
from orchestrator.account.cycle_orders import AccountCycle
from orchestrator.account.history import AccountHistoryReader
from orchestrator.clocks import Clock, LiveClock, PacedClock
from orchestrator.engine import Engine
from orchestrator.evaluation.record_scorer import RecordScorer
from orchestrator.team.base import Team
from orchestrator.team.ray_session import RaySession
from research.backtest.jobs import BacktestJobs
from research.backtest.service import BacktestService
from research.lab.training_jobs import TrainingJobs
from settings import Settings
from storage.accounts.blotter import SqlBlotter
from web.live.notifier import Notifier
from web.server import create_app
from web.services import AppServices, RayDashboard, ServedRun
from web.serving import WebServer, address, listen
from wiring.account import make_account_cycle, make_account_service, make_run_context, trading_rules
from wiring.agents import ProgressCallback, make_model_rollout, make_team
from wiring.market import LIVE_RUN, ActiveMarket, choose_market, demo_now, latest_common_close
from wiring.research import backtest_results, make_lab
from wiring.stores import PROGRAM_VERSION, Log, Stores, open_stores, utc_now

STALE_HISTORY = timedelta(days=30)
"""History that ended longer ago can only be replayed."""


class SimulatedClock:
    """The demo market's current time: the time that the engine's clock has reached."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


def serve(settings: Settings, *, in_process: bool, log: Log) -> None:
    """Follow the watchlist and serve the pages until interrupted."""
    with open_stores(settings) as stores:
        listener = listen(settings.server.host, settings.server.port)
        simulated_now = SimulatedClock(demo_now(stores.journal))
        market = choose_market(settings, stores.market_data, simulated_now, log)
        watched_symbols = stores.watchlist.symbols
        clock: Clock = (
            PacedClock(watched_symbols, settings.market.timeframe, LIVE_START,
                       seconds_per_bar=settings.demo.seconds_per_bar)
            if market.simulated
            else LiveClock(watched_symbols, settings.market.timeframe)
        )  # fmt: skip
        notifier = Notifier()
        now = simulated_now if market.simulated else utc_now
        account_cycle = make_account_cycle(
            settings, stores, market, LIVE_RUN, lambda: latest_common_close(settings, stores, now())
        )
        model_rollout = make_model_rollout(settings, stores)
        engine = Engine(
            make_run_context(settings, stores, market, LIVE_RUN, account_cycle),
            clock,
            watched_symbols,
            lambda on_progress: make_team(
                settings,
                model_rollout.initial_factory(),
                in_process=in_process,
                on_progress=on_progress,
            ),
            refresh=_make_refresh(settings, market, simulated_now),
            model_rollout=model_rollout,
            notify=notifier.notify,
        )
        backtests = make_backtest_service(settings, market, notifier)
        training = None if in_process else make_training_jobs(settings, stores, engine, notifier)
        services = make_services(
            settings,
            stores,
            market,
            account_cycle,
            engine,
            notifier,
            backtests,
            training,
            watched_symbols,
        )
        server = WebServer(create_app(services), listener)
        print_address(market, address(listener), log)
        _warn_stale_history(settings, stores, market, log)
        engine.start()
        try:
            server.run(on_stop=partial(stop_all, engine, training))
        finally:
            backtests.close()


def stop_all(engine: Engine, training: TrainingJobs | None) -> None:
    """Stop trainings first, so that they end in order while their Ray is there; then the engine."""
    if training:
        training.close()
    engine.stop()


def make_training_jobs(
    settings: Settings, stores: Stores, engine: Engine, notifier: Notifier
) -> TrainingJobs:
    """Return the training jobs, which run in the Ray that the agents vote in; a finished run is
    kept as a model."""

    def session() -> RaySession | None:
        return getattr(engine.team, "session", None)

    return TrainingJobs(
        settings.home, session, on_policy=stores.models.add, on_change=notifier.notify
    )


def make_backtest_service(
    settings: Settings, market: ActiveMarket, notifier: Notifier
) -> BacktestService:
    """Return the backtests of this home; each job runs this program's own command."""
    command = (sys.executable, "-m", "app", "backtest", "--request", "--market", market.name)
    return BacktestService(backtest_results(settings), BacktestJobs(command, notifier.notify))


def make_services(
    settings: Settings,
    stores: Stores,
    market: ActiveMarket,
    account_cycle: AccountCycle,
    engine: Engine,
    notifier: Notifier,
    backtests: BacktestService,
    training: TrainingJobs | None,
    watched_symbols: Callable[[], Sequence[str]],
    start: datetime = LIVE_START,
) -> AppServices:
    """Build the services of the pages. `start` is the current time of a replay or simulation before
    its first bar: nothing later is shown."""
    run = account_cycle.account_store.run

    def now() -> datetime:
        if run == LIVE_RUN and not market.simulated:
            return utc_now()
        return engine.status().last or start

    served_run = ServedRun(
        market=market.name,
        run=run,
        simulated=market.simulated,
        timeframe=settings.market.timeframe,
        horizon=settings.market.horizon,
        agents=settings.agents.names,
        version=PROGRAM_VERSION,
    )
    blotter = SqlBlotter(stores.database, market.name, run)
    return AppServices(
        served_run=served_run,
        journal=stores.journal,
        records=stores.records,
        store=stores.market_data,
        watchlist=stores.watchlist,
        watched_symbols=watched_symbols,
        engine=engine,
        verify=receipt_verifier(settings, stores),
        account_service=make_account_service(settings, stores, account_cycle, now, notifier.notify),
        blotter=blotter,
        rules_of_profile=partial(trading_rules, settings),
        clock=now,
        notifier=notifier,
        account_history=AccountHistoryReader(
            served_run, stores.market_data, blotter, watched_symbols
        ),
        record_scorer=RecordScorer(
            served_run,
            stores.market_data,
            partial(_load_record, settings, stores, market, run),
            now,
            settings.committee.calibrated,
        ),
        backtests=backtests,
        lab=make_lab(settings, stores, market, watched_symbols, now, training),
        committee=settings.committee,
        ray_dashboard=partial(_ray_dashboard, engine),
    )


def _load_record(
    settings: Settings, stores: Stores, market: ActiveMarket, run: str
) -> ForecastRecord:
    return stores.records.record(
        market.name, run, settings.market.timeframe, settings.market.horizon, settings.agents.names
    )


def _ray_dashboard(engine: Engine) -> RayDashboard | None:
    team: Team | None = engine.team
    if team is None or team.dashboard_url is None:
        return None
    return RayDashboard(team.dashboard_url, team.token or "")


def _make_refresh(
    settings: Settings, market: ActiveMarket, simulated_now: SimulatedClock
) -> Callable[[Sequence[str], datetime, ProgressCallback], object] | None:
    feed = market.feed
    if feed is None:
        return None

    def refresh(symbols: Sequence[str], at: datetime, on_progress: ProgressCallback) -> object:
        simulated_now.at = max(simulated_now.at, at)
        now = simulated_now.at if market.simulated else utc_now()
        return feed.refresh(symbols, settings.market.timeframe, now, on_progress)

    return refresh


def print_address(market: ActiveMarket, at: str, log: Log) -> None:
    label = "the SIMULATED demo market" if market.simulated else f"the market '{market.name}'"
    log(f"Quorum watches {label} at {at} (Ctrl-C ends it). Not investment advice.")


def _warn_stale_history(settings: Settings, stores: Stores, market: ActiveMarket, log: Log) -> None:
    """Warn about imported files that have ended: nothing adds bars to them, so in live use they are
    soon too old to decide on."""
    if market.feed is not None:
        return
    spans = [
        stores.market_data.span(market.name, symbol, settings.market.timeframe)
        for symbol in stores.watchlist.symbols()
    ]
    newest = max((span[1] for span in spans if span), default=None)
    if newest is not None and utc_now() - newest > STALE_HISTORY:
        log(
            f"The imported history ends {newest:%Y-%m-%d}, so its symbols are blocked as stale. "
            f"To watch it as if live: quorum replay --from {newest - STALE_HISTORY:%Y-%m-%d} "
            f"--to {newest:%Y-%m-%d}"
        )
