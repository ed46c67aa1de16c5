"""A floor over the small market of `stores_for_tests.py`, whose clocks stand where a test says."""

from datetime import UTC, datetime, timedelta

from domain.timeframe import Timeframe
from domain.trading.orders import Side, Ticket
from orchestrator.account.cycle_orders import TradingDay
from orchestrator.account.latest_prices import Prices
from orchestrator.account.service import Floor
from orchestrator.account.store import AccountSettings, Book, Rules
from orchestrator.committee.pooling import CommitteeSettings
from storage.accounts.account_log import Accounts
from storage.accounts.blotter import Blotter
from storage.journal.decision_records import Records
from storage.market_data.sql_store import SqlLibrary
from tests.orchestrator.market_fixtures import FIRST, closes_after
from trading.account.ledger import apply
from trading.limits import TradingSettings
from trading.sizing.profiles import profile


class Clock:
    """`at` is the run's time, `wall` the clock on the wall; both only move when told to."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.wall = datetime(2026, 1, 1, tzinfo=UTC)

    def pass_(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)


def rules_of(name: str) -> Rules:
    known, committee = profile(name), CommitteeSettings()
    return Rules(
        TradingSettings(limits=known.limit(TradingSettings().limits)),
        committee.model_copy(update={"sizing": known.size(committee.sizing)}),
    )


def book_of(database, run: str = "live", **opening) -> Book:
    blotter = Blotter(database, "files", run)
    return Book(
        "files", run, Accounts(database, apply), blotter, AccountSettings(**opening), lambda: FIRST
    )


def floor_of(database, clock: Clock, run: str = "live", **opening) -> Floor:
    return Floor(
        book_of(database, run, **opening),
        Prices(SqlLibrary(database), "files", Timeframe.D1),
        rules_of,
        secret=b"of the tests",
        now=lambda: clock.at,
        suggest=lambda _: (),
        wall=lambda: clock.wall,
    )


def at_bar(bars: int) -> Clock:
    """Right after so many bars have closed."""
    return Clock(closes_after(bars))


def buy(quantity: float = 1.0, symbol: str = "BTC-USD", **terms) -> Ticket:
    return Ticket(symbol=symbol, side=Side.BUY, quantity=quantity, **terms)


def day_of_tests(database, run: str = "live", **committee) -> TradingDay:
    """The account of `run` through its cycles, with other committee settings where named."""

    def rules(name: str) -> Rules:
        known = rules_of(name)
        return Rules(known.trading, known.committee.model_copy(update=committee))

    return TradingDay(
        book=book_of(database, run),
        library=SqlLibrary(database),
        timeframe=Timeframe.D1,
        rules=rules,
        latest=lambda: Records(database).latest("files", run),
    )
