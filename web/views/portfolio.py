"""A paper account as the portfolio page draws it: key figures, positions, allocation, movers.

What is not known is a dash, never a zero. Numbers come from `holdings.py`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from domain.trading.account import Account
from domain.trading.orders import Order
from web import formatting
from web.components.dashboard_views import Kpi
from web.views.amounts import UNKNOWN, arrow, change, money, percent, share, tone, units_of
from web.views.trading_state import ticket_url
from web.views.valuation import Figures, Holding, figures, holdings

_CASH = "Cash"
_LOOKS = (1, 2, 3, 4, 6, 7, 8)
"""Colours of an allocation, but for the grey of cash; what comes after them is told together."""


@dataclass(frozen=True, slots=True)
class ExitLine:
    """`url` leads to the order."""

    word: str
    price: str
    url: str


@dataclass(frozen=True, slots=True)
class PositionLine:
    """`held` says whether it is long or short; `close_url` opens a ticket that would close it,
    `lots_url` shows the lots it is made of."""

    symbol: str
    slug: str
    held: str
    units: str
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
class Slice:
    """A part of the whole: from `x` on, `width` of 100 units wide, in colour `look` (0: cash)."""

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
    slices: tuple[Slice, ...]


@dataclass(frozen=True, slots=True)
class Mover:
    symbol: str
    profit: str
    tone: str
    icon: str
    note: str


@dataclass(frozen=True, slots=True)
class Movers:
    """By profit since the beginning, taken and not yet taken: the best first, the worst first."""

    best: tuple[Mover, ...]
    worst: tuple[Mover, ...]


def account_kpis(account: Account) -> tuple[Kpi, ...]:
    told, currency = figures(account), account.currency
    return (
        Kpi("Equity", "wallet", money(told.equity), _since_beginning(told, currency)),
        Kpi(
            "Today",
            "activity",
            change(told.day_change),
            share(told.day_share) if told.day_share is not None else "no bar was met yet",
            tone(told.day_change),
        ),
        Kpi("Cash", "landmark", money(told.cash), _of(told.cash, told.equity)),
        Kpi(
            "Unrealised profit",
            "chart-line",
            change(told.unrealised),
            "positions at their last close",
            tone(told.unrealised),
        ),
        Kpi(
            "Realised profit",
            "receipt-text",
            change(told.realised),
            _beside(told),
            tone(told.realised),
        ),
        Kpi("Fees", "scale", money(told.fees), "commission, within the profit"),
        Kpi("Exposure", "layers", percent(told.exposure), f"net {percent(told.net)} of equity"),
        Kpi(
            "Drawdown now",
            "arrow-down",
            percent(told.drawdown),
            f"from {money(account.guard.high)} {currency}"
            if told.drawdown is not None
            else "no bar was met yet",
            "down" if (told.drawdown or 0.0) > 0.0005 else "",
        ),
    )


def position_lines(account: Account) -> tuple[PositionLine, ...]:
    return tuple(map(_position_line, holdings(account)))


def allocations(account: Account, sectors: Mapping[str, str]) -> tuple[Allocation, ...]:
    """By symbol and by sector. `sectors` maps a symbol to its sector, '' where it has none; empty
    before there is a position with a price."""
    held = [each for each in holdings(account) if each.value]
    if not held:
        return ()
    by_symbol = [(each.symbol, each.value or 0.0) for each in held]
    by_sector: dict[str, float] = {}
    members: dict[str, list[str]] = {}
    for each in held:
        sector = sectors.get(each.symbol) or "No sector known"
        by_sector[sector] = by_sector.get(sector, 0.0) + (each.value or 0.0)
        members.setdefault(sector, []).append(each.symbol)
    told = {sector: ", ".join(names) for sector, names in members.items()}
    ranked = sorted(by_sector.items(), key=lambda each: -abs(each[1]))
    return (
        Allocation("by-symbol", "By symbol", _slices(by_symbol, account.cash, {})),
        Allocation("by-sector", "By sector", _slices(ranked, account.cash, told)),
    )


def movers(profits: Mapping[str, float], held: Collection[str], count: int = 5) -> Movers:
    """`profits` by symbol, taken and standing; `held` are the symbols there is a position in."""
    ranked = sorted(profits.items(), key=lambda each: (-each[1], each[0]))
    lines = [_mover(symbol, profit, symbol in held) for symbol, profit in ranked]
    return Movers(
        best=tuple(line for line in lines if line.tone == "up")[:count],
        worst=tuple(line for line in reversed(lines) if line.tone == "down")[:count],
    )


def _position_line(held: Holding) -> PositionLine:
    shown = tone(held.unrealised)
    side = "sell" if held.units > 0 else "buy"
    return PositionLine(
        symbol=held.symbol,
        slug=formatting.slug(held.symbol),
        held="long" if held.units > 0 else "short",
        units=units_of(held.units),
        cost=formatting.price(held.cost),
        last=UNKNOWN if held.last is None else formatting.price(held.last),
        priced_at=held.priced_at,
        value=money(held.value),
        unrealised=change(held.unrealised),
        change=share(held.change),
        tone=shown,
        icon=arrow(shown),
        weight=percent(held.weight),
        weight_width=min(abs(held.weight or 0.0), 1.0) * 100,
        exits=tuple(_exits(held)),
        close_url=ticket_url(held.symbol, side, abs(held.units), reduce_only="yes"),
        lots_url="/portfolio?" + urlencode({"lots": held.symbol}),
    )


def _exits(held: Holding) -> Iterable[ExitLine]:
    for word, orders in (("Stop", held.stops), ("Profit", held.targets)):
        for order in orders:
            yield ExitLine(word, _exit_price(order), f"/orders/{order.id}")


def _exit_price(order: Order) -> str:
    if order.trail is not None:
        return f"trails by {formatting.price(order.trail)}"
    if order.trail_share is not None:
        return f"trails by {percent(order.trail_share)}"
    price = order.limit if order.stop is None else order.stop
    return UNKNOWN if price is None else formatting.price(price)


def _slices(
    parts: Sequence[tuple[str, float]], cash: float, notes: Mapping[str, str]
) -> tuple[Slice, ...]:
    """Each part's share of everything held and the cash; the smallest are told together."""
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
        told = percent(abs(value) / whole)
        found.append(Slice(name, told, money(value), round(x, 3), width, look, note))
        x += width
    return tuple(found)


def _mover(symbol: str, profit: float, held: bool) -> Mover:
    shown = tone(profit)
    note = "still held" if held else "closed"
    return Mover(symbol, change(profit), shown, arrow(shown), note)


def _since_beginning(told: Figures, currency: str) -> str:
    if told.profit is None or told.deposited <= 0:
        return currency
    return f"{currency}, {share(told.profit / told.deposited)} on {money(told.deposited)} paid in"


def _beside(told: Figures) -> str:
    """What moved cash beside trades."""
    parts = [
        f"dividends {money(told.dividends)}" if told.dividends else "",
        f"borrowing {money(told.borrowing)}" if told.borrowing else "",
    ]
    return ", ".join(filter(None, parts)) or "of what was sold"


def _of(part: float, whole: float | None) -> str:
    return "" if whole is None or whole <= 0 else f"{percent(part / whole)} of equity"
