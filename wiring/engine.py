"""The engine of a run, and everything in which a live run, the demo's and a replay differ."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from market.simulated.provider import LIVE_START
from orchestrator.account.cycle_orders import AccountCycle
from orchestrator.clocks import Clock, LiveClock, PacedClock, WatchedSymbols
from orchestrator.cycle import RunContext
from orchestrator.engine import Engine, Refresh
from storage.journal.panel_archive import panel_digest
from wiring.account import make_account_cycle
from wiring.agents import make_model_rollout, make_team
from wiring.home import Home
from wiring.market import LIVE_RUN


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineRun:
    """What an engine runs.

    `starts_at` is the current time before the first bar, None for a run in real time; bars that
    closed by `starts_after` are left out of a new run. `refresh` is None if nothing is fetched.
    """

    name: str
    watched_symbols: WatchedSymbols
    clock: Clock
    account_cycle: AccountCycle
    starts_at: datetime | None = None
    starts_after: datetime | None = None
    refresh: Refresh | None = None


def live_run(home: Home) -> EngineRun:
    """Return the run that follows the watchlist: as exchanges close, or bar by bar in the demo."""
    settings, watched_symbols = home.settings, home.stores.watchlist.symbols
    timeframe, starts_at = settings.market.timeframe, None
    clock: Clock = LiveClock(watched_symbols, timeframe)
    if home.market.simulated:
        starts_at, pace = LIVE_START, settings.demo.seconds_per_bar
        clock = PacedClock(watched_symbols, timeframe, starts_at, seconds_per_bar=pace)
    return EngineRun(
        name=LIVE_RUN,
        watched_symbols=watched_symbols,
        clock=clock,
        account_cycle=make_account_cycle(home, LIVE_RUN, home.latest_common_close),
        starts_at=starts_at,
        refresh=home.refresh if home.market.feed else None,
    )


def replay_run(
    home: Home,
    name: str,
    symbols: tuple[str, ...],
    first: datetime,
    last: datetime,
    *,
    seconds_per_day: float,
) -> EngineRun:
    """Return the run that plays the stored history of `symbols` that closed after `first` and by
    `last`."""
    return EngineRun(
        name=name,
        watched_symbols=lambda: symbols,
        clock=PacedClock(
            lambda: symbols,
            home.settings.market.timeframe,
            first,
            last,
            seconds_per_day=seconds_per_day,
        ),
        account_cycle=make_account_cycle(home, name, lambda: first),
        starts_at=first,
        starts_after=first,
    )


def make_run_context(
    home: Home,
    run: str,
    account_cycle: AccountCycle | None = None,
    starts_after: datetime | None = None,
) -> RunContext:
    """Return the context of the cycles of `run`, which trade if `account_cycle` is given."""
    settings, stores = home.settings, home.stores
    return RunContext(
        market=home.market.name,
        run=run,
        simulated=home.market.simulated,
        timeframe=settings.market.timeframe,
        horizon=settings.market.horizon,
        settings=settings.committee,
        store=stores.market_data,
        journal=stores.journal,
        digest_of=panel_digest,
        starts_after=starts_after,
        account_cycle=account_cycle,
    )


def make_engine(
    home: Home, run: EngineRun, *, in_process: bool, notify: Callable[[], None]
) -> Engine:
    """Return the engine of `run`. Its agents vote in this process or each in a Ray actor, with the
    active model; `notify` is called after something was recorded."""
    model_rollout = make_model_rollout(home.settings, home.stores)
    return Engine(
        make_run_context(home, run.name, run.account_cycle, run.starts_after),
        run.clock,
        run.watched_symbols,
        lambda on_progress: make_team(
            home.settings,
            model_rollout.initial_factory(),
            in_process=in_process,
            on_progress=on_progress,
        ),
        refresh=run.refresh,
        model_rollout=model_rollout,
        notify=notify,
    )
