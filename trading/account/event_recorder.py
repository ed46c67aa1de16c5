"""What the compiled loops did to an account, written down as entries.

The loops leave a desk behind and a list of fills. This compares the desk with the account, order by
order, and writes what happened between them, folding as it goes: an entry that could not happen is
refused here and never recorded. Leaves out the loops (`kernels/`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np

from domain.canonical import instant
from domain.errors import VerificationError
from domain.trading.account import (
    Account,
    BarClosed,
    BorrowCharged,
    DividendPaid,
    Entry,
    Filled,
    Happening,
    OrderChanged,
    OrderEnded,
    OrderPlaced,
)
from domain.trading.orders import DUST, OPEN, Kind, Order, Side, Source, Status, Term
from trading.account.account_arrays import KINDS, STATUSES, Book, guard_of, micros, moment, price_of
from trading.account.ledger import apply
from trading.kernels.codes import DECIDED_ANEW, GROUP_FILLED, MOMENTS, PARENT_ENDED, WHY
from trading.kernels.state import Bars


@dataclass(slots=True)
class Scribe:
    """Writes entries; `account` is the one they lead to."""

    account: Account
    entries: list[Entry] = field(default_factory=list)

    def write(self, at: datetime, what: Happening) -> None:
        """Raises VerificationError for what cannot happen to the account."""
        entry = Entry(self.account.number + 1, at, what)
        self.account = apply(self.account, entry)
        self.entries.append(entry)

    def next_id(self) -> str:
        """Of an order placed by the next entry."""
        return f"o{self.account.number + 1}"


def tell_row(scribe: Scribe, book: Book, bars: Bars, t: int) -> None:
    """What row `t` of the bars did: dividends, borrowing, fills, what became of orders, the close.

    Raises VerificationError where the ledger comes to other figures than the loops.
    """
    opened, closed = moment(bars.opened_at[t]), moment(bars.known_at[t])
    held, state = book.desk.held, book.desk.state[0]
    present = [n for n in range(len(book.symbols)) if not np.isnan(bars.close[t, n])]
    for n in present:
        symbol, paid = book.symbols[n], float(held[n]["dividend"])
        if paid != 0.0:
            scribe.write(opened, DividendPaid(symbol, float(bars.dividend[t, n]), paid))
        if held[n]["borrowing"] != 0.0:
            scribe.write(opened, BorrowCharged(symbol, float(held[n]["borrowing"])))
    fills = [_Fill(fill) for fill in book.desk.fills[: state["fill_count"]]]
    for k, fill in enumerate(fills):
        _tell_fill(scribe, book, fill, sum(f.size for f in fills[k:] if f.order == fill.order))
        if fill.order == 3 * fill.symbol and fill.units > 0.0:
            for m in (fill.order + 1, fill.order + 2):
                _tell_exit(scribe, book, m, opened)
    _tell_orders(scribe, book, closed)
    scribe.write(
        closed,
        BarClosed(
            closes={book.symbols[n]: float(bars.close[t, n]) for n in present},
            equity=float(state["equity"]),
            guard=guard_of(state, scribe.account.guard, closed),
            best=_best(scribe.account, book),
        ),
    )
    if scribe.account.cash != state["cash"]:
        raise VerificationError(
            f"At {closed} the ledger comes to {scribe.account.cash} in cash and the compiled loops "
            f"to {state['cash']}. Nothing was recorded; this is a fault of the program."
        )


def tell_asks(scribe: Scribe, book: Book, at: datetime, receipts: Mapping[str, str | None]) -> None:
    """What `ask_row` made of decisions: orders ended and placed. `receipts` by symbol."""
    _tell_orders(scribe, book, at)
    for n, symbol in enumerate(book.symbols):
        record = book.desk.book[3 * n]
        if book.ids[3 * n] is None and STATUSES[record["status"]] is Status.WORKING:
            guard = scribe.account.guard
            source, why = (
                (Source.EXIT, guard.reason) if guard.flattening else (Source.COMMITTEE, "")
            )
            order = _order(scribe.next_id(), symbol, record, at, source, why)
            scribe.write(at, OrderPlaced(replace(order, receipt=receipts.get(symbol))))


@dataclass(slots=True)
class _Fill:
    """A record of FILL in plain numbers."""

    record: Any

    @property
    def order(self) -> int:
        return int(self.record["order"])

    @property
    def symbol(self) -> int:
        return int(self.record["symbol"])

    @property
    def units(self) -> float:
        return float(self.record["quantity"])

    @property
    def size(self) -> float:
        return abs(self.units)


def _tell_fill(scribe: Scribe, book: Book, fill: _Fill, coming: float) -> None:
    """A fill; `coming` are the units that its order still fills in this row, these among them.

    Exits change their size within a row, when others sell what they guard or more is bought: the
    order is made to fit what it is about to fill before it does.
    """
    id, record = book.ids[fill.order], book.desk.book[fill.order]
    at = moment(fill.record["at"])
    if id is None:
        raise VerificationError(f"Record {fill.order} of the book filled, but is nobody's order.")
    order = scribe.account.orders[id]
    left = order.left
    if STATUSES[record["status"]] is Status.FILLED:
        left = coming if abs(coming - left) > DUST else left
    elif left < coming - DUST:
        left = coming + float(record["remaining"])
    if left != order.left or order.status is Status.HELD:
        status = Status.WORKING if order.status is Status.HELD else order.status
        scribe.write(at, OrderChanged(replace(_sized(order, left), status=status)))
    scribe.write(
        at,
        Filled(
            order=id,
            symbol=book.symbols[fill.symbol],
            units=fill.units,
            price=float(fill.record["price"]),
            commission=float(fill.record["commission"]),
            slippage=float(fill.record["slippage"]),
            moment=MOMENTS[fill.record["trigger"]],
            charged=float(fill.record["residual_slippage"]),
        ),
    )


def _tell_exit(scribe: Scribe, book: Book, m: int, opened: datetime) -> None:
    """After a buy of the committee's: a protective exit that the row put into its slot."""
    record, id = book.desk.book[m], book.ids[m]
    old = scribe.account.orders.get(id or "")
    if record["submitted"] != micros(opened) or (old and old.placed_at == opened):
        return
    if old:
        scribe.write(opened, OrderEnded(old.id, Status.CANCELLED, WHY[GROUP_FILLED]))
    symbol = book.symbols[record["symbol"]]
    order = _order(scribe.next_id(), symbol, record, opened, Source.EXIT, "guards its position")
    book.ids[m] = order.id
    units = scribe.account.positions[symbol].units
    scribe.write(opened, OrderPlaced(replace(order, quantity=units, left=units)))


def _tell_orders(scribe: Scribe, book: Book, at: datetime) -> None:
    """What became of every order that was open, fills aside."""
    for m in book.room:
        order = scribe.account.orders.get(book.ids[m] or "")
        if order is None:
            book.ids[m] = None
            continue
        record = book.desk.book[m]
        status, why = STATUSES[record["status"]], WHY[record["reason"]]
        if record["submitted"] != micros(order.placed_at):  # another order is in its slot
            status, why = Status.CANCELLED, WHY[DECIDED_ANEW]
        left = _allowed(book, m)
        if left <= 0.0:
            status, why = Status.CANCELLED, WHY[PARENT_ENDED]
        if status in {Status.CANCELLED, Status.EXPIRED}:
            scribe.write(at, OrderEnded(order.id, status, why))
            book.ids[m] = None
            continue
        if (now := _now(order, record, left)) is not order:
            scribe.write(at, OrderChanged(now))


def _now(order: Order, record: Any, left: float) -> Order:
    """The order as its record stands; itself where nothing changed."""
    limit, stop = price_of(record["limit_price"]), price_of(record["stop_price"])
    triggered = bool(record["triggered"])
    expires_at = moment(record["expires"]) if record["expires"] else None
    held = order.status is Status.HELD and STATUSES[record["status"]] is Status.HELD
    status = Status.WORKING if order.status is Status.HELD and not held else order.status
    old = (order.left, order.limit, order.stop, order.triggered, order.expires_at, order.status)
    if old == (left, limit, stop, triggered, expires_at, status):
        return order
    return replace(
        _sized(order, left),
        limit=limit,
        stop=stop,
        triggered=triggered,
        expires_at=expires_at,
        status=status,
    )


def _allowed(book: Book, m: int) -> float:
    """What is left of an order: of one whose parent has ended, no more than that has filled."""
    record = book.desk.book[m]
    left, parent = float(record["remaining"]), int(record["parent"])
    if parent < 0 or STATUSES[book.desk.book[parent]["status"]] in OPEN:
        return left
    most = float(book.desk.book[parent]["filled"] - record["filled"])
    return left if left <= most + DUST else most if most > DUST else 0.0


def _sized(order: Order, left: float) -> Order:
    """The order with `left` to fill; its quantity follows, unless that is only rounding."""
    quantity = order.quantity if abs(left - order.left) <= DUST else order.filled + left
    return replace(order, left=left, quantity=quantity)


def _best(account: Account, book: Book) -> dict[str, float]:
    """The best prices seen that are new, by order."""
    best = {}
    for m in book.room:
        order, seen = account.orders.get(book.ids[m] or ""), price_of(book.desk.book[m]["best"])
        if order is not None and seen is not None and seen != order.best:
            best[order.id] = seen
    return best


def _order(id: str, symbol: str, record: Any, at: datetime, source: Source, why: str) -> Order:
    """An order that the loops placed, as new."""
    kind = KINDS[record["order_type"]]
    if source is Source.EXIT and kind is Kind.LIMIT:
        kind = Kind.TAKE_PROFIT
    exit = record["group"] > 0
    return Order(
        id=id,
        key=f"{source} {symbol} {instant(at)}" + (f" {kind}" if exit else ""),
        symbol=symbol,
        side=Side.BUY if record["side"] > 0 else Side.SELL,
        kind=kind,
        quantity=float(record["remaining"]),
        term=Term.GTC,
        source=source,
        placed_at=at,
        limit=price_of(record["limit_price"]),
        stop=price_of(record["stop_price"]),
        trail_share=price_of(record["trail_fraction"]),
        best=price_of(record["best"]),
        reduce_only=bool(record["reduce_only"]),
        group=f"exits of {symbol}" if exit else None,
        why=why,
    )
