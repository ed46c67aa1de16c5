"""The run context, and the paper account that trades in it."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from orchestrator.account.cycle_orders import AccountCycle
from orchestrator.account.latest_prices import LatestPrices
from orchestrator.account.service import AccountService
from orchestrator.account.store import AccountStore, TradingRules
from orchestrator.cycle import RunContext
from settings import Settings
from storage.accounts.blotter import SqlBlotter
from storage.journal.panel_archive import panel_digest
from trading.limits import TradingSettings
from trading.sizing.profiles import profile_by_name
from wiring.agents import agent_factory
from wiring.market import ActiveMarket
from wiring.stores import Stores, TimeSource, secret, utc_now

if TYPE_CHECKING:  # heavy, and most commands do without
    from orchestrator.parity.checker import ParityChecker


def make_run_context(
    settings: Settings,
    stores: Stores,
    market: ActiveMarket,
    run: str,
    account_cycle: AccountCycle | None = None,
) -> RunContext:
    """Return the context of the cycles of `run`, which trade if `account_cycle` is given."""
    return RunContext(
        market=market.name,
        run=run,
        simulated=market.simulated,
        timeframe=settings.market.timeframe,
        horizon=settings.market.horizon,
        settings=settings.committee,
        store=stores.market_data,
        journal=stores.journal,
        digest_of=panel_digest,
        account_cycle=account_cycle,
    )


def make_account_cycle(
    settings: Settings,
    stores: Stores,
    market: ActiveMarket,
    run: str,
    opens_at: TimeSource,
) -> AccountCycle:
    """Return the paper account of `run` for its cycles; a new account opens at `opens_at`."""
    blotter = SqlBlotter(stores.database, market.name, run)
    return AccountCycle(
        account_store=AccountStore(
            market.name, run, stores.accounts, blotter, settings.account, opens_at
        ),
        store=stores.market_data,
        timeframe=settings.market.timeframe,
        rules=partial(trading_rules, settings),
        latest_decisions=partial(stores.records.latest, market.name, run),
    )


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


def make_account_service(
    settings: Settings,
    stores: Stores,
    account_cycle: AccountCycle,
    now: TimeSource,
    notify: Callable[[], None] = lambda: None,
) -> AccountService:
    """Return the service of the paper account of `account_cycle`; `now` is its run's time."""
    return AccountService(
        account_cycle.account_store,
        LatestPrices(
            stores.market_data, account_cycle.account_store.market, account_cycle.timeframe
        ),
        account_cycle.rules,
        secret=secret(settings.home, "quotes").encode(),
        now=now,
        suggest_orders=account_cycle.suggest_orders,
        notify=notify,
    )


def make_parity_checker(
    settings: Settings, stores: Stores, market: ActiveMarket, run: str
) -> "ParityChecker":
    """Return what compares paper days of `run` with a backtest of them, with agents in this
    process."""
    from orchestrator.parity.checker import ParityChecker

    return ParityChecker(
        account_cycle=make_account_cycle(settings, stores, market, run, utc_now),
        previous_targets=partial(stores.journal.previous_targets, market.name, run),
        records=stores.records,
        archive=stores.archive,
        build=agent_factory(settings, stores),
        horizon=settings.market.horizon,
        simulated=market.simulated,
    )
