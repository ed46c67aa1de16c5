"""Whether a ticket is an order at all, whatever the account: its quantity, its prices, its term.

Promises that what passes here is understood by every broker alike: a positive quantity in whole
lots, the prices its kind needs and no others, on their tick and on the right side of the market.
Each refusal gives the value, the reason and what would be accepted. Leaves out what the account
may do (`trading/orders/tickets.py`).
"""

import math
from collections.abc import Mapping

from domain.errors import InputError
from domain.trading.orders import Kind, Side, Term, Ticket
from trading.limits import LimitSettings
from trading.pre_trade.instrument_rules import nearest, tick, untradable, whole

MOST = 1e12
"""Largest value of an order in currency, and largest quantity: beyond it floats lose cents."""

NOTE = 500
"""Longest note, in characters."""

_NEEDS: Mapping[Kind, frozenset[str]] = {
    Kind.MARKET: frozenset(),
    Kind.LIMIT: frozenset({"limit"}),
    Kind.STOP: frozenset({"stop"}),
    Kind.STOP_LIMIT: frozenset({"limit", "stop"}),
    Kind.TRAILING_STOP: frozenset({"trail"}),
    Kind.TAKE_PROFIT: frozenset({"limit"}),
}
"""By kind the prices it needs; a trail is an amount or a share."""

_AT_ONCE = frozenset({Kind.MARKET, Kind.LIMIT})
"""Kinds that may be for the next open alone."""

_EXITS = frozenset({Kind.TRAILING_STOP, Kind.TAKE_PROFIT})
"""Kinds that are exits themselves and take no bracket."""


def examine(ticket: Ticket, price: float, limits: LimitSettings) -> None:
    """Raises InputError where `ticket` is no order; `price` is the symbol's last close."""
    if why := untradable(ticket.symbol):
        raise InputError(why, field="symbol")
    _quantity(ticket, price, limits)
    _fields(ticket)
    for name in ("limit", "stop", "trail", "stop_loss", "take_profit"):
        _price(name, getattr(ticket, name), ticket.symbol)
    _share(ticket.trail_share)
    _term(ticket)
    _sides(ticket, price)
    _bracket(ticket, price)
    if len(ticket.note) > NOTE:
        raise InputError(
            f"The note has {len(ticket.note)} characters. Write at most {NOTE}.", field="note"
        )


def _quantity(ticket: Ticket, price: float, limits: LimitSettings) -> None:
    size, most = limits.lot(ticket.symbol).size, min(MOST, MOST / price)
    asked = ticket.quantity
    if not math.isfinite(asked) or not 0.0 < asked <= most:
        raise InputError(
            f"The quantity is {asked}. Give a number of units from {size:g} to {most:.6g}; to "
            "sell, choose the side.",
            field="quantity",
        )
    if not whole(asked, size):
        below, above = nearest(asked, size)
        near = f"{below:g} or {above:g}" if below > 0.0 else f"{above:g}"
        raise InputError(
            f"{asked:.12g} {ticket.symbol} is no whole number of lots of {size:g}. Give {near}.",
            field="quantity",
        )


def _fields(ticket: Ticket) -> None:
    """Each kind has the prices it needs, and no price that would be ignored."""
    needed = _NEEDS[ticket.kind]
    trails = (ticket.trail is not None) + (ticket.trail_share is not None)
    given = {name for name in ("limit", "stop") if getattr(ticket, name) is not None}
    given |= {"trail"} if trails else set()
    if missing := sorted(needed - given):
        raise InputError(
            f"A {ticket.kind} order needs a {' and a '.join(missing)}. Give it.", field=missing[0]
        )
    if superfluous := sorted(given - needed):
        raise InputError(
            f"A {ticket.kind} order has no {' and no '.join(superfluous)}. Leave it out, or choose "
            "the kind that has it.",
            field=superfluous[0],
        )
    if trails > 1:
        raise InputError(
            f"The trail is {ticket.trail} and {ticket.trail_share} of the price. Give one of them.",
            field="trail",
        )


def _price(name: str, price: float | None, symbol: str) -> None:
    if price is None:
        return
    called = name.replace("_", " ")
    if not math.isfinite(price) or not 0.0 < price < MOST:
        raise InputError(f"The {called} is {price}. Give a price above 0.", field=name)
    step = tick(symbol, price)
    if not whole(price, step):
        below, above = nearest(price, step)
        near = f"{below:.12g} or {above:.12g}" if below > 0.0 else f"{above:.12g}"
        raise InputError(
            f"The {called} of {price:.12g} is off the tick: {symbol} moves in steps of {step:g} "
            f"there. Give {near}.",
            field=name,
        )


def _share(share: float | None) -> None:
    if share is not None and not 0.0 < share < 1.0:
        raise InputError(
            f"The trail is {share} of the price. Give a share between 0 and 1.", field="trail"
        )


def _term(ticket: Ticket) -> None:
    if ticket.term in {Term.IOC, Term.FOK} and (
        ticket.kind not in _AT_ONCE or ticket.stop_loss or ticket.take_profit
    ):
        raise InputError(
            f"A {ticket.kind} order waits for a price, or its exits do, but {ticket.term} is for "
            "the next open alone. Choose day or gtc.",
            field="term",
        )


def _sides(ticket: Ticket, price: float) -> None:
    """A stop that the market has passed already would trigger at once, and so would a profit."""
    sign = ticket.side.sign
    for name, away in (("stop", sign), ("limit", -sign)):
        level = getattr(ticket, name)
        if level is None or (name == "limit" and ticket.kind is not Kind.TAKE_PROFIT):
            continue
        if (level - price) * away <= 0.0:
            where = "above" if away > 0 else "below"
            raise InputError(
                f"The {name} of {level:.12g} for a {ticket.kind} {ticket.side} lies on the wrong "
                f"side of the last price, {price:.12g}. Give one {where} it.",
                field=name,
            )
    if ticket.trail is not None and ticket.side is Side.SELL and ticket.trail >= price:
        raise InputError(
            f"A trail of {ticket.trail:.12g} would put the stop below 0. Give less than the last "
            f"price, {price:.12g}.",
            field="trail",
        )


def _bracket(ticket: Ticket, price: float) -> None:
    """The exits lie on either side of the entry: stop below and profit above for a buy."""
    if ticket.stop_loss is None and ticket.take_profit is None:
        return
    if ticket.kind in _EXITS or ticket.reduce_only:
        raise InputError(
            f"A {ticket.kind} order{' that only reduces' if ticket.reduce_only else ''} ends a "
            "position and takes no exits of its own. Leave stop loss and take profit out.",
            field="take_profit" if ticket.stop_loss is None else "stop_loss",
        )
    entry = ticket.limit or ticket.stop or price
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
