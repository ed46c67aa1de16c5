"""`replay`: stored history played as if it were live, in a run of its own, to be watched.

A run that was stopped or killed can be gone on with: the engine starts where the run's own record
ends, as it always does.
"""

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from cli.market_data import parse_date
from cli.server import SimulatedNow, greet, house_of, make_bench, make_training, stop
from domain.errors import InputError, UnknownSymbolError
from domain.events import EventKind
from domain.symbols import calendar_of
from orchestrator.clocks import PacedClock
from orchestrator.engine import Engine
from settings import Settings
from web.live.notifier import Bell
from web.server import create_app
from web.serving import Server, address, listen
from wiring.account import make_day, make_desk
from wiring.agents import make_seating, make_team
from wiring.market import Market, choose_market, demo_present
from wiring.stores import Say, Stores, open_stores, utc_now

SLOWEST = 0.00001
"""Days a second; real time is about this fast."""
Told = Callable[[dict[str, Any]], None]
"""Hears of every cycle that was played, as `decide --json` would print it."""


def replay(
    settings: Settings,
    *,
    start: str,
    end: str,
    speed: str,
    symbols: Sequence[str],
    page: bool,
    stay: bool,
    resume: bool,
    in_process: bool,
    say: Say,
    told: Told | None = None,
) -> None:
    """Plays stored history from `start` to `end` at `speed` days a second, as a run of its own.

    With `resume` it goes on with the newest run of these very dates and symbols where that
    stopped. `told` hears of every cycle. Raises InputError for dates that are no period of the
    past, for a speed that is none and where there is no run to go on with, UnknownSymbolError
    where nothing is stored to play.
    """
    first, last = parse_date(start), parse_date(end) + timedelta(days=1)
    per_day = _seconds_per_day(speed)
    with open_stores(settings) as stores:
        listener = listen(settings.server.host, settings.server.port) if page else None
        present = SimulatedNow(demo_present(stores.journal))
        market = choose_market(settings, stores.library, present, say)
        _refuse_impossible_period(first, last, present() if market.simulated else utc_now())
        played = _playable(settings, stores, market, symbols, first)
        name = f"replay {start} {end}"
        run = (
            _stopped_run(settings, stores, market, name, played)
            if resume
            else _run_name(stores, market, name)
        )
        bell = Bell()
        tell_cycles = _teller(stores, run, told) if told else (lambda: None)

        def publish() -> None:
            bell.ring()
            tell_cycles()

        day = make_day(settings, stores, market, run, lambda: first)
        seating = make_seating(settings, stores)
        engine = Engine(
            replace(make_desk(settings, stores, market, run, day), begins=first),
            PacedClock(lambda: played, settings.market.timeframe, first, last,
                       seconds_per_day=per_day),
            lambda: played,
            lambda tell: make_team(
                settings, seating.open(), in_process=in_process, progress=tell
            ),
            seating=seating,
            publish=publish,
        )  # fmt: skip
        how = "Going on with" if resume else "Playing"
        say(f"{how} {', '.join(played)} from {start} to {end} as the run '{run}'.")
        if listener is None:
            _play(engine)
        else:
            bench = make_bench(settings, market, bell)
            training = None if in_process else make_training(settings, stores, engine, bell)
            house = house_of(
                settings, stores, market, day, engine, bell, bench, training, lambda: played, first
            )
            server = Server(create_app(house), listener)
            greet(market, address(listener), say)
            engine.start()
            if not stay:
                ending = threading.Thread(target=_stop_when_played, args=(engine, server))
                ending.daemon = True
                ending.start()
            try:
                server.run(stopping=partial(stop, engine, training))
            finally:
                bench.close()
        status = engine.status()
        if status.error:
            say(f"The last thing that went wrong: {status.error}")
        elif status.last is None and status.finished:
            say("No bar closed in that time, so there was nothing to play.")


def _play(engine: Engine) -> None:
    engine.start()
    try:
        engine.join()
    finally:
        engine.stop()


def _stop_when_played(engine: Engine, server: Server) -> None:
    engine.join()
    server.stop()


def _seconds_per_day(speed: str) -> float:
    if speed == "max":
        return 0.0
    try:
        days = float(speed)
    except ValueError:
        days = math.nan
    if not (math.isfinite(days) and days >= SLOWEST):
        raise InputError(
            f"--speed {speed!r} is not a number of days a second from {SLOWEST} on. Try 1, 0.5 or "
            "max."
        )
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


def _stopped_run(
    settings: Settings, stores: Stores, market: Market, name: str, played: Sequence[str]
) -> str:
    """The run of that name, of those most recently active, that decided on `played` and nothing
    else. One that was killed early may not have come to a bar of every calendar yet."""
    runs = [
        run
        for run in stores.records.runs(market.name)
        if run == name or run.startswith(f"{name} (")
    ]
    for run in runs:
        decided = {
            recorded.decision.symbol
            for recorded in stores.records.latest(market.name, run)
            if recorded.timeframe is settings.market.timeframe
        }
        begun = set(map(calendar_of, decided))
        if begun and decided == {symbol for symbol in played if calendar_of(symbol) in begun}:
            return run
    raise InputError(
        f"There is no '{name}' of {', '.join(played)} by {settings.market.timeframe} bars in the "
        f"market {market.name!r} to go on with. Name the same dates and symbols, or start a new "
        "one without --resume."
    )


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
