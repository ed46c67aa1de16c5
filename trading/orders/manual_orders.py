"""What people do to a paper account: place, amend and cancel orders, and the emergency stop.

Pure functions from an account to the entries that follow. A refusal raises before anything is
written. Leaves out whether a ticket may be placed (`tickets.py`): that is checked before.
"""

from dataclasses import replace
from datetime import datetime

from domain.errors import NotFoundError
from domain.trading.account import (
    Account,
    AccountEntry,
    AccountReset,
    OrderClosed,
    OrderSubmitted,
    OrderUpdated,
    RiskState,
    TradingState,
    TradingStateChanged,
)
from domain.trading.orders import (
    DUST,
    Order,
    OrderSource,
    OrderStatus,
    OrderType,
    Side,
    Ticket,
    TimeInForce,
    resize,
)
from trading.account.event_recorder import EventRecorder
from trading.account.ledger import equity
from trading.kernels.codes import END_REASONS, PARENT_ENDED
from trading.orders.tickets import orders_from_ticket


def place(account: Account, ticket: Ticket, *, key: str, at: datetime) -> tuple[AccountEntry, ...]:
    """Place the order, and the exits of a bracket, which wait until it fills."""
    recorder = EventRecorder(account)
    for order in orders_from_ticket(ticket, id=recorder.next_order_id(), key=key, at=at):
        recorder.record(at, OrderSubmitted(order))
    return tuple(recorder.entries)


def amend(account: Account, order: Order, at: datetime) -> tuple[AccountEntry, ...]:
    """Amend an order: `order` has the same id and the new terms; the exits of a bracket follow its
    size."""
    recorder = EventRecorder(account)
    old = find_open_order(account, order.id)
    recorder.record(at, OrderUpdated(replace(order, submitted_at=at)))
    for child in _children(account, order.id):
        if order.quantity != old.quantity:
            recorder.record(at, OrderUpdated(resize(child, order.quantity)))
    return tuple(recorder.entries)


def cancel(
    account: Account, id: str, at: datetime, reason: str = "cancelled by hand"
) -> tuple[AccountEntry, ...]:
    """End the order and the exits that wait for it; exits of what has filled stay.

    Raises NotFoundError for an order that is not open.
    """
    recorder = EventRecorder(account)
    _cancel(recorder, find_open_order(account, id), at, reason)
    return tuple(recorder.entries)


def cancel_all(
    account: Account, at: datetime, reason: str = "all were cancelled by hand"
) -> tuple[AccountEntry, ...]:
    recorder = EventRecorder(account)
    _cancel_all_open(recorder, at, reason)
    return tuple(recorder.entries)


def emergency_stop(
    account: Account, *, flatten: bool, reason: str, by: str, at: datetime
) -> tuple[AccountEntry, ...]:
    """End every order and halt the account until it is resumed. With `flatten`, close all positions
    at the next open; what its volume does not take is sold at the opens after it."""
    recorder = EventRecorder(account)
    stop_reason = f"emergency stop: {reason}" if reason else "emergency stop"
    _cancel_all_open(recorder, at, stop_reason)
    risk = replace(
        account.risk,
        trading_state=TradingState.HALTED,
        reason=stop_reason,
        by=by,
        since=at,
        until=None,
        flattening=flatten,
    )
    recorder.record(at, TradingStateChanged(risk))
    for symbol, position in sorted(account.positions.items()) if flatten else ():
        order = _flatten_order(recorder.next_order_id(), symbol, position.quantity, at)
        recorder.record(at, OrderSubmitted(order))
    return tuple(recorder.entries)


def resume_trading(account: Account, *, by: str, at: datetime) -> tuple[AccountEntry, ...]:
    """Let the account trade again, whichever breaker had tripped; peak equity starts from now, and
    orders that were flattening it end."""
    recorder = EventRecorder(account)
    flattening = {OrderSource.EMERGENCY_STOP, OrderSource.EXIT}
    for order in account.orders.values():
        if order.source in flattening and order.order_type is OrderType.MARKET:
            _cancel(recorder, order, at, "the account was released")
    risk = RiskState(
        reason="released",
        by=by,
        since=at,
        peak_equity=equity(account),
        day=account.risk.day,
        day_equity=equity(account),
    )
    recorder.record(at, TradingStateChanged(risk))
    return tuple(recorder.entries)


def reset_account(
    account: Account, capital: float, note: str, at: datetime
) -> tuple[AccountEntry, ...]:
    """Start the account again with `capital`: orders end, positions go, sums start again."""
    recorder = EventRecorder(account)
    _cancel_all_open(recorder, at, "the account was reset")
    recorder.record(at, AccountReset(capital, note))
    return tuple(recorder.entries)


def find_open_order(account: Account, id: str) -> Order:
    """Return an open order. Raises NotFoundError if it is not open."""
    if id not in account.orders:
        raise NotFoundError(
            f"No open order has the id {id!r}. It may have filled or ended; look at all orders."
        )
    return account.orders[id]


def _flatten_order(id: str, symbol: str, quantity: float, at: datetime) -> Order:
    return Order(
        id=id,
        key=f"{OrderSource.EMERGENCY_STOP} {id}",
        symbol=symbol,
        side=Side.SELL if quantity > 0.0 else Side.BUY,
        order_type=OrderType.MARKET,
        quantity=abs(quantity),
        time_in_force=TimeInForce.GTC,
        source=OrderSource.EMERGENCY_STOP,
        submitted_at=at,
        reduce_only=True,
    )


def _cancel(recorder: EventRecorder, order: Order, at: datetime, reason: str) -> None:
    recorder.record(at, OrderClosed(order.id, OrderStatus.CANCELLED, reason))
    for child in _children(recorder.account, order.id):
        most = order.filled - child.filled
        if child.status is OrderStatus.ACCEPTED or most <= DUST:
            recorder.record(
                at, OrderClosed(child.id, OrderStatus.CANCELLED, END_REASONS[PARENT_ENDED])
            )
        elif child.remaining > most + DUST:
            recorder.record(at, OrderUpdated(resize(child, child.filled + most)))


def _cancel_all_open(recorder: EventRecorder, at: datetime, reason: str) -> None:
    for id in recorder.account.orders:
        recorder.record(at, OrderClosed(id, OrderStatus.CANCELLED, reason))


def _children(account: Account, id: str) -> tuple[Order, ...]:
    return tuple(order for order in account.orders.values() if order.parent == id)
