"""Tax lots, first in first out, and the round trips they end in.

Promises that the lots of a symbol add up to its position, and that what a fill closes is matched
with the oldest lots first: a sale that closes two lots ends two trips. Shorts are lots of negative
units. Pure functions on entries, for the pages that read them and for whoever declares taxes. The
account itself keeps the average cost (`trading/account/ledger.py`); over positions that are closed
both come to the same profit.

Left out: the worst and best price on the way, which the report of a backtest has
(`quant/performance/round_trips.py`, the same matching on arrays); dividends and borrowing, which
belong to the account.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from domain.trading.account import Entry, Filled, OrderPlaced, Reset, SplitApplied
from domain.trading.orders import DUST


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """`units` still held since the entry `number`, negative when short; `price` paid or got a unit
    and `fees` a unit beside it, in currency. `order` opened it, after the decision `receipt`."""

    number: int
    symbol: str
    opened_at: datetime
    units: float
    price: float
    fees: float
    order: str
    receipt: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """A lot, or a part of one, that was closed. `units` are negative for a short.

    `entry` and `exit` are prices a unit, in the scale of the units at the exit; `fees` what both
    fills cost beside them; `profit` is after fees and `share` of the value at entry. `orders` are
    the opening and the closing one, `receipt` that of the decision behind the opening one.
    """

    id: str
    symbol: str
    opened_at: datetime
    closed_at: datetime
    units: float
    entry: float
    exit: float
    fees: float
    profit: float
    share: float
    orders: tuple[str, str]
    receipt: str | None
    note: str = ""
    tags: tuple[str, ...] = ()


def matched(
    lots: Sequence[Lot], entry: Entry, fill: Filled, receipt: str | None
) -> tuple[tuple[Lot, ...], tuple[Trip, ...]]:
    """The lots of a symbol, oldest first, after the fill of `entry`, and the trips it ended.

    What the fill does not close becomes a lot of its own.
    """
    standing, trips, left = list(lots), list[Trip](), fill.units
    while standing and left != 0.0 and (standing[0].units > 0.0) != (left > 0.0):
        oldest = standing.pop(0)
        size = min(abs(oldest.units), abs(left))
        closed = size if oldest.units > 0.0 else -size
        trips.append(_trip(oldest, closed, entry, fill))
        left = _rest(left + closed, fill.units)
        if remains := _rest(oldest.units - closed, oldest.units):
            standing.insert(0, replace(oldest, units=remains))
    if left != 0.0:
        standing.append(
            Lot(
                number=entry.number,
                symbol=fill.symbol,
                opened_at=entry.at,
                units=left,
                price=fill.price,
                fees=fill.fees / abs(fill.units),
                order=fill.order,
                receipt=receipt,
            )
        )
    return tuple(standing), tuple(trips)


def split(lots: Sequence[Lot], ratio: float) -> tuple[Lot, ...]:
    """The lots of a symbol with `ratio` new units for an old one."""
    return tuple(
        replace(lot, units=lot.units * ratio, price=lot.price / ratio, fees=lot.fees / ratio)
        for lot in lots
    )


def lots_and_trips(
    entries: Sequence[Entry],
    lots: Mapping[str, tuple[Lot, ...]] = MappingProxyType({}),
    receipts: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Mapping[str, tuple[Lot, ...]], tuple[Trip, ...]]:
    """By symbol the lots still held, oldest first, and the trips that `entries` ended, in that
    order. `lots` and `receipts` are those of the entries before them."""
    standing, trips = dict(lots), list[Trip]()
    known = {**receipts, **receipts_of(entries)}
    for entry in entries:
        match entry.what:
            case Filled() as fill:
                standing[fill.symbol], ended = matched(
                    standing.get(fill.symbol, ()), entry, fill, known.get(fill.order)
                )
                trips.extend(ended)
            case SplitApplied(symbol, ratio):
                standing[symbol] = split(standing.get(symbol, ()), ratio)
            case Reset():
                standing.clear()
    return {symbol: held for symbol, held in standing.items() if held}, tuple(trips)


def receipts_of(entries: Iterable[Entry]) -> dict[str, str]:
    """By order the decision that it follows from; of those that follow from one."""
    return {
        entry.what.order.id: entry.what.order.receipt
        for entry in entries
        if isinstance(entry.what, OrderPlaced) and entry.what.order.receipt
    }


def _trip(lot: Lot, units: float, entry: Entry, fill: Filled) -> Trip:
    fees = abs(units) * (lot.fees + fill.fees / abs(fill.units))
    profit = units * (fill.price - lot.price) - fees
    return Trip(
        id=f"{lot.number}-{entry.number}",
        symbol=fill.symbol,
        opened_at=lot.opened_at,
        closed_at=entry.at,
        units=units,
        entry=lot.price,
        exit=fill.price,
        fees=fees,
        profit=profit,
        share=profit / (abs(units) * lot.price),
        orders=(lot.order, fill.order),
        receipt=lot.receipt,
    )


def _rest(units: float, of: float) -> float:
    return 0.0 if abs(units) <= max(DUST, 1e-12 * abs(of)) else units
