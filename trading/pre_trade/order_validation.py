"""Whether a ticket can be an order at all, whatever the account: quantity, prices, time in force.

Promises that every broker understands a valid ticket alike: a positive quantity in whole lots, the
prices its order type needs and no others, on their tick and on the right side of the market. Each
refusal gives the value, the reason and what would be accepted, and names the field as forms and
programs do. Leaves out what the account may do (`checks.py`).
"""

import math
from collections.abc import Mapping

from domain.errors import InputError
from domain.stored_names import stored_fields
from domain.trading.orders import OrderType, Side, Ticket, TimeInForce
from trading.limits import LimitSettings
from trading.pre_trade.instrument_rules import (
    adjacent_multiples,
    is_multiple,
    tick_size,
    untradable_reason,
)

MAX_ORDER_VALUE = 1e12
"""Largest value of an order in currency, and largest quantity: above it floats lose cents."""

MAX_NOTE_LENGTH = 500
"""Longest note, in characters."""

_PUBLISHED_NAMES = dict(stored_fields(Ticket))
"""By field of a ticket, its name in forms, programs and messages."""

_PRICES = ("limit_price", "stop_price", "trail_amount", "stop_loss", "take_profit")
"""Fields of a ticket that are prices or, for a trail, a distance in price."""

_REQUIRED_PRICES: Mapping[OrderType, frozenset[str]] = {
    OrderType.MARKET: frozenset(),
    OrderType.LIMIT: frozenset({"limit"}),
    OrderType.STOP: frozenset({"stop"}),
    OrderType.STOP_LIMIT: frozenset({"limit", "stop"}),
    OrderType.TRAILING_STOP: frozenset({"trail"}),
    OrderType.TAKE_PROFIT: frozenset({"limit"}),
}
"""By order type the prices it needs, by their published names; a trail is an amount or a
fraction."""

_IMMEDIATE_TYPES = frozenset({OrderType.MARKET, OrderType.LIMIT})
"""Types that may trade at the next open only."""

_EXIT_TYPES = frozenset({OrderType.TRAILING_STOP, OrderType.TAKE_PROFIT})
"""Types that are exits themselves and take no bracket."""


def validate_ticket(ticket: Ticket, price: float, limits: LimitSettings) -> None:
    """Raise InputError if `ticket` cannot be an order; `price` is the symbol's last close."""
    if reason := untradable_reason(ticket.symbol):
        raise InputError(reason, field="symbol")
    _validate_quantity(ticket, price, limits)
    _validate_required_prices(ticket)
    for name in _PRICES:
        _validate_price(_PUBLISHED_NAMES[name], getattr(ticket, name), ticket.symbol)
    _validate_trail_fraction(ticket.trail_fraction)
    _validate_time_in_force(ticket)
    _validate_price_sides(ticket, price)
    _validate_bracket(ticket, price)
    if len(ticket.note) > MAX_NOTE_LENGTH:
        raise InputError(
            f"The note has {len(ticket.note)} characters. Write at most {MAX_NOTE_LENGTH}.",
            field="note",
        )


def _validate_quantity(ticket: Ticket, price: float, limits: LimitSettings) -> None:
    size, most = limits.lot_size(ticket.symbol).size, min(MAX_ORDER_VALUE, MAX_ORDER_VALUE / price)
    quantity = ticket.quantity
    if not math.isfinite(quantity) or not 0.0 < quantity <= most:
        raise InputError(
            f"The quantity is {quantity}. Give a number of units from {size:g} to {most:.6g}; to "
            "sell, choose the side.",
            field="quantity",
        )
    if not is_multiple(quantity, size):
        below, above = adjacent_multiples(quantity, size)
        near = f"{below:g} or {above:g}" if below > 0.0 else f"{above:g}"
        raise InputError(
            f"{quantity:.12g} {ticket.symbol} is no whole number of lots of {size:g}. Give {near}.",
            field="quantity",
        )


def _validate_required_prices(ticket: Ticket) -> None:
    """Each type has the prices it needs, and no price that would be ignored."""
    required = _REQUIRED_PRICES[ticket.order_type]
    trails = (ticket.trail_amount is not None) + (ticket.trail_fraction is not None)
    given = {"trail"} if trails else set()
    given |= {"limit"} if ticket.limit_price is not None else set()
    given |= {"stop"} if ticket.stop_price is not None else set()
    if missing := sorted(required - given):
        raise InputError(
            f"A {ticket.order_type} order needs a {' and a '.join(missing)}. Give it.",
            field=missing[0],
        )
    if superfluous := sorted(given - required):
        raise InputError(
            f"A {ticket.order_type} order has no {' and no '.join(superfluous)}. Leave it out, or "
            "choose the kind that has it.",
            field=superfluous[0],
        )
    if trails > 1:
        raise InputError(
            f"The trail is {ticket.trail_amount} and {ticket.trail_fraction} of the price. Give "
            "one of them.",
            field="trail",
        )


def _validate_price(name: str, price: float | None, symbol: str) -> None:
    if price is None:
        return
    label = name.replace("_", " ")
    if not math.isfinite(price) or not 0.0 < price < MAX_ORDER_VALUE:
        raise InputError(f"The {label} is {price}. Give a price above 0.", field=name)
    step = tick_size(symbol, price)
    if not is_multiple(price, step):
        below, above = adjacent_multiples(price, step)
        near = f"{below:.12g} or {above:.12g}" if below > 0.0 else f"{above:.12g}"
        raise InputError(
            f"The {label} of {price:.12g} is off the tick: {symbol} moves in steps of {step:g} "
            f"there. Give {near}.",
            field=name,
        )


def _validate_trail_fraction(fraction: float | None) -> None:
    if fraction is not None and not 0.0 < fraction < 1.0:
        raise InputError(
            f"The trail is {fraction} of the price. Give a share between 0 and 1.", field="trail"
        )


def _validate_time_in_force(ticket: Ticket) -> None:
    if ticket.time_in_force in {TimeInForce.IOC, TimeInForce.FOK} and (
        ticket.order_type not in _IMMEDIATE_TYPES or ticket.stop_loss or ticket.take_profit
    ):
        raise InputError(
            f"A {ticket.order_type} order waits for a price, or its exits do, but "
            f"{ticket.time_in_force} is for the next open alone. Choose day or gtc.",
            field="term",
        )


def _validate_price_sides(ticket: Ticket, price: float) -> None:
    """Refuse a stop or a take-profit that the market has passed already: it would trigger at
    once."""
    sign = ticket.side.sign
    profit = ticket.limit_price if ticket.order_type is OrderType.TAKE_PROFIT else None
    for name, level, away in (("stop", ticket.stop_price, sign), ("limit", profit, -sign)):
        if level is None:
            continue
        if (level - price) * away <= 0.0:
            where = "above" if away > 0 else "below"
            raise InputError(
                f"The {name} of {level:.12g} for a {ticket.order_type} {ticket.side} lies on the "
                f"wrong side of the last price, {price:.12g}. Give one {where} it.",
                field=name,
            )
    trail = ticket.trail_amount
    if trail is not None and ticket.side is Side.SELL and trail >= price:
        raise InputError(
            f"A trail of {trail:.12g} would put the stop below 0. Give less than the last price, "
            f"{price:.12g}.",
            field="trail",
        )


def _validate_bracket(ticket: Ticket, price: float) -> None:
    """Require the exits on either side of the entry: for a buy, stop below and profit above."""
    if ticket.stop_loss is None and ticket.take_profit is None:
        return
    if ticket.order_type in _EXIT_TYPES or ticket.reduce_only:
        reduces = " that only reduces" if ticket.reduce_only else ""
        raise InputError(
            f"A {ticket.order_type} order{reduces} ends a position and takes no exits of its own. "
            "Leave stop loss and take profit out.",
            field="take_profit" if ticket.stop_loss is None else "stop_loss",
        )
    entry = ticket.limit_price or ticket.stop_price or price
    sign = ticket.side.sign
    for name, exit, away in (
        ("stop loss", ticket.stop_loss, -sign),
        ("take profit", ticket.take_profit, sign),
    ):
        if exit is not None and (exit - entry) * away <= 0.0:
            where = "above" if away > 0 else "below"
            raise InputError(
                f"The bracket is crossed: the {name} of a {ticket.side} at about {entry:.12g} is "
                f"{exit:.12g}. Give one {where} it.",
                field=name.replace(" ", "_"),
            )
