"""An open home: its stores, the market in force and its current time.

Everything else is built from it (`wiring/`): engine, paper account, backtests, lab, pages.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from domain.symbols import calendar_of
from market.calendars import last_close
from market.feed import FetchOutcome
from market.provider import Progress
from settings import Settings
from wiring.market import LIVE_RUN, ActiveMarket, choose_market, demo_now
from wiring.stores import Log, Stores, open_stores, utc_now


class SimulatedClock:
    """The demo market's current time: what its provider knows goes up to `at`."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


@dataclass(frozen=True, slots=True)
class Home:
    """A home that is open. `demo_clock` stands still unless an engine moves it, bar by bar."""

    settings: Settings
    stores: Stores
    market: ActiveMarket
    demo_clock: SimulatedClock

    def now(self) -> datetime:
        """Return the market's current time: the demo's own, or the real one."""
        return self.demo_clock() if self.market.simulated else utc_now()

    def time_of(self, run: str) -> datetime:
        """Return the current time of a run: the market's for the live one, else that of the newest
        bar in its record."""
        if run == LIVE_RUN:
            return self.now()
        market, journal = self.market.name, self.stores.journal
        calendars = self.stores.records.calendars(market, run)
        cursors = (journal.cursor(market, run, calendar) for calendar in calendars)
        return max((at for at in cursors if at), default=utc_now())

    def latest_common_close(self) -> datetime:
        """Return the instant by which every exchange of the watchlist has closed a bar: a live
        account begins there."""
        now, timeframe = self.now(), self.settings.market.timeframe
        calendars = {calendar_of(symbol) for symbol in self.stores.watchlist.symbols()}
        return min((last_close(calendar, timeframe, now) for calendar in calendars), default=now)

    def refresh(
        self, symbols: Sequence[str], at: datetime, on_progress: Progress = lambda *_: None
    ) -> Sequence[FetchOutcome]:
        """Fetch what is missing of `symbols`, in the demo up to `at`; nothing without a provider.
        What the provider refuses is an outcome, never an exception."""
        if self.market.feed is None:
            return ()
        self.demo_clock.at = max(self.demo_clock.at, at)
        timeframe = self.settings.market.timeframe
        return self.market.feed.refresh(symbols, timeframe, self.now(), on_progress)


@contextmanager
def open_home(settings: Settings, log: Log) -> Iterator[Home]:
    """Open the home's stores and choose its market; raises as `open_stores` and `make_home`."""
    with open_stores(settings) as stores:
        yield make_home(settings, stores, log)


def make_home(settings: Settings, stores: Stores, log: Log) -> Home:
    """Return the home of open stores in the market in force; raises as `choose_market`."""
    clock = SimulatedClock(demo_now(stores.journal))
    return Home(settings, stores, choose_market(settings, stores.market_data, clock, log), clock)


def make_marketless_home(settings: Settings, stores: Stores) -> Home:
    """Return the home of open stores for what needs no bars: no market is chosen."""
    market = ActiveMarket("", simulated=False, feed=None)
    return Home(settings, stores, market, SimulatedClock(utc_now()))
