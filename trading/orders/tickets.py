"""Preview tickets, turn them into orders, and amend orders.

Promises that the same ticket becomes the same orders every time, and that a preview shows every
rule, its costs, and how the order is assumed to fill. Pure: the time, the price and the state of
the market are arguments. Leaves out confirmation tokens (`confirmation_tokens.py`), which the
caller adds, and how orders fill (`kernels/`).
"""

import math
from dataclasses import asdict, replace
from datetime import datetime

from domain.errors import InputError
from domain.trading.account import Account
from domain.trading.orders import (
    DUST,
    Amendment,
    Order,
    OrderPreview,
    OrderSource,
    OrderStatus,
    OrderType,
    Side,
    Ticket,
    TimeInForce,
    resize,
)
from trading.account.ledger import equity
from trading.limits import TradingSettings
from trading.orders.confirmation_tokens import TOKEN_LIFETIME
from trading.pre_trade.checks import (
    MarketSnapshot,
    expected_costs,
    expected_price,
    require_passed,
    run_checks,
)
from trading.pre_trade.order_validation import validate_ticket
from trading.sizing.position_sizing import SizingSettings


def preview_ticket(
    ticket: Ticket,
    account: Account,
    snapshot: MarketSnapshot,
    settings: TradingSettings,
    sizing: SizingSettings,
) -> OrderPreview:
    """Preview the order, without a token. Raises InputError if the ticket cannot be an order."""
    validate_ticket(ticket, snapshot.price, settings.limits)
    costs = expected_costs(ticket, snapshot, settings)
    position = account.positions.get(ticket.symbol)
    quantity_after = (position.quantity if position else 0.0) + ticket.side.sign * ticket.quantity
    total = equity(account)
    return OrderPreview(
        ticket=ticket,
        price=snapshot.price,
        priced_at=snapshot.priced_at,
        costs=costs,
        value=ticket.side.sign * ticket.quantity * expected_price(ticket, snapshot) + costs,
        weight=quantity_after * snapshot.price / total if total > 0.0 else math.nan,
        checks=run_checks(ticket, account, snapshot, settings, sizing),
        assumptions=fill_assumptions(ticket, settings),
        confirmation_token=None,
        expires_at=snapshot.now + TOKEN_LIFETIME,
    )


def orders_from_ticket(ticket: Ticket, *, id: str, key: str, at: datetime) -> tuple[Order, ...]:
    """Return the orders that a ticket becomes: the order itself and, for a bracket, its exits. The
    exits wait until it fills, and one that fills cancels the other. The key of an exit has a space,
    which a client's key never has."""
    order = Order(
        id=id,
        key=key,
        symbol=ticket.symbol,
        side=ticket.side,
        order_type=ticket.order_type,
        quantity=ticket.quantity,
        time_in_force=ticket.time_in_force,
        source=OrderSource.MANUAL,
        submitted_at=at,
        limit_price=ticket.limit_price,
        stop_price=ticket.stop_price,
        trail_amount=ticket.trail_amount,
        trail_fraction=ticket.trail_fraction,
        reduce_only=ticket.reduce_only or ticket.order_type is OrderType.TAKE_PROFIT,
        note=ticket.note,
    )
    exits = [
        replace(
            order,
            id=f"{id}-{name}",
            key=f"{key} {name}",
            side=Side.SELL if ticket.side is Side.BUY else Side.BUY,
            order_type=order_type,
            time_in_force=TimeInForce.GTC,
            status=OrderStatus.ACCEPTED,
            limit_price=level if order_type is OrderType.TAKE_PROFIT else None,
            stop_price=level if order_type is OrderType.STOP else None,
            reduce_only=True,
            group=id,
            parent=id,
        )
        for name, order_type, level in (
            ("stop", OrderType.STOP, ticket.stop_loss),
            ("profit", OrderType.TAKE_PROFIT, ticket.take_profit),
        )
        if level is not None
    ]
    return order, *exits


def amend_order(
    order: Order,
    amendment: Amendment,
    account: Account,
    snapshot: MarketSnapshot,
    settings: TradingSettings,
    sizing: SizingSettings,
) -> Order:
    """Return the order with new terms, checked like a new order for what remains of it.

    Raises InputError for an order that has ended or was not placed by hand, for terms it cannot
    have, and for a failed check.
    """
    if not order.is_open:
        raise InputError(f"Order {order.id} is {order.status}. Place a new one.")
    if order.source is not OrderSource.MANUAL:
        raise InputError(
            f"Order {order.id} is the {order.source}'s and follows its decisions. Cancel it, or "
            "switch to suggestions and place your own."
        )
    terms = {name: value for name, value in asdict(amendment).items() if value is not None}
    if not terms:
        raise InputError("The amendment changes nothing. Give a quantity or a price.")
    changed = replace(resize(order, terms.pop("quantity", order.quantity)), **terms)
    if not changed.remaining > 0.0:
        raise InputError(
            f"{order.filled:g} of order {order.id} have filled, so it cannot become one of "
            f"{changed.quantity:g}. Give more, or cancel the rest."
        )
    rest = _with_exits(_remaining_ticket(changed), order, account)
    validate_ticket(rest, _reference_price(order, account, snapshot.price), settings.limits)
    others = {id: other for id, other in account.orders.items() if id != order.id}
    if order.parent is None:
        require_passed(
            run_checks(rest, replace(account, orders=others), snapshot, settings, sizing)
        )
    else:
        _validate_exit_size(changed, account)
    return changed


def _with_exits(ticket: Ticket, order: Order, account: Account) -> Ticket:
    """Add the exits that wait for the order, which new terms must not cross."""
    waiting = [
        other
        for other in account.orders.values()
        if other.parent == order.id and other.status is OrderStatus.ACCEPTED
    ]
    levels = {other.order_type: other.stop_price or other.limit_price for other in waiting}
    return replace(
        ticket, stop_loss=levels.get(OrderType.STOP), take_profit=levels.get(OrderType.TAKE_PROFIT)
    )


def _validate_exit_size(exit: Order, account: Account) -> None:
    """Check that an exit is no larger than what it closes: the order it waits for, or the
    position."""
    parent, position = account.orders.get(exit.parent or ""), account.positions.get(exit.symbol)
    reducible = max(-exit.side.sign * position.quantity, 0.0) if position else 0.0
    maximum = exit.filled + (reducible if parent is None else max(reducible, parent.quantity))
    if exit.quantity > maximum + DUST:
        raise InputError(
            f"Order {exit.id} only reduces, so {exit.quantity:.12g} {exit.symbol} are too much. "
            f"Give at most {maximum:.12g}.",
            field="quantity",
        )


def _reference_price(order: Order, account: Account, price: float) -> float:
    """Return the price that an order's prices must lie above or below: the last price or, for an
    exit that waits, its parent's price."""
    parent = account.orders.get(order.parent or "")
    if order.status is OrderStatus.ACCEPTED and parent is not None:
        return parent.limit_price or parent.stop_price or price
    return price


def _remaining_ticket(order: Order) -> Ticket:
    """Return what remains of an order, as a ticket."""
    return Ticket(
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        quantity=order.remaining,
        limit_price=order.limit_price,
        stop_price=order.stop_price,
        trail_amount=order.trail_amount,
        trail_fraction=order.trail_fraction,
        time_in_force=order.time_in_force,
        reduce_only=order.reduce_only,
        note=order.note,
    )


def fill_assumptions(ticket: Ticket, settings: TradingSettings) -> tuple[str, ...]:
    """Say how the order is assumed to fill, with the figures in force."""
    costs = settings.costs
    slips = (
        f"{costs.half_spread_bps:g} bp of half the spread and an impact of {costs.impact:g} "
        "volatilities of the bar for a trade of its whole volume, by the square root of the size"
    )
    capped = (
        f"At most {costs.volume_cap:.3g} of a bar's volume fills; nothing fills on a bar without "
        "volume."
    )
    paid = f"A commission of {costs.commission_bps:g} bp is paid on every fill."
    return (
        _FILL_RULES[ticket.order_type].format(slips=slips),
        _TIME_IN_FORCE_RULES[ticket.time_in_force],
        capped,
        paid,
    )


_FILL_RULES = {
    OrderType.MARKET: "Fills at the open of the next bar, against you by {slips}.",
    OrderType.LIMIT: "Fills at the limit where a bar trades through it, or at a better open.",
    OrderType.STOP: "Becomes a market order where a bar reaches the stop and fills there, or at "
    "the open beyond it, against you by {slips}.",
    OrderType.STOP_LIMIT: "Becomes a limit order where a bar reaches the stop, and then fills "
    "where a bar trades through the limit.",
    OrderType.TRAILING_STOP: "Follows the best price of the bars before, and fills like a stop, "
    "against you by {slips}.",
    OrderType.TAKE_PROFIT: "Fills at the limit where a bar trades through it, or at a better "
    "open, and never for more than is held.",
}

_TIME_IN_FORCE_RULES = {
    TimeInForce.DAY: "Stands to the end of the first session it meets.",
    TimeInForce.GTC: "Stands until it is cancelled.",
    TimeInForce.IOC: "Is for the next open alone: what does not fill there is cancelled.",
    TimeInForce.FOK: "Is for the next open alone: all of it fills there or nothing.",
}
