"""The tax lots a position is made of, and what each symbol has brought so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.trading.lots import Lot, Trip
from web import formatting
from web.views.amounts import UNKNOWN, arrow, change, money, share, tone, units_of


@dataclass(frozen=True, slots=True)
class LotLine:
    opened_at: datetime
    units: str
    price: str
    value: str
    profit: str
    change: str
    tone: str
    icon: str
    decision_url: str
    order_url: str


def lot_lines(lots: Sequence[Lot], last: float | None) -> tuple[LotLine, ...]:
    """Oldest first: the next sale closes the first of them."""
    return tuple(_lot_line(lot, last) for lot in lots)


def profit_by_symbol(
    trips: Sequence[Trip], lots: Mapping[str, Sequence[Lot]], closes: Mapping[str, float]
) -> dict[str, float]:
    """What was taken and what stands open, after fees; a symbol whose lots have no price is left
    out."""
    found: dict[str, float] = {}
    for trip in trips:
        found[trip.symbol] = found.get(trip.symbol, 0.0) + trip.profit
    for symbol, held in lots.items():
        if symbol not in closes:
            found.pop(symbol, None)
            continue
        found[symbol] = found.get(symbol, 0.0) + sum(_standing(lot, closes[symbol]) for lot in held)
    return found


def _lot_line(lot: Lot, last: float | None) -> LotLine:
    profit = None if last is None else _standing(lot, last)
    paid = abs(lot.units) * lot.price
    shown = tone(profit)
    return LotLine(
        opened_at=lot.opened_at,
        units=units_of(lot.units),
        price=formatting.price(lot.price),
        value=UNKNOWN if last is None else money(lot.units * last),
        profit=change(profit),
        change=share(profit / paid if profit is not None and paid > 0 else None),
        tone=shown,
        icon=arrow(shown),
        decision_url=f"/decisions/{lot.receipt}" if lot.receipt else "",
        order_url=f"/orders/{lot.order}",
    )


def _standing(lot: Lot, last: float) -> float:
    """Profit of a lot at `last`, after what it cost to open."""
    return lot.units * (last - lot.price) - abs(lot.units) * lot.fees
