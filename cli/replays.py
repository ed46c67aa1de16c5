"""`replay`: stored history played as if it were live, in a run of its own, to watch it.

A run that was stopped or killed can be resumed: the engine starts where the run's own record ends,
as it always does.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any

from cli.market_data import parse_date
from cli.server import log_address
from domain.errors import InputError, UnknownSymbolError
from domain.events import EventKind
from domain.symbols import calendar_of, did_you_mean
from orchestrator.status import EngineStatus
from settings import Settings
from wiring.engine import EngineRun, make_engine, replay_run
from wiring.home import Home, open_home
from wiring.server import RunServer, take_address
from wiring.stores import Log, Stores

MIN_SPEED = 0.00001
"""Days a second; real time is about this fast."""
OnCycle = Callable[[dict[str, Any]], None]
"""Called with every replayed cycle, as `decide --json` would print it."""


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
    log: Log,
    on_cycle: OnCycle | None = None,
) -> None:
    """Replay stored history from `start` to `end` at `speed` days a second, as a run of its own.

    With `resume`, continue the newest run of the same dates and symbols where it stopped.
    `on_cycle` is called with every cycle of a replay without pages. Raises InputError for dates
    that are not a period of the past, for an invalid speed and if there is no run to resume;
    UnknownSymbolError if there is no stored history to replay.
    """
    first, last = parse_date(start), parse_date(end) + timedelta(days=1)
    seconds_per_day = _seconds_per_day(speed)
    with (
        take_address(settings) if page else nullcontext() as listener,
        open_home(settings, log) as home,
    ):
        _refuse_impossible_period(first, last, home.now())
        played = _replayable_symbols(home, symbols, first)
        name = f"replay {start} {end}"
        name = _stopped_run(home, name, played) if resume else _run_name(home, name)
        run = replay_run(home, name, played, first, last, seconds_per_day=seconds_per_day)
        activity = "Going on with" if resume else "Playing"
        log(f"{activity} {', '.join(played)} from {start} to {end} as the run '{name}'.")
        if listener is None:
            status = _run_to_end(home, run, on_cycle, in_process=in_process)
        else:
            server = RunServer(home, run, listener, in_process=in_process)
            log_address(home, server.url, log)
            status = server.serve(until_finished=not stay)
        if status.error:
            log(f"The last thing that went wrong: {status.error}")
        elif status.last is None and status.finished:
            log("No bar closed in that time, so there was nothing to play.")


def _run_to_end(
    home: Home, run: EngineRun, on_cycle: OnCycle | None, *, in_process: bool
) -> EngineStatus:
    notify = _cycle_reporter(home.stores, run.name, on_cycle) if on_cycle else (lambda: None)
    engine = make_engine(home, run, in_process=in_process, notify=notify)
    engine.start()
    try:
        engine.join()
    finally:
        engine.stop()
    return engine.status()


def _seconds_per_day(speed: str) -> float:
    if speed == "max":
        return 0.0
    try:
        days = float(speed)
    except ValueError:
        days = math.nan
    if not (math.isfinite(days) and days >= MIN_SPEED):
        raise InputError(
            f"--speed {speed!r} is not a number of days a second from {MIN_SPEED} on. Try 1, 0.5 "
            "or max."
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


def _replayable_symbols(home: Home, symbols: Sequence[str], first: datetime) -> tuple[str, ...]:
    """Return the requested symbols, or those of the watchlist that have history at `first`."""
    stores, market, timeframe = home.stores, home.market.name, home.settings.market.timeframe
    requested = symbols or stores.watchlist.symbols()
    if not requested:
        raise InputError(
            "The watchlist is empty, so there is nothing to replay. Name symbols with --symbol, or"
            " follow some with `quorum watch add AAPL`."
        )
    spans = {symbol: stores.market_data.span(market, symbol, timeframe) for symbol in requested}
    available = tuple(
        symbol for symbol, span in spans.items() if span and span[0] < first <= span[1]
    )
    if missing := [symbol for symbol in symbols if symbol not in available]:
        raise UnknownSymbolError(
            f"No {timeframe} history of {', '.join(missing)} before and at {first:%Y-%m-%d} is "
            f"stored in the market {market!r}. Import or download it, or start later."
            f"{did_you_mean(missing[0], stores.market_data.symbols(market, timeframe))}"
        )
    if not available:
        raise UnknownSymbolError(
            f"No symbol of the watchlist has {timeframe} history at {first:%Y-%m-%d} in the market "
            f"{market!r}. Import or download some, or name symbols with --symbol."
        )
    return available


def _run_name(home: Home, name: str) -> str:
    """Return `name`, numbered from the second time on, because every replay is a record of its
    own."""
    used = set(home.stores.records.runs(home.market.name))
    names = (name, *(f"{name} ({number})" for number in range(2, len(used) + 3)))
    return next(candidate for candidate in names if candidate not in used)


def _stopped_run(home: Home, name: str, symbols: Sequence[str]) -> str:
    """Return the most recently active run of that name that decided on `symbols` and nothing else.
    A run that was killed early may not have reached a bar of every calendar."""
    records, market, timeframe = (
        home.stores.records,
        home.market.name,
        home.settings.market.timeframe,
    )
    runs = [run for run in records.runs(market) if run == name or run.startswith(f"{name} (")]
    for run in runs:
        decided = {
            recorded.decision.symbol
            for recorded in records.latest(market, run)
            if recorded.timeframe is timeframe
        }
        calendars = set(map(calendar_of, decided))
        if calendars and decided == {
            symbol for symbol in symbols if calendar_of(symbol) in calendars
        }:
            return run
    raise InputError(
        f"There is no '{name}' of {', '.join(symbols)} by {timeframe} bars in the "
        f"market {market!r} to go on with. Name the same dates and symbols, or start a new "
        "one without --resume."
    )


def _cycle_reporter(stores: Stores, run: str, on_cycle: OnCycle) -> Callable[[], None]:
    """Return a function that reports every cycle of `run` completed since its last call."""
    last_seq = stores.journal.last_seq()
    decisions: list[dict[str, Any]] = []

    def report() -> None:
        nonlocal last_seq
        while events := stores.journal.events_after(last_seq):
            for event in events:
                last_seq = event.seq
                if event.run != run:
                    continue
                if event.kind is EventKind.DECISION_MADE:
                    decisions.append(event.payload)
                elif event.kind is EventKind.CYCLE_COMPLETED:
                    on_cycle(
                        {
                            "as_of": event.payload["as_of"],
                            "market": event.payload["market"],
                            "simulated": event.payload["simulated"],
                            "run": run,
                            "decisions": list(decisions),
                        }
                    )
                    decisions.clear()

    return report
