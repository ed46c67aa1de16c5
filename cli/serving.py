"""`serve` and `replay`: an engine in its thread, and the pages that watch it.

The pages are served at once; Ray, models and history load behind a progress card.
"""

import math
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from importlib.metadata import version
from typing import Any

from agents.registry import AGENTS
from cli.deciding import verifier
from cli.gathering import parse_date
from domain.errors import InputError, UnknownSymbolError
from domain.events import EventKind
from market.demo import PRESENT
from orchestrator.clocks import Clock, LiveClock, PacedClock
from orchestrator.engine import Engine
from orchestrator.team import Team
from settings import Settings
from web.bell import Bell
from web.house import House, RayDashboard
from web.server import create_app
from web.serving import Server, address, listen
from wiring import (
    LIVE,
    Market,
    Progress,
    Say,
    Stores,
    choose_market,
    demo_present,
    make_desk,
    make_team,
    open_stores,
    utc_now,
)

OLD = timedelta(days=30)
"""History that ended longer ago is for replays."""

Told = Callable[[dict[str, Any]], None]


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
        engine = Engine(
            make_desk(settings, stores, market, LIVE),
            clock,
            watched,
            lambda tell: make_team(settings, in_process=in_process, progress=tell),
            refresh=_refresher(settings, market, present),
            publish=bell.ring,
        )
        house = _house(settings, stores, market, LIVE, engine, bell, watched)
        server = Server(create_app(house), listener)
        _greet(market, address(listener), say)
        _mention_old_history(settings, stores, market, say)
        engine.start()
        server.run(stopping=engine.stop)


def replay(
    settings: Settings,
    *,
    start: str,
    end: str,
    speed: str,
    symbols: Sequence[str],
    page: bool,
    stay: bool,
    in_process: bool,
    say: Say,
    told: Told | None = None,
) -> None:
    """Plays stored history from `start` to `end` at `speed` days a second, as a run of its own.

    `told` hears of every cycle. Raises InputError for dates that are no period of the past and
    for a speed that is none, UnknownSymbolError where nothing is stored to play.
    """
    first, last = parse_date(start), parse_date(end) + timedelta(days=1)
    per_day = _seconds_per_day(speed)
    with open_stores(settings) as stores:
        listener = listen(settings.server.host, settings.server.port) if page else None
        present = SimulatedNow(demo_present(stores.journal))
        market = choose_market(settings, stores.library, present, say)
        _refuse_impossible_period(first, last, present() if market.simulated else utc_now())
        played = _playable(settings, stores, market, symbols, first)
        run = _run_name(stores, market, f"replay {start} {end}")
        bell = Bell()
        tell_cycles = _teller(stores, run, told) if told else (lambda: None)

        def publish() -> None:
            bell.ring()
            tell_cycles()

        engine = Engine(
            make_desk(settings, stores, market, run),
            PacedClock(lambda: played, settings.market.timeframe, first, last,
                       seconds_per_day=per_day),
            lambda: played,
            lambda tell: make_team(settings, in_process=in_process, progress=tell),
            publish=publish,
        )  # fmt: skip
        say(f"Playing {', '.join(played)} from {start} to {end} as the run '{run}'.")
        if listener is None:
            _play(engine)
        else:
            house = _house(settings, stores, market, run, engine, bell, lambda: played, first)
            server = Server(create_app(house), listener)
            _greet(market, address(listener), say)
            engine.start()
            if not stay:
                ending = threading.Thread(target=_stop_when_played, args=(engine, server))
                ending.daemon = True
                ending.start()
            server.run(stopping=engine.stop)
        if error := engine.status().error:
            say(f"The last thing that went wrong: {error}")


def _house(
    settings: Settings,
    stores: Stores,
    market: Market,
    run: str,
    engine: Engine,
    bell: Bell,
    watched: Callable[[], Sequence[str]],
    start: datetime = PRESENT,
) -> House:
    """`start` is the time of a clock of its own before its first bar: nothing later is shown."""

    def now() -> datetime:
        if run == LIVE and not market.simulated:
            return utc_now()
        return engine.status().last or start

    return House(
        version=version("quorum-markets"),
        market=market.name,
        run=run,
        simulated=market.simulated,
        timeframe=settings.market.timeframe,
        agents=tuple(AGENTS),
        journal=stores.journal,
        records=stores.records,
        library=stores.library,
        watchlist=stores.watchlist,
        watched=watched,
        engine=engine,
        verify=verifier(settings, stores),
        clock=now,
        bell=bell,
        ray_dashboard=partial(_dashboard, engine),
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


def _play(engine: Engine) -> None:
    engine.start()
    try:
        engine.join()
    finally:
        engine.stop()


def _stop_when_played(engine: Engine, server: Server) -> None:
    engine.join()
    server.stop()


def _greet(market: Market, at: str, say: Say) -> None:
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


def _seconds_per_day(speed: str) -> float:
    if speed == "max":
        return 0.0
    try:
        days = float(speed)
    except ValueError:
        days = math.nan
    if not (math.isfinite(days) and days > 0):
        raise InputError(f"--speed {speed!r} is not a number of days a second. Try 1, 0.5 or max.")
    return 1 / days


def _refuse_impossible_period(first: datetime, last: datetime, now: datetime) -> None:
    if last <= first:
        raise InputError(
            f"--to {last - timedelta(days=1):%Y-%m-%d} lies before --from {first:%Y-%m-%d}. "
            "Exchange them."
        )
    if last - timedelta(days=1) > now:
        raise InputError(
            f"--to {last - timedelta(days=1):%Y-%m-%d} lies in the future; history ends "
            f"{now:%Y-%m-%d}."
        )


def _playable(
    settings: Settings, stores: Stores, market: Market, symbols: Sequence[str], first: datetime
) -> tuple[str, ...]:
    """The asked symbols, or those of the watchlist that have history at `first`."""
    timeframe = settings.market.timeframe
    wanted = symbols or stores.watchlist.symbols()
    spans = {symbol: stores.library.span(market.name, symbol, timeframe) for symbol in wanted}
    there = tuple(symbol for symbol, span in spans.items() if span and span[0] < first <= span[1])
    if missing := [symbol for symbol in symbols if symbol not in there]:
        raise UnknownSymbolError(
            f"No {timeframe} history of {', '.join(missing)} before and at {first:%Y-%m-%d} is "
            f"stored in the market {market.name!r}. Import or download it, or start later."
        )
    if not there:
        raise UnknownSymbolError(
            f"No symbol of the watchlist has {timeframe} history at {first:%Y-%m-%d} in the market "
            f"{market.name!r}. Import or download some, or name symbols with --symbol."
        )
    return there


def _run_name(stores: Stores, market: Market, name: str) -> str:
    """`name`, numbered from the second time on: every replay is a record of its own."""
    taken = set(stores.records.runs(market.name))
    names = (name, *(f"{name} ({number})" for number in range(2, len(taken) + 3)))
    return next(each for each in names if each not in taken)


def _teller(stores: Stores, run: str, told: Told) -> Callable[[], None]:
    """A function that tells of every cycle of `run` completed since it was last called."""
    seen = stores.journal.last_seq()
    decisions: list[dict[str, Any]] = []

    def tell() -> None:
        nonlocal seen
        while events := stores.journal.events_after(seen):
            for event in events:
                seen = event.seq
                if event.run != run:
                    continue
                if event.kind is EventKind.DECISION_MADE:
                    decisions.append(event.payload)
                elif event.kind is EventKind.CYCLE_COMPLETED:
                    told(
                        {
                            "as_of": event.payload["as_of"],
                            "market": event.payload["market"],
                            "simulated": event.payload["simulated"],
                            "run": run,
                            "decisions": list(decisions),
                        }
                    )
                    decisions.clear()

    return tell
