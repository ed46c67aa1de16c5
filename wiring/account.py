"""The paper account of a run: in its cycles, and for whoever acts on it."""

from collections.abc import Callable
from functools import partial

from orchestrator.account.cycle_orders import AccountCycle
from orchestrator.account.latest_prices import LatestPrices
from orchestrator.account.service import AccountService
from orchestrator.account.store import AccountStore, TradingRules
from settings import Settings
from storage.accounts.blotter import SqlBlotter
from trading.limits import TradingSettings
from trading.sizing.profiles import profile_by_name
from wiring.home import Home
from wiring.stores import TimeSource, secret, utc_now


def make_account_cycle(home: Home, run: str, opens_at: TimeSource) -> AccountCycle:
    """Return the paper account of `run` for its cycles; a new account opens at `opens_at`."""
    settings, stores, market = home.settings, home.stores, home.market.name
    return AccountCycle(
        account_store=AccountStore(
            market, run, stores.accounts, make_blotter(home, run), settings.account, opens_at
        ),
        store=stores.market_data,
        timeframe=settings.market.timeframe,
        rules=partial(trading_rules, settings),
        latest_decisions=partial(stores.records.latest, market, run),
    )


def make_account_service(
    home: Home,
    account_cycle: AccountCycle,
    now: TimeSource,
    *,
    notify: Callable[[], None] = lambda: None,
    wall_clock: TimeSource = utc_now,
) -> AccountService:
    """Return the service of the paper account of `account_cycle`; `now` is its run's time."""
    return AccountService(
        account_cycle.account_store,
        LatestPrices(home.stores.market_data, home.market.name, account_cycle.timeframe),
        account_cycle.rules,
        secret=secret(home.settings.home, "quotes").encode(),
        now=now,
        suggest_orders=account_cycle.suggest_orders,
        notify=notify,
        wall_clock=wall_clock,
    )


def open_account(home: Home, run: str) -> AccountService:
    """Return the service of a run's account for one command, at the run's time as it is now."""
    now = home.time_of(run)
    account_cycle = make_account_cycle(home, run, home.latest_common_close)
    return make_account_service(home, account_cycle, lambda: now)


def make_blotter(home: Home, run: str) -> SqlBlotter:
    """Return the orders, fills and entries of a run's account, for reading."""
    return SqlBlotter(home.stores.database, home.market.name, run)


def trading_rules(settings: Settings, profile_name: str) -> TradingRules:
    """Return the trading rules under a strategy profile. Raises InputError for an unknown
    profile."""
    strategy_profile, sizing = profile_by_name(profile_name), settings.committee.sizing
    return TradingRules(
        TradingSettings(
            costs=settings.costs, limits=strategy_profile.apply_to_limits(settings.limits)
        ),
        settings.committee.model_copy(update={"sizing": strategy_profile.apply_to_sizing(sizing)}),
    )
