"""Tickets previewed, turned into orders, and orders amended.

Promises that the same ticket becomes the same orders every time, and that a preview shows every
rule, its costs, and how the order is taken to fill. Pure: the time, the price and the state of the
market are arguments. Leaves out quotes (`quotes.py`), which the caller adds, and how orders fill
(`kernels/`).
"""

import math
from dataclasses import replace
from datetime import datetime

from domain.errors import InputError
from domain.trading.account import Account
from domain.trading.orders import (
    DUST,
    Amendment,
    Kind,
    Order,
    Preview,
    Side,
    Source,
    Status,
    Term,
    Ticket,
    resized,
)
from trading.account.ledger import equity
from trading.limits import TradingSettings
from trading.orders.confirmation_tokens import LIFE
from trading.pre_trade.checks import Market, checks, demand, expected_costs, expected_price
from trading.pre_trade.order_validation import examine
from trading.sizing.position_sizing import SizingSettings


def preview(
    ticket: Ticket,
    account: Account,
    market: Market,
    settings: TradingSettings,
    sizing: SizingSettings,
) -> Preview:
    """What the order would do, without a quote yet. Raises InputError where it is no order."""
    examine(ticket, market.price, settings.limits)
    costs = expected_costs(ticket, market, settings)
    position = account.positions.get(ticket.symbol)
    held = (position.units if position else 0.0) + ticket.side.sign * ticket.quantity
    return Preview(
        ticket=ticket,
        price=market.price,
        priced_at=market.priced_at,
        costs=costs,
        value=ticket.side.sign * ticket.quantity * expected_price(ticket, market) + costs,
        weight=held * market.price / worth if (worth := equity(account)) > 0.0 else math.nan,
        checks=checks(ticket, account, market, settings, sizing),
        assumptions=assumptions(ticket, settings),
        quote=None,
        expires_at=market.now + LIFE,
    )


def orders_of(ticket: Ticket, *, id: str, key: str, at: datetime) -> tuple[Order, ...]:
    """The orders a ticket becomes: itself and, of a bracket, its exits, which are held until it
    fills and of which one cancels the other. Keys of what nobody asked for have a space, which no
    key that is asked for has."""
    order = Order(
        id=id,
        key=key,
        symbol=ticket.symbol,
        side=ticket.side,
        kind=ticket.kind,
        quantity=ticket.quantity,
        term=ticket.term,
        source=Source.MANUAL,
        placed_at=at,
        limit=ticket.limit,
        stop=ticket.stop,
        trail=ticket.trail,
        trail_share=ticket.trail_share,
        reduce_only=ticket.reduce_only or ticket.kind is Kind.TAKE_PROFIT,
        note=ticket.note,
    )
    exits = [
        replace(
            order,
            id=f"{id}-{name}",
            key=f"{key} {name}",
            side=Side.SELL if ticket.side is Side.BUY else Side.BUY,
            kind=kind,
            term=Term.GTC,
            status=Status.HELD,
            limit=level if kind is Kind.TAKE_PROFIT else None,
            stop=level if kind is Kind.STOP else None,
            reduce_only=True,
            group=id,
            parent=id,
        )
        for name, kind, level in (
            ("stop", Kind.STOP, ticket.stop_loss),
            ("profit", Kind.TAKE_PROFIT, ticket.take_profit),
        )
        if level is not None
    ]
    return order, *exits


def amended(
    order: Order,
    amendment: Amendment,
    account: Account,
    market: Market,
    settings: TradingSettings,
    sizing: SizingSettings,
) -> Order:
    """The order with new terms, held against the rules like a new one for what is left of it.

    Raises InputError for an order that has ended or was not placed by hand, for terms it cannot
    have, and for a failed check.
    """
    if not order.open:
        raise InputError(f"Order {order.id} is {order.status}. Place a new one.")
    if order.source is not Source.MANUAL:
        raise InputError(
            f"Order {order.id} is the {order.source}'s and follows its decisions. Cancel it, or "
            "switch to suggestions and place your own."
        )
    terms = {
        name: value
        for name in ("quantity", "limit", "stop", "trail", "trail_share")
        if (value := getattr(amendment, name)) is not None
    }
    if not terms:
        raise InputError("The amendment changes nothing. Give a quantity or a price.")
    changed = replace(resized(order, terms.pop("quantity", order.quantity)), **terms)
    if not changed.left > 0.0:
        raise InputError(
            f"{order.filled:g} of order {order.id} have filled, so it cannot become one of "
            f"{changed.quantity:g}. Give more, or cancel the rest."
        )
    rest = _with_exits(_ticket(changed), order, account)
    examine(rest, _reference(order, account, market.price), settings.limits)
    others = {id: other for id, other in account.orders.items() if id != order.id}
    if order.parent is None:
        demand(checks(rest, replace(account, orders=others), market, settings, sizing))
    else:
        _refuse_larger(changed, account)
    return changed


def _with_exits(ticket: Ticket, order: Order, account: Account) -> Ticket:
    """With the exits that wait for the order, which new terms must not cross."""
    waiting = [
        other
        for other in account.orders.values()
        if other.parent == order.id and other.status is Status.HELD
    ]
    levels = {other.kind: other.stop or other.limit for other in waiting}
    return replace(
        ticket, stop_loss=levels.get(Kind.STOP), take_profit=levels.get(Kind.TAKE_PROFIT)
    )


def _refuse_larger(exit: Order, account: Account) -> None:
    """An exit is no larger than what it ends: the order it waits for, or the position."""
    parent, position = account.orders.get(exit.parent or ""), account.positions.get(exit.symbol)
    held = max(-exit.side.sign * position.units, 0.0) if position else 0.0
    most = exit.filled + (held if parent is None else max(held, parent.quantity))
    if exit.quantity > most + DUST:
        raise InputError(
            f"Order {exit.id} only reduces, so {exit.quantity:.12g} {exit.symbol} are too much. "
            f"Give at most {most:.12g}.",
            field="quantity",
        )


def _reference(order: Order, account: Account, price: float) -> float:
    """What an order's prices lie above or below: the last price, of an exit that is held still the
    price that its parent waits for."""
    parent = account.orders.get(order.parent or "")
    if order.status is Status.HELD and parent is not None:
        return parent.limit or parent.stop or price
    return price


def _ticket(order: Order) -> Ticket:
    """What is left of an order, as a ticket."""
    return Ticket(
        symbol=order.symbol,
        side=order.side,
        kind=order.kind,
        quantity=order.left,
        limit=order.limit,
        stop=order.stop,
        trail=order.trail,
        trail_share=order.trail_share,
        term=order.term,
        reduce_only=order.reduce_only,
        note=order.note,
    )


def assumptions(ticket: Ticket, settings: TradingSettings) -> tuple[str, ...]:
    """How the order is taken to fill, in words, with the figures in force."""
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
    return (_MEETS[ticket.kind].format(slips=slips), _STANDS[ticket.term], capped, paid)


_MEETS = {
    Kind.MARKET: "Fills at the open of the next bar, against you by {slips}.",
    Kind.LIMIT: "Fills at the limit where a bar trades through it, or at a better open.",
    Kind.STOP: "Becomes a market order where a bar reaches the stop and fills there, or at the "
    "open beyond it, against you by {slips}.",
    Kind.STOP_LIMIT: "Becomes a limit order where a bar reaches the stop, and then fills where a "
    "bar trades through the limit.",
    Kind.TRAILING_STOP: "Follows the best price of the bars before, and fills like a stop, against "
    "you by {slips}.",
    Kind.TAKE_PROFIT: "Fills at the limit where a bar trades through it, or at a better open, and "
    "never for more than is held.",
}

_STANDS = {
    Term.DAY: "Stands to the end of the first session it meets.",
    Term.GTC: "Stands until it is cancelled.",
    Term.IOC: "Is for the next open alone: what does not fill there is cancelled.",
    Term.FOK: "Is for the next open alone: all of it fills there or nothing.",
}
