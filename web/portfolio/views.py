"""A paper account as the portfolio page draws it: key figures, positions, allocation, movers.

An unknown value is a dash, never a zero. Numbers come from `trading/account/valuation.py`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from domain.trading.account import Account
from domain.trading.orders import Order
from trading.account.valuation import AccountValuation, Holding, holdings, value_account
from web import formatting
from web.components.amounts import (
    UNKNOWN,
    Kpi,
    arrow_icon,
    format_quantity,
    money,
    money_tone,
    percent,
    signed_money,
    signed_percent,
)
from web.components.trading_state import ticket_url

_CASH = "Cash"
_LOOKS = (1, 2, 3, 4, 6, 7, 8)
"""Colours of an allocation, except the grey of cash; further parts are combined."""


@dataclass(frozen=True, slots=True)
class ExitLine:
    """`url` links to the order."""

    word: str
    price: str
    url: str


@dataclass(frozen=True, slots=True)
class PositionLine:
    """`direction` is long or short; `close_url` opens a ticket that would close it,
    `lots_url` shows the lots it is made of."""

    symbol: str
    slug: str
    direction: str
    quantity: str
    cost: str
    last: str
    priced_at: datetime | None
    value: str
    unrealised: str
    change: str
    tone: str
    icon: str
    weight: str
    weight_width: float
    exits: tuple[ExitLine, ...]
    close_url: str
    lots_url: str


@dataclass(frozen=True, slots=True)
class AllocationSlice:
    """A part of the whole: it starts at `x` and is `width` (of 100) wide, in colour `look` (0:
    cash)."""

    name: str
    percent: str
    value: str
    x: float
    width: float
    look: int
    note: str


@dataclass(frozen=True, slots=True)
class Allocation:
    id: str
    title: str
    slices: tuple[AllocationSlice, ...]


@dataclass(frozen=True, slots=True)
class Mover:
    symbol: str
    profit: str
    tone: str
    icon: str
    note: str


@dataclass(frozen=True, slots=True)
class Movers:
    """The most profitable symbols, best first, and the least profitable, worst first, by profit
    since the start, realised and unrealised."""

    best: tuple[Mover, ...]
    worst: tuple[Mover, ...]


def account_kpis(account: Account, drawdown: float | None) -> tuple[Kpi, ...]:
    """Return the key figures. `drawdown` is the fraction lost since the account's highest value,
    money moved left out; None where it is not known."""
    valuation, currency = value_account(account), account.currency
    return (
        Kpi("Equity", "wallet", money(valuation.equity), _since_beginning(valuation, currency)),
        Kpi(
            "Today",
            "activity",
            signed_money(valuation.day_change),
            signed_percent(valuation.day_share)
            if valuation.day_share is not None
            else "no bar was met yet",
            money_tone(valuation.day_change),
        ),
        Kpi(
            "Cash",
            "landmark",
            money(valuation.cash),
            _percent_of_equity(valuation.cash, valuation.equity),
        ),
        Kpi(
            "Unrealised profit",
            "chart-line",
            signed_money(valuation.unrealised),
            "positions at their last close",
            money_tone(valuation.unrealised),
        ),
        Kpi(
            "Realised profit",
            "receipt-text",
            signed_money(valuation.realised),
            _income_note(valuation),
            money_tone(valuation.realised),
        ),
        Kpi("Fees", "scale", money(valuation.fees), "commissions and charges, within the profit"),
        Kpi(
            "Exposure",
            "layers",
            percent(valuation.exposure),
            f"net {percent(valuation.net)} of equity",
        ),
        Kpi(
            "Drawdown now",
            "arrow-down",
            percent(drawdown),
            "from its highest close" if drawdown is not None else "not known yet",
            "down" if (drawdown or 0.0) > 0.0005 else "",
        ),
    )


def position_lines(account: Account) -> tuple[PositionLine, ...]:
    return tuple(map(_position_line, holdings(account)))


def allocations(account: Account, sectors: Mapping[str, str]) -> tuple[Allocation, ...]:
    """Return the allocations by symbol and by sector. `sectors` maps a symbol to its sector, ''
    where it has none; empty before there is a position with a price."""
    priced_holdings = [each for each in holdings(account) if each.value]
    if not priced_holdings:
        return ()
    by_symbol = [(each.symbol, each.value or 0.0) for each in priced_holdings]
    by_sector: dict[str, float] = {}
    members: dict[str, list[str]] = {}
    for each in priced_holdings:
        sector = sectors.get(each.symbol) or "No sector known"
        by_sector[sector] = by_sector.get(sector, 0.0) + (each.value or 0.0)
        members.setdefault(sector, []).append(each.symbol)
    symbols_by_sector = {sector: ", ".join(names) for sector, names in members.items()}
    ranked = sorted(by_sector.items(), key=lambda each: -abs(each[1]))
    return (
        Allocation("by-symbol", "By symbol", _slices(by_symbol, account.cash, {})),
        Allocation("by-sector", "By sector", _slices(ranked, account.cash, symbols_by_sector)),
    )


def movers(profits: Mapping[str, float], held_symbols: Collection[str], count: int = 5) -> Movers:
    """Return the best and the worst symbols. `profits` are by symbol, realised and not;
    `held_symbols` are those with a position."""
    ranked = sorted(profits.items(), key=lambda each: (-each[1], each[0]))
    lines = [_mover(symbol, profit, symbol in held_symbols) for symbol, profit in ranked]
    return Movers(
        best=tuple(line for line in lines if line.tone == "up")[:count],
        worst=tuple(line for line in reversed(lines) if line.tone == "down")[:count],
    )


def _position_line(holding: Holding) -> PositionLine:
    shown = money_tone(holding.unrealised)
    side = "sell" if holding.quantity > 0 else "buy"
    return PositionLine(
        symbol=holding.symbol,
        slug=formatting.slug(holding.symbol),
        direction="long" if holding.quantity > 0 else "short",
        quantity=format_quantity(holding.quantity),
        cost=formatting.price(holding.cost),
        last=UNKNOWN if holding.last is None else formatting.price(holding.last),
        priced_at=holding.priced_at,
        value=money(holding.value),
        unrealised=signed_money(holding.unrealised),
        change=signed_percent(holding.change),
        tone=shown,
        icon=arrow_icon(shown),
        weight=percent(holding.weight),
        weight_width=min(abs(holding.weight or 0.0), 1.0) * 100,
        exits=tuple(_exit_lines(holding)),
        close_url=ticket_url(holding.symbol, side, abs(holding.quantity), reduce_only="yes"),
        lots_url="/portfolio?" + urlencode({"lots": holding.symbol}),
    )


def _exit_lines(holding: Holding) -> Iterable[ExitLine]:
    for word, orders in (("Stop", holding.stop_orders), ("Profit", holding.profit_orders)):
        for order in orders:
            yield ExitLine(word, _exit_price(order), f"/orders/{order.id}")


def _exit_price(order: Order) -> str:
    if order.trail_amount is not None:
        return f"trails by {formatting.price(order.trail_amount)}"
    if order.trail_fraction is not None:
        return f"trails by {percent(order.trail_fraction)}"
    price = order.limit_price if order.stop_price is None else order.stop_price
    return UNKNOWN if price is None else formatting.price(price)


def _slices(
    parts: Sequence[tuple[str, float]], cash: float, notes: Mapping[str, str]
) -> tuple[AllocationSlice, ...]:
    """Return each part's share of all positions and the cash; the smallest are combined."""
    shown = list(parts[: len(_LOOKS)])
    if rest := parts[len(_LOOKS) :]:
        shown.append((f"{len(rest)} others", sum(value for _, value in rest)))
    if cash > 0:
        shown.append((_CASH, cash))
    whole, x, found = sum(abs(value) for _, value in shown), 0.0, []
    for place, (name, value) in enumerate(shown):
        width = round(100 * abs(value) / whole, 3)
        look = 0 if name == _CASH and place == len(shown) - 1 else _LOOKS[place % len(_LOOKS)]
        short = "short" if value < 0 else ""
        note = ", ".join(filter(None, (short, notes.get(name, ""))))
        shown_percent = percent(abs(value) / whole)
        found.append(
            AllocationSlice(name, shown_percent, money(value), round(x, 3), width, look, note)
        )
        x += width
    return tuple(found)


def _mover(symbol: str, profit: float, is_held: bool) -> Mover:
    shown = money_tone(profit)
    note = "still held" if is_held else "closed"
    return Mover(symbol, signed_money(profit), shown, arrow_icon(shown), note)


def _since_beginning(valuation: AccountValuation, currency: str) -> str:
    if valuation.profit is None or valuation.deposited <= 0:
        return currency
    gained = signed_percent(valuation.profit / valuation.deposited)
    return f"{currency}, {gained} on {money(valuation.deposited)} paid in"


def _income_note(valuation: AccountValuation) -> str:
    """Describe the cash movements other than trades."""
    parts = [
        f"dividends {money(valuation.dividends)}" if valuation.dividends else "",
        f"borrowing {money(valuation.borrowing)}" if valuation.borrowing else "",
    ]
    return ", ".join(filter(None, parts)) or "of what was sold"


def _percent_of_equity(part: float, whole: float | None) -> str:
    return "" if whole is None or whole <= 0 else f"{percent(part / whole)} of equity"
