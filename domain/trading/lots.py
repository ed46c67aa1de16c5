"""Tax lots, first in first out, and the round trips that close them.

Promises that the lots of a symbol add up to its position, and that a fill closes the oldest lots
first: a sale that closes two lots ends two round trips. Shorts are lots of negative quantity. Pure
functions on entries, for pages and tax reports. The account itself uses the average cost
(`trading/account/ledger.py`); for closed positions both give the same profit.

Leaves out the worst and best price during a trade, which the report of a backtest has
(`quant/performance/round_trips.py`, the same matching on arrays), and dividends and borrowing,
which belong to the account.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from domain.trading.account import (
    AccountEntry,
    AccountReset,
    OrderFilled,
    OrderSubmitted,
    SplitApplied,
)
from domain.trading.orders import DUST


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxLot:
    """A lot that the entry `entry_number` opened. `quantity` is the part still open, in units,
    negative when short; `entry_price` and `fees_per_unit` are in currency per unit. `order_id` is
    the opening order, `receipt` the decision behind it."""

    entry_number: int
    symbol: str
    opened_at: datetime
    quantity: float
    entry_price: float
    fees_per_unit: float
    order_id: str
    receipt: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTrip:
    """A lot, or a part of one, that was closed. `quantity` is negative for a short.

    `entry_price` and `exit_price` are per unit, in units as they are at the exit (after splits);
    `fees` those of both fills, in currency; `profit` is after fees and `return_fraction` that
    profit as a fraction of the value at entry. `order_ids` are those of the opening and the closing
    order, `receipt` that of the decision behind the opening order.
    """

    id: str
    symbol: str
    opened_at: datetime
    closed_at: datetime
    quantity: float
    entry_price: float
    exit_price: float
    fees: float
    profit: float
    return_fraction: float
    order_ids: tuple[str, str]
    receipt: str | None
    note: str = ""
    tags: tuple[str, ...] = ()


def match_fill(
    lots: Sequence[TaxLot], entry: AccountEntry, fill: OrderFilled, receipt: str | None
) -> tuple[tuple[TaxLot, ...], tuple[RoundTrip, ...]]:
    """Return a symbol's lots, oldest first, after the fill of `entry`, and the round trips it
    ended.

    The part of the fill that closes nothing becomes a new lot.
    """
    open_lots, round_trips, remaining = list(lots), list[RoundTrip](), fill.quantity
    while open_lots and remaining != 0.0 and (open_lots[0].quantity > 0.0) != (remaining > 0.0):
        oldest = open_lots.pop(0)
        size = min(abs(oldest.quantity), abs(remaining))
        closed = size if oldest.quantity > 0.0 else -size
        round_trips.append(_round_trip(oldest, closed, entry, fill))
        remaining = _drop_dust(remaining + closed, fill.quantity)
        if rest := _drop_dust(oldest.quantity - closed, oldest.quantity):
            open_lots.insert(0, replace(oldest, quantity=rest))
    if remaining != 0.0:
        open_lots.append(
            TaxLot(
                entry_number=entry.number,
                symbol=fill.symbol,
                opened_at=entry.at,
                quantity=remaining,
                entry_price=fill.price,
                fees_per_unit=fill.total_fees / abs(fill.quantity),
                order_id=fill.order_id,
                receipt=receipt,
            )
        )
    return tuple(open_lots), tuple(round_trips)


def adjust_lots_for_split(lots: Sequence[TaxLot], ratio: float) -> tuple[TaxLot, ...]:
    """The lots of a symbol after a split of `ratio` new units for an old one."""
    return tuple(
        replace(
            lot,
            quantity=lot.quantity * ratio,
            entry_price=lot.entry_price / ratio,
            fees_per_unit=lot.fees_per_unit / ratio,
        )
        for lot in lots
    )


def match_entries(
    entries: Sequence[AccountEntry],
    lots: Mapping[str, tuple[TaxLot, ...]] = MappingProxyType({}),
    receipts: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Mapping[str, tuple[TaxLot, ...]], tuple[RoundTrip, ...]]:
    """Return the open lots by symbol, oldest first, and the round trips that `entries` ended, in
    order of the closing entry. `lots` and `receipts` are the results of the entries before."""
    open_lots, round_trips = dict(lots), list[RoundTrip]()
    decision_of_order = {**receipts, **receipts_by_order(entries)}
    for entry in entries:
        match entry.event:
            case OrderFilled() as fill:
                open_lots[fill.symbol], ended = match_fill(
                    open_lots.get(fill.symbol, ()),
                    entry,
                    fill,
                    decision_of_order.get(fill.order_id),
                )
                round_trips.extend(ended)
            case SplitApplied(symbol, ratio):
                open_lots[symbol] = adjust_lots_for_split(open_lots.get(symbol, ()), ratio)
            case AccountReset():
                open_lots.clear()
    return {symbol: rest for symbol, rest in open_lots.items() if rest}, tuple(round_trips)


def receipts_by_order(entries: Iterable[AccountEntry]) -> dict[str, str]:
    """By order id, the receipt of the decision behind the order; orders without one are left
    out."""
    return {
        entry.event.order.id: entry.event.order.receipt
        for entry in entries
        if isinstance(entry.event, OrderSubmitted) and entry.event.order.receipt
    }


def _round_trip(lot: TaxLot, quantity: float, entry: AccountEntry, fill: OrderFilled) -> RoundTrip:
    fees = abs(quantity) * (lot.fees_per_unit + fill.total_fees / abs(fill.quantity))
    profit = quantity * (fill.price - lot.entry_price) - fees
    return RoundTrip(
        id=f"{lot.entry_number}-{entry.number}",
        symbol=fill.symbol,
        opened_at=lot.opened_at,
        closed_at=entry.at,
        quantity=quantity,
        entry_price=lot.entry_price,
        exit_price=fill.price,
        fees=fees,
        profit=profit,
        return_fraction=profit / (abs(quantity) * lot.entry_price),
        order_ids=(lot.order_id, fill.order_id),
        receipt=lot.receipt,
    )


def _drop_dust(quantity: float, scale: float) -> float:
    return 0.0 if abs(quantity) <= max(DUST, 1e-12 * abs(scale)) else quantity
