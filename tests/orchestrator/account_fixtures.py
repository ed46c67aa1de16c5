"""An account service over the small market of `market_fixtures.py`, whose clocks a test sets."""

from datetime import UTC, datetime, timedelta

from domain.timeframe import Timeframe
from domain.trading.orders import Side, Ticket
from orchestrator.account.cycle_orders import AccountCycle
from orchestrator.account.latest_prices import LatestPrices
from orchestrator.account.service import AccountService
from orchestrator.account.store import AccountSettings, AccountStore, TradingRules
from orchestrator.committee.pooling import CommitteeSettings
from storage.accounts.account_log import SqlAccountLog
from storage.accounts.blotter import SqlBlotter
from storage.journal.decision_records import SqlDecisionRecords
from storage.market_data.sql_store import SqlMarketDataStore
from tests.orchestrator.market_fixtures import FIRST, close_of_bar
from trading.account.ledger import apply
from trading.limits import TradingSettings
from trading.sizing.profiles import profile_by_name


class ManualClock:
    """`market_time` is the run's time, `clock_time` that of the clock on the wall; both move only
    when a test moves them."""

    def __init__(self, market_time: datetime) -> None:
        self.market_time = market_time
        self.clock_time = datetime(2026, 1, 1, tzinfo=UTC)

    def advance(self, seconds: float) -> None:
        self.clock_time += timedelta(seconds=seconds)


def profile_rules(name: str) -> TradingRules:
    strategy_profile, committee = profile_by_name(name), CommitteeSettings()
    return TradingRules(
        TradingSettings(limits=strategy_profile.apply_to_limits(TradingSettings().limits)),
        committee.model_copy(update={"sizing": strategy_profile.apply_to_sizing(committee.sizing)}),
    )


def account_store(database, run: str = "live", **settings) -> AccountStore:
    blotter = SqlBlotter(database, "files", run)
    return AccountStore(
        "files",
        run,
        SqlAccountLog(database, apply),
        blotter,
        AccountSettings(**settings),
        lambda: FIRST,
    )


def account_service(database, clock: ManualClock, run: str = "live", **settings) -> AccountService:
    return AccountService(
        account_store(database, run, **settings),
        LatestPrices(SqlMarketDataStore(database), "files", Timeframe.D1),
        profile_rules,
        secret=b"of the tests",
        now=lambda: clock.market_time,
        suggest_orders=lambda _: (),
        wall_clock=lambda: clock.clock_time,
    )


def clock_after(bars: int) -> ManualClock:
    """Right after so many bars have closed."""
    return ManualClock(close_of_bar(bars))


def buy_ticket(quantity: float = 1.0, symbol: str = "BTC-USD", **terms) -> Ticket:
    return Ticket(symbol=symbol, side=Side.BUY, quantity=quantity, **terms)


def account_cycle(database, run: str = "live", **committee) -> AccountCycle:
    """The account of `run` through its cycles, with other committee settings where named."""

    def rules(name: str) -> TradingRules:
        known = profile_rules(name)
        return TradingRules(known.trading, known.committee.model_copy(update=committee))

    return AccountCycle(
        account_store=account_store(database, run),
        store=SqlMarketDataStore(database),
        timeframe=Timeframe.D1,
        rules=rules,
        latest_decisions=lambda: SqlDecisionRecords(database).latest("files", run),
    )
