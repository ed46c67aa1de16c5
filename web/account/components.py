"""The parts of the paper account that pages and stream share, read from the services once each
time.

Leaves out how they look (`views/`).
"""

from dataclasses import dataclass

import numpy as np

from domain.errors import VerificationError
from domain.sectors import BROAD, sector_of
from domain.trading.account import Account, AccountReset, CashTransferred, TradingMode
from storage.accounts.blotter import EquityCurve
from trading.limits import TradingSettings
from web.account.suggestion_cache import SuggestionCache
from web.services import AppServices
from web.views.amounts import Kpi
from web.views.equity import (
    AccountHistory,
    AccountHistoryView,
    CashFlow,
    account_history,
    account_history_view,
    load_benchmark,
)
from web.views.portfolio import (
    Allocation,
    Movers,
    PositionLine,
    account_kpis,
    allocations,
    movers,
    position_lines,
)
from web.views.tax_lots import profit_by_symbol
from web.views.trading_state import (
    ModeOption,
    SuggestionLine,
    TradingStateView,
    mode_options,
    suggestion_lines,
    trading_state_view,
    unreadable_account_view,
)


@dataclass(frozen=True, slots=True)
class AccountComponents:
    """`history` is None before two rows of bars, `suggestions` None except in suggest mode;
    `profile` is the name of the strategy profile."""

    kpis: tuple[Kpi, ...]
    positions: tuple[PositionLine, ...]
    allocations: tuple[Allocation, ...]
    movers: Movers
    history: AccountHistoryView | None
    trading_state: TradingStateView
    profile: str
    modes: tuple[ModeOption, ...]
    suggestions: tuple[SuggestionLine, ...] | None


def account_components(
    services: AppServices, suggestion_cache: SuggestionCache
) -> AccountComponents:
    account = services.account_service.account()
    return AccountComponents(
        kpis=account_kpis(account),
        positions=position_lines(account),
        allocations=allocations(account, sector_names(account)),
        movers=load_movers(services, account),
        history=account_history_view(load_account_history(services), account.currency),
        trading_state=trading_state_view(account, trading_settings_of(services, account).limits),
        profile=account.profile,
        modes=mode_options(account.mode),
        suggestions=suggestion_lines(suggestion_cache.current())
        if account.mode is TradingMode.SUGGEST
        else None,
    )


def load_trading_state(services: AppServices) -> TradingStateView:
    """Also of an account that cannot be read, so that the engine's page can."""
    try:
        account = services.account_service.account()
    except VerificationError as broken:
        return unreadable_account_view(str(broken))
    return trading_state_view(account, trading_settings_of(services, account).limits)


def trading_settings_of(services: AppServices, account: Account) -> TradingSettings:
    """What its profile makes of costs and limits."""
    return services.trading_rules(account.profile).trading


def load_account_history(services: AppServices) -> AccountHistory:
    curve = services.blotter.curve()
    benchmark = load_benchmark(services, curve.times)
    return account_history(
        curve.times, curve.equity, curve.exposure, load_cash_flows(services, curve), benchmark
    )


def load_cash_flows(services: AppServices, curve: EquityCurve) -> tuple[CashFlow, ...]:
    """Money that was moved by hand since the account was opened, oldest first. The order of the
    entries tells which row was the first to have it: a row may be met after money that was moved
    later, and at the very instant at which money was moved."""
    found = []
    for entry in services.blotter.account_entries(CashTransferred, AccountReset):
        row = int(np.searchsorted(curve.numbers, entry.number))
        match entry.event:
            case CashTransferred(amount=amount):
                found.append(CashFlow(row, amount))
            case AccountReset(capital=capital):
                found.append(CashFlow(row, capital, reset=True))
    return tuple(found)


def load_movers(services: AppServices, account: Account) -> Movers:
    closes = {symbol: bar.close for symbol, bar in account.last_bars.items()}
    profits = profit_by_symbol(services.blotter.round_trips(), services.blotter.lots(), closes)
    return movers(profits, account.positions)


def sector_names(account: Account) -> dict[str, str]:
    """In words, of what is held; '' where none is known."""
    found = {symbol: sector_of(symbol, {}) or "" for symbol in account.positions}
    return {
        symbol: "Broad market funds" if sector == BROAD else sector.capitalize()
        for symbol, sector in found.items()
    }
