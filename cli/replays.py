"""`replay`: stored history played as if it were live, in a run of its own, to watch it.

A run that was stopped or killed can be resumed: the engine starts where the run's own record ends,
as it always does.
"""

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from cli.market_data import parse_date
from cli.server import (
    SimulatedClock,
    make_backtest_service,
    make_services,
    make_training_jobs,
    print_address,
    stop_all,
)
from domain.errors import InputError, UnknownSymbolError
from domain.events import EventKind
from domain.symbols import calendar_of
from orchestrator.clocks import PacedClock
from orchestrator.engine import Engine
from settings import Settings
from web.live.notifier import Notifier
from web.server import create_app
from web.serving import WebServer, address, listen
from wiring.account import make_account_cycle, make_run_context
from wiring.agents import make_model_rollout, make_team
from wiring.market import ActiveMarket, choose_market, demo_now
from wiring.stores import Log, Stores, open_stores, utc_now

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
    `on_cycle` is called with every cycle. Raises InputError for dates that are not a period of the
    past, for an invalid speed and if there is no run to resume; UnknownSymbolError if there is no
    stored history to replay.
    """
    first, last = parse_date(start), parse_date(end) + timedelta(days=1)
    seconds_per_day = _seconds_per_day(speed)
    with open_stores(settings) as stores:
        listener = listen(settings.server.host, settings.server.port) if page else None
        simulated_now = SimulatedClock(demo_now(stores.journal))
        market = choose_market(settings, stores.market_data, simulated_now, log)
        _refuse_impossible_period(first, last, simulated_now() if market.simulated else utc_now())
        symbols_to_replay = _replayable_symbols(settings, stores, market, symbols, first)
        name = f"replay {start} {end}"
        run = (
            _stopped_run(settings, stores, market, name, symbols_to_replay)
            if resume
            else _run_name(stores, market, name)
        )
        notifier = Notifier()
        report_cycles = _cycle_reporter(stores, run, on_cycle) if on_cycle else (lambda: None)

        def notify() -> None:
            notifier.notify()
            report_cycles()

        account_cycle = make_account_cycle(settings, stores, market, run, lambda: first)
        context = make_run_context(settings, stores, market, run, account_cycle)
        model_rollout = make_model_rollout(settings, stores)
        engine = Engine(
            replace(context, starts_after=first),
            PacedClock(
                lambda: symbols_to_replay,
                settings.market.timeframe,
                first,
                last,
                seconds_per_day=seconds_per_day,
            ),
            lambda: symbols_to_replay,
            lambda on_progress: make_team(
                settings,
                model_rollout.initial_factory(),
                in_process=in_process,
                on_progress=on_progress,
            ),
            model_rollout=model_rollout,
            notify=notify,
        )
        activity = "Going on with" if resume else "Playing"
        log(f"{activity} {', '.join(symbols_to_replay)} from {start} to {end} as the run '{run}'.")
        if listener is None:
            _run_to_end(engine)
        else:
            backtests = make_backtest_service(settings, market, notifier)
            training = (
                None if in_process else make_training_jobs(settings, stores, engine, notifier)
            )
            services = make_services(
                settings,
                stores,
                market,
                account_cycle,
                engine,
                notifier,
                backtests,
                training,
                lambda: symbols_to_replay,
                first,
            )
            server = WebServer(create_app(services), listener)
            print_address(market, address(listener), log)
            engine.start()
            if not stay:
                stopper = threading.Thread(target=_stop_when_finished, args=(engine, server))
                stopper.daemon = True
                stopper.start()
            try:
                server.run(on_stop=partial(stop_all, engine, training))
            finally:
                backtests.close()
        status = engine.status()
        if status.error:
            log(f"The last thing that went wrong: {status.error}")
        elif status.last is None and status.finished:
            log("No bar closed in that time, so there was nothing to play.")


def _run_to_end(engine: Engine) -> None:
    engine.start()
    try:
        engine.join()
    finally:
        engine.stop()


def _stop_when_finished(engine: Engine, server: WebServer) -> None:
    engine.join()
    server.stop()


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


def _replayable_symbols(
    settings: Settings,
    stores: Stores,
    market: ActiveMarket,
    symbols: Sequence[str],
    first: datetime,
) -> tuple[str, ...]:
    """Return the requested symbols, or those of the watchlist that have history at `first`."""
    timeframe = settings.market.timeframe
    requested = symbols or stores.watchlist.symbols()
    spans = {
        symbol: stores.market_data.span(market.name, symbol, timeframe) for symbol in requested
    }
    available = tuple(
        symbol for symbol, span in spans.items() if span and span[0] < first <= span[1]
    )
    if missing := [symbol for symbol in symbols if symbol not in available]:
        raise UnknownSymbolError(
            f"No {timeframe} history of {', '.join(missing)} before and at {first:%Y-%m-%d} is "
            f"stored in the market {market.name!r}. Import or download it, or start later."
        )
    if not available:
        raise UnknownSymbolError(
            f"No symbol of the watchlist has {timeframe} history at {first:%Y-%m-%d} in the market "
            f"{market.name!r}. Import or download some, or name symbols with --symbol."
        )
    return available


def _run_name(stores: Stores, market: ActiveMarket, name: str) -> str:
    """Return `name`, numbered from the second time on, because every replay is a record of its
    own."""
    used = set(stores.records.runs(market.name))
    names = (name, *(f"{name} ({number})" for number in range(2, len(used) + 3)))
    return next(candidate for candidate in names if candidate not in used)


def _stopped_run(
    settings: Settings, stores: Stores, market: ActiveMarket, name: str, symbols: Sequence[str]
) -> str:
    """Return the most recently active run of that name that decided on `symbols` and nothing else.
    A run that was killed early may not have reached a bar of every calendar."""
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
        calendars = set(map(calendar_of, decided))
        if calendars and decided == {
            symbol for symbol in symbols if calendar_of(symbol) in calendars
        }:
            return run
    raise InputError(
        f"There is no '{name}' of {', '.join(symbols)} by {settings.market.timeframe} bars in the "
        f"market {market.name!r} to go on with. Name the same dates and symbols, or start a new "
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
