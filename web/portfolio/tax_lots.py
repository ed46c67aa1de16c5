"""The tax lots of a position, and the profit of each symbol so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.trading.lots import RoundTrip, TaxLot
from web import formatting
from web.components.amounts import (
    UNKNOWN,
    arrow_icon,
    format_quantity,
    money,
    money_tone,
    signed_money,
    signed_percent,
)


@dataclass(frozen=True, slots=True)
class TaxLotLine:
    opened_at: datetime
    quantity: str
    price: str
    value: str
    profit: str
    change: str
    tone: str
    icon: str
    decision_url: str
    order_url: str


def tax_lot_lines(lots: Sequence[TaxLot], last: float | None) -> tuple[TaxLotLine, ...]:
    """Return the lots' lines, oldest first: the next sale closes the first of them."""
    return tuple(_tax_lot_line(lot, last) for lot in lots)


def profit_by_symbol(
    round_trips: Sequence[RoundTrip],
    lots: Mapping[str, Sequence[TaxLot]],
    closes: Mapping[str, float],
) -> dict[str, float]:
    """Return realised plus unrealised profit by symbol, after fees; a symbol whose lots have no
    price is left out."""
    found: dict[str, float] = {}
    for round_trip in round_trips:
        found[round_trip.symbol] = found.get(round_trip.symbol, 0.0) + round_trip.profit
    for symbol, open_lots in lots.items():
        if symbol not in closes:
            found.pop(symbol, None)
            continue
        found[symbol] = found.get(symbol, 0.0) + sum(
            _unrealised_profit(lot, closes[symbol]) for lot in open_lots
        )
    return found


def _tax_lot_line(lot: TaxLot, last: float | None) -> TaxLotLine:
    profit = None if last is None else _unrealised_profit(lot, last)
    paid = abs(lot.quantity) * lot.entry_price
    shown = money_tone(profit)
    return TaxLotLine(
        opened_at=lot.opened_at,
        quantity=format_quantity(lot.quantity),
        price=formatting.price(lot.entry_price),
        value=UNKNOWN if last is None else money(lot.quantity * last),
        profit=signed_money(profit),
        change=signed_percent(profit / paid if profit is not None and paid > 0 else None),
        tone=shown,
        icon=arrow_icon(shown),
        decision_url=f"/decisions/{lot.receipt}" if lot.receipt else "",
        order_url=f"/orders/{lot.order_id}",
    )


def _unrealised_profit(lot: TaxLot, last: float) -> float:
    """Return a lot's profit at `last`, after the cost of opening it."""
    return lot.quantity * (last - lot.entry_price) - abs(lot.quantity) * lot.fees_per_unit
