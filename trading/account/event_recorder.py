"""Record what the compiled loops did to an account as entries.

The loops change arrays and leave a list of fills. This module compares the arrays with the account,
order by order, records the changes, and applies each entry at once: an entry that cannot happen is
refused here and never stored. Leaves out the loops (`kernels/`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np

from domain.canonical import format_instant
from domain.errors import VerificationError
from domain.instants import from_microseconds, to_microseconds
from domain.trading.account import (
    Account,
    AccountEntry,
    AccountEvent,
    BarClosed,
    BorrowFeeCharged,
    DividendPaid,
    OrderClosed,
    OrderFilled,
    OrderSubmitted,
    OrderUpdated,
)
from domain.trading.orders import (
    DUST,
    OPEN_STATUSES,
    Order,
    OrderSource,
    OrderStatus,
    OrderType,
    Side,
    TimeInForce,
)
from trading.account.account_arrays import (
    ORDER_TYPES,
    STATUS_OF_CODE,
    AccountArraysView,
    price_or_none,
    read_risk_state,
)
from trading.account.ledger import apply
from trading.kernels import codes
from trading.kernels.state import BarArrays


@dataclass(slots=True)
class EventRecorder:
    """Collects entries; `account` is the account after them."""

    account: Account
    entries: list[AccountEntry] = field(default_factory=list)

    def record(self, at: datetime, event: AccountEvent) -> None:
        """Record an event. Raises VerificationError if it cannot happen to the account."""
        entry = AccountEntry(self.account.entry_count + 1, at, event)
        self.account = apply(self.account, entry)
        self.entries.append(entry)

    def next_order_id(self) -> str:
        """Return the id of an order that the next entry submits."""
        return f"o{self.account.entry_count + 1}"


def record_bar(recorder: EventRecorder, view: AccountArraysView, bars: BarArrays, t: int) -> None:
    """Record what row `t` of the bars did: dividends, borrowing, fills, changes of orders, the
    close.

    Raises VerificationError if the ledger's cash differs from that of the loops.
    """
    opened, closed = from_microseconds(bars.opened_at[t]), from_microseconds(bars.known_at[t])
    positions, state = view.arrays.positions, view.arrays.state[0]
    present = [n for n in range(len(view.symbols)) if not np.isnan(bars.close[t, n])]
    for n in present:
        symbol, dividend = view.symbols[n], float(positions[n]["dividend"])
        if dividend != 0.0:
            recorder.record(opened, DividendPaid(symbol, float(bars.dividend[t, n]), dividend))
        if positions[n]["borrowing"] != 0.0:
            recorder.record(opened, BorrowFeeCharged(symbol, float(positions[n]["borrowing"])))
    fills = [_Fill(fill) for fill in view.arrays.fills[: state["fill_count"]]]
    for k, fill in enumerate(fills):
        _record_fill(recorder, view, fill, sum(f.size for f in fills[k:] if f.order == fill.order))
        if fill.order == 3 * fill.symbol and fill.quantity > 0.0:
            for m in (fill.order + 1, fill.order + 2):
                _record_exit(recorder, view, m, opened)
    _record_order_updates(recorder, view, closed)
    recorder.record(
        closed,
        BarClosed(
            closes={view.symbols[n]: float(bars.close[t, n]) for n in present},
            equity=float(state["equity"]),
            risk=read_risk_state(state, recorder.account.risk, closed),
            best_prices=_new_best_prices(recorder.account, view),
        ),
    )
    if recorder.account.cash != state["cash"]:
        raise VerificationError(
            f"At {closed} the ledger comes to {recorder.account.cash} in cash and the compiled "
            f"loops to {state['cash']}. Nothing was recorded; this is a fault of the program."
        )


def record_target_orders(
    recorder: EventRecorder,
    view: AccountArraysView,
    at: datetime,
    receipts: Mapping[str, str | None],
) -> None:
    """Record what `place_target_orders` did: orders ended and placed. `receipts` are by symbol."""
    _record_order_updates(recorder, view, at)
    for n, symbol in enumerate(view.symbols):
        record = view.arrays.orders[3 * n]
        if view.order_ids[3 * n] is None and record["status"] == codes.WORKING:
            risk = recorder.account.risk
            source, reason = OrderSource.COMMITTEE, ""
            if risk.flattening:
                source, reason = OrderSource.EXIT, risk.reason
            order = _new_order(recorder.next_order_id(), symbol, record, at, source, reason)
            recorder.record(at, OrderSubmitted(replace(order, receipt=receipts.get(symbol))))


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
    def quantity(self) -> float:
        return float(self.record["quantity"])

    @property
    def size(self) -> float:
        return abs(self.quantity)


def _record_fill(
    recorder: EventRecorder, view: AccountArraysView, fill: _Fill, upcoming: float
) -> None:
    """Record a fill; `upcoming` are the units that its order still fills in this row, including
    these.

    Exits change their size within a row, when others sell what they protect or more is bought: the
    order is resized to what it is about to fill before the fill.
    """
    id, record = view.order_ids[fill.order], view.arrays.orders[fill.order]
    at = from_microseconds(fill.record["at"])
    if id is None:
        raise VerificationError(f"Record {fill.order} filled, but is nobody's order.")
    order = recorder.account.orders[id]
    remaining = order.remaining
    if record["status"] == codes.FILLED:
        remaining = upcoming if abs(upcoming - remaining) > DUST else remaining
    elif remaining < upcoming - DUST:
        remaining = upcoming + float(record["remaining"])
    if remaining != order.remaining or order.status is OrderStatus.ACCEPTED:
        status = OrderStatus.WORKING if order.status is OrderStatus.ACCEPTED else order.status
        recorder.record(at, OrderUpdated(replace(_resize(order, remaining), status=status)))
    recorder.record(
        at,
        OrderFilled(
            order_id=id,
            symbol=view.symbols[fill.symbol],
            quantity=fill.quantity,
            price=float(fill.record["price"]),
            commission=float(fill.record["commission"]),
            slippage=float(fill.record["slippage"]),
            trigger=codes.FILL_TRIGGERS[fill.record["trigger"]],
            residual_slippage=float(fill.record["residual_slippage"]),
        ),
    )


def _record_exit(
    recorder: EventRecorder, view: AccountArraysView, m: int, opened: datetime
) -> None:
    """Record a protective exit that the row put into its slot after the committee bought."""
    record, id = view.arrays.orders[m], view.order_ids[m]
    old = recorder.account.orders.get(id or "")
    if record["submitted"] != to_microseconds(opened) or (old and old.submitted_at == opened):
        return
    if old:
        recorder.record(
            opened,
            OrderClosed(old.id, OrderStatus.CANCELLED, codes.END_REASONS[codes.GROUP_FILLED]),
        )
    symbol = view.symbols[record["symbol"]]
    order = _new_order(
        recorder.next_order_id(), symbol, record, opened, OrderSource.EXIT, "guards its position"
    )
    view.order_ids[m] = order.id
    quantity = recorder.account.positions[symbol].quantity
    recorder.record(opened, OrderSubmitted(replace(order, quantity=quantity, remaining=quantity)))


def _record_order_updates(recorder: EventRecorder, view: AccountArraysView, at: datetime) -> None:
    """Record what changed for every open order, apart from fills."""
    for m in view.record_numbers:
        order = recorder.account.orders.get(view.order_ids[m] or "")
        if order is None:
            view.order_ids[m] = None
            continue
        record = view.arrays.orders[m]
        status = STATUS_OF_CODE.get(int(record["status"]))
        reason = codes.END_REASONS[record["reason"]]
        if record["submitted"] != to_microseconds(order.submitted_at):  # its slot has a new order
            status, reason = OrderStatus.CANCELLED, codes.END_REASONS[codes.NEW_DECISION]
        remaining = _allowed_remaining(view, m)
        if remaining <= 0.0:
            status, reason = OrderStatus.CANCELLED, codes.END_REASONS[codes.PARENT_ENDED]
        if status in {OrderStatus.CANCELLED, OrderStatus.EXPIRED}:
            recorder.record(at, OrderClosed(order.id, status, reason))
            view.order_ids[m] = None
            continue
        if (updated := _update(order, record, remaining)) is not order:
            recorder.record(at, OrderUpdated(updated))


def _update(order: Order, record: Any, remaining: float) -> Order:
    """Return the order as its record is now; the same order if nothing changed."""
    status = order.status
    if status is OrderStatus.ACCEPTED and record["status"] != codes.ACCEPTED:
        status = OrderStatus.WORKING
    updated = replace(
        order,
        limit_price=price_or_none(record["limit_price"]),
        stop_price=price_or_none(record["stop_price"]),
        triggered=bool(record["triggered"]),
        expires_at=from_microseconds(record["expires"]) if record["expires"] else None,
        status=status,
    )
    if remaining == order.remaining and updated == order:
        return order
    return _resize(updated, remaining)


def _allowed_remaining(view: AccountArraysView, m: int) -> float:
    """Return the remaining units of an order. If its parent has ended, they are at most what the
    parent filled."""
    records = view.arrays.orders
    record = records[m]
    remaining, parent = float(record["remaining"]), int(record["parent"])
    if parent < 0 or STATUS_OF_CODE.get(int(records[parent]["status"])) in OPEN_STATUSES:
        return remaining
    most = float(records[parent]["filled"] - record["filled"])
    return remaining if remaining <= most + DUST else most if most > DUST else 0.0


def _resize(order: Order, remaining: float) -> Order:
    """Return the order with `remaining` to fill; its quantity follows, unless the difference is
    only rounding."""
    quantity = (
        order.quantity if abs(remaining - order.remaining) <= DUST else order.filled + remaining
    )
    return replace(order, remaining=remaining, quantity=quantity)


def _new_best_prices(account: Account, view: AccountArraysView) -> dict[str, float]:
    """Return the best prices that are new, by order."""
    best = {}
    for m in view.record_numbers:
        order = account.orders.get(view.order_ids[m] or "")
        best_price = price_or_none(view.arrays.orders[m]["best"])
        if order is not None and best_price is not None and best_price != order.best_price:
            best[order.id] = best_price
    return best


def _new_order(
    id: str, symbol: str, record: Any, at: datetime, source: OrderSource, reason: str
) -> Order:
    """Return a new order that the loops placed."""
    order_type = ORDER_TYPES[record["order_type"]]
    if source is OrderSource.EXIT and order_type is OrderType.LIMIT:
        order_type = OrderType.TAKE_PROFIT
    is_exit = record["group"] > 0
    return Order(
        id=id,
        key=f"{source} {symbol} {format_instant(at)}" + (f" {order_type}" if is_exit else ""),
        symbol=symbol,
        side=Side.BUY if record["side"] > 0 else Side.SELL,
        order_type=order_type,
        quantity=float(record["remaining"]),
        time_in_force=TimeInForce.GTC,
        source=source,
        submitted_at=at,
        limit_price=price_or_none(record["limit_price"]),
        stop_price=price_or_none(record["stop_price"]),
        trail_fraction=price_or_none(record["trail_fraction"]),
        best_price=price_or_none(record["best"]),
        reduce_only=bool(record["reduce_only"]),
        group=f"exits of {symbol}" if is_exit else None,
        reason=reason,
    )
