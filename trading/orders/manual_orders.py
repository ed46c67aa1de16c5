"""What people do to a paper account: orders placed, amended and cancelled, the emergency stop.

Pure functions from an account to the entries that follow. Whatever is refused raises before
anything is written. Leaves out whether a ticket is a good one (`tickets.py`): that is looked at
before.
"""

from dataclasses import replace
from datetime import datetime

from domain.errors import NotFoundError
from domain.trading.account import (
    Account,
    Entry,
    Guard,
    GuardChanged,
    OrderChanged,
    OrderEnded,
    OrderPlaced,
    Reset,
    Standing,
)
from domain.trading.orders import DUST, Kind, Order, Side, Source, Status, Term, Ticket, resized
from trading.account.event_recorder import Scribe
from trading.account.ledger import equity
from trading.kernels.codes import PARENT_ENDED, WHY
from trading.orders.tickets import orders_of


def place(account: Account, ticket: Ticket, *, key: str, at: datetime) -> tuple[Entry, ...]:
    """The order, and the exits of a bracket, which are held until it fills."""
    scribe = Scribe(account)
    for order in orders_of(ticket, id=scribe.next_id(), key=key, at=at):
        scribe.write(at, OrderPlaced(order))
    return tuple(scribe.entries)


def amend(account: Account, order: Order, at: datetime) -> tuple[Entry, ...]:
    """`order` is the one of that id with its new terms; the exits of a bracket follow its size."""
    scribe = Scribe(account)
    old = open_order(account, order.id)
    scribe.write(at, OrderChanged(replace(order, placed_at=at)))
    for child in _children(account, order.id):
        if order.quantity != old.quantity:
            scribe.write(at, OrderChanged(resized(child, order.quantity)))
    return tuple(scribe.entries)


def cancel(
    account: Account, id: str, at: datetime, why: str = "cancelled by hand"
) -> tuple[Entry, ...]:
    """The order ends, and with it the exits that wait for it; exits of what has filled stay.

    Raises NotFoundError for an order that is not open.
    """
    scribe = Scribe(account)
    _cancel(scribe, open_order(account, id), at, why)
    return tuple(scribe.entries)


def cancel_all(
    account: Account, at: datetime, why: str = "all were cancelled by hand"
) -> tuple[Entry, ...]:
    scribe = Scribe(account)
    _end_all(scribe, at, why)
    return tuple(scribe.entries)


def emergency(
    account: Account, *, flatten: bool, reason: str, by: str, at: datetime
) -> tuple[Entry, ...]:
    """Every order ends, the account is halted and stays so, and with `flatten` all that is held is
    sold at the next open; what its volume does not take is sold at the opens after it."""
    scribe = Scribe(account)
    why = f"emergency stop: {reason}" if reason else "emergency stop"
    _end_all(scribe, at, why)
    guard = replace(
        account.guard,
        standing=Standing.HALTED,
        reason=why,
        by=by,
        since=at,
        until=None,
        flattening=flatten,
    )
    scribe.write(at, GuardChanged(guard))
    for symbol, position in sorted(account.positions.items()) if flatten else ():
        scribe.write(at, OrderPlaced(_way_out(scribe.next_id(), symbol, position.units, at)))
    return tuple(scribe.entries)


def release(account: Account, *, by: str, at: datetime) -> tuple[Entry, ...]:
    """The account trades again, whatever had tripped; the highest equity begins anew, and orders
    that were flattening it end."""
    scribe = Scribe(account)
    for order in account.orders.values():
        if order.source in {Source.STOP, Source.EXIT} and order.kind is Kind.MARKET:
            _cancel(scribe, order, at, "the account was released")
    guard = Guard(
        reason="released",
        by=by,
        since=at,
        high=equity(account),
        day=account.guard.day,
        day_equity=equity(account),
    )
    scribe.write(at, GuardChanged(guard))
    return tuple(scribe.entries)


def reset(account: Account, capital: float, note: str, at: datetime) -> tuple[Entry, ...]:
    """A new beginning with `capital`: orders end, positions leave the book, sums begin anew."""
    scribe = Scribe(account)
    _end_all(scribe, at, "the account was reset")
    scribe.write(at, Reset(capital, note))
    return tuple(scribe.entries)


def open_order(account: Account, id: str) -> Order:
    """Raises NotFoundError for an order that is not open."""
    if id not in account.orders:
        raise NotFoundError(
            f"No open order has the id {id!r}. It may have filled or ended; look at all orders."
        )
    return account.orders[id]


def _way_out(id: str, symbol: str, units: float, at: datetime) -> Order:
    return Order(
        id=id,
        key=f"{Source.STOP} {id}",
        symbol=symbol,
        side=Side.SELL if units > 0.0 else Side.BUY,
        kind=Kind.MARKET,
        quantity=abs(units),
        term=Term.GTC,
        source=Source.STOP,
        placed_at=at,
        reduce_only=True,
    )


def _cancel(scribe: Scribe, order: Order, at: datetime, why: str) -> None:
    scribe.write(at, OrderEnded(order.id, Status.CANCELLED, why))
    for child in _children(scribe.account, order.id):
        most = order.filled - child.filled
        if child.status is Status.HELD or most <= DUST:
            scribe.write(at, OrderEnded(child.id, Status.CANCELLED, WHY[PARENT_ENDED]))
        elif child.left > most + DUST:
            scribe.write(at, OrderChanged(resized(child, child.filled + most)))


def _end_all(scribe: Scribe, at: datetime, why: str) -> None:
    for id in scribe.account.orders:
        scribe.write(at, OrderEnded(id, Status.CANCELLED, why))


def _children(account: Account, id: str) -> tuple[Order, ...]:
    return tuple(order for order in account.orders.values() if order.parent == id)
