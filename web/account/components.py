"""The parts of the paper account that pages and stream share, read from the house once each time.

Leaves out how they look (`views/`).
"""

from dataclasses import dataclass

import numpy as np

from domain.errors import VerificationError
from domain.sectors import BROAD, sector_of
from domain.trading.account import Account, CashMoved, Mode, Reset
from storage.accounts.blotter import Curve
from trading.limits import TradingSettings
from web.account.suggestion_cache import Suggested
from web.components.dashboard_views import Kpi
from web.services import House
from web.views.equity import Flow, Past, PastView, benchmark_of, past_of, past_view
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
    GuardView,
    ModeChoice,
    Suggestion,
    broken_view,
    guard_view,
    mode_choices,
    suggestions,
)


@dataclass(frozen=True, slots=True)
class AccountParts:
    """`past` is None before two rows of bars, `suggested` None but in suggest mode; `profile` is
    the name of the strategy profile."""

    kpis: tuple[Kpi, ...]
    positions: tuple[PositionLine, ...]
    allocations: tuple[Allocation, ...]
    movers: Movers
    past: PastView | None
    guard: GuardView
    profile: str
    modes: tuple[ModeChoice, ...]
    suggested: tuple[Suggestion, ...] | None


def account_parts(house: House, suggested: Suggested) -> AccountParts:
    account = house.floor.account()
    return AccountParts(
        kpis=account_kpis(account),
        positions=position_lines(account),
        allocations=allocations(account, sectors(account)),
        movers=movers_of(house, account),
        past=past_view(past_of_account(house), account.currency),
        guard=guard_view(account, rules_of(house, account).limits),
        profile=account.profile,
        modes=mode_choices(account.mode),
        suggested=suggestions(suggested.now()) if account.mode is Mode.SUGGEST else None,
    )


def guard_of(house: House) -> GuardView:
    """Also of an account that cannot be read, so that the engine's page can."""
    try:
        account = house.floor.account()
    except VerificationError as broken:
        return broken_view(str(broken))
    return guard_view(account, rules_of(house, account).limits)


def rules_of(house: House, account: Account) -> TradingSettings:
    """What its profile makes of costs and limits."""
    return house.rules(account.profile).trading


def past_of_account(house: House) -> Past:
    curve = house.blotter.curve()
    benchmark = benchmark_of(house, curve.times)
    return past_of(curve.times, curve.equity, curve.exposure, flows_of(house, curve), benchmark)


def flows_of(house: House, curve: Curve) -> tuple[Flow, ...]:
    """Money that was moved by hand since the account was opened, oldest first. The order of the
    entries tells which row was the first to have it: a row may be met after money that was moved
    later, and at the very instant at which money was moved."""
    found = []
    for entry in house.blotter.happenings(CashMoved, Reset):
        row = int(np.searchsorted(curve.numbers, entry.number))
        match entry.what:
            case CashMoved(amount=amount):
                found.append(Flow(row, amount))
            case Reset(capital=capital):
                found.append(Flow(row, capital, anew=True))
    return tuple(found)


def movers_of(house: House, account: Account) -> Movers:
    closes = {symbol: mark.close for symbol, mark in account.marks.items()}
    profits = profit_by_symbol(house.blotter.trips(), house.blotter.lots(), closes)
    return movers(profits, account.positions)


def sectors(account: Account) -> dict[str, str]:
    """In words, of what is held; '' where none is known."""
    found = {symbol: sector_of(symbol, {}) or "" for symbol in account.positions}
    return {
        symbol: "Broad market funds" if sector == BROAD else sector.capitalize()
        for symbol, sector in found.items()
    }
