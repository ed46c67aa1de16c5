"""Open orders meet one row of bars: at the open, then stops, then limits, then those that end.

The fill model is told in docs/orders.md; every doubt goes against the account.
"""

from typing import Any

import numpy as np

from quant.jit import compiled
from trading.kernels.codes import (
    AT_A_LIMIT,
    AT_A_STOP,
    AT_OPEN,
    AT_THE_OPEN,
    BEFORE,
    CANCELLED,
    DAY,
    DAY_OVER,
    DUST,
    EXPIRED,
    FILLED,
    FOK,
    IOC,
    LIMIT,
    NO_CASH,
    NOT_WHOLE,
    NOTHING_HELD,
    ONLY_THE_OPEN,
    STOP,
    STOP_LIMIT,
    TRAILING_STOP,
    WITHIN,
)
from trading.kernels.orders import end, fill, full_price, gather, is_open, level, may_take, whole
from trading.kernels.positions import cash_at_hand
from trading.kernels.state import Desk, Ints


@compiled
def executes_at_open(order: Any, opening: float) -> bool:
    """Whether an order trades at the open; a stop that the open has passed is triggered."""
    kind, side = order["order_type"], order["side"]
    if not opening > 0.0:
        return False
    if kind >= STOP and not order["triggered"]:
        if np.isnan(order["best"]):
            order["best"] = opening
        if side * (opening - level(order)) < 0.0:
            return False
        order["triggered"] = True
    if kind in (LIMIT, STOP_LIMIT):
        return bool(side * (order["limit_price"] - opening) > 0.0)
    return True


@compiled
def opened_by(desk: Desk, m: int, units: float) -> float:
    """The part of a buy that does not cover a short position."""
    short = max(-desk.held[desk.book[m]["symbol"]]["quantity"], 0.0)
    return float(units - min(short, units))


@compiled
def buy(
    desk: Desk,
    m: int,
    units: float,
    share: float,
    full: float,
    reference: float,
    moment: int,
) -> None:
    """Buy as much as `share` of the cash wanted can pay; what it does not reach is given up."""
    order = desk.book[m]
    if share < 1.0:
        opening = opened_by(desk, m, units)
        units += whole(opening * share, desk.lots[0, order["symbol"]]) - opening
    if units > DUST and not (share < 1.0 and order["time_in_force"] == FOK):
        fill(desk, m, units, full, reference, moment)
    if share < 1.0 and order["status"] != FILLED:
        end(desk, m, CANCELLED, NO_CASH)


@compiled
def at_open(desk: Desk, queue: Ints, count: int) -> None:
    """Sales first, then all buys, which shrink together to the cash at hand."""
    buys, outlay = 0, 0.0
    for j in range(count):
        m = queue[j]
        opening = desk.held[desk.book[m]["symbol"]]["open"]
        if not is_open(desk.book[m]) or not executes_at_open(desk.book[m], opening):
            continue
        if desk.book[m]["side"] > 0:
            queue[buys] = m
            buys += 1
            continue
        units = may_take(desk, m, opening)
        if units > 0.0:
            full = full_price(desk, m, units, opening)
            fill(desk, m, units, full, opening, AT_THE_OPEN)
    if buys == 0:
        return
    figures = np.empty((3, buys))
    want, price, stood = figures[0], figures[1], figures[2]
    for j in range(buys):
        m = queue[j]
        held = desk.held[desk.book[m]["symbol"]]
        stood[j] = held["quantity"]
        want[j] = may_take(desk, m, held["open"]) if is_open(desk.book[m]) else 0.0
        if want[j] > 0.0:
            price[j] = full_price(desk, m, want[j], held["open"])
            held["remaining_volume"] -= want[j]
            outlay += opened_by(desk, m, want[j]) * price[j] * (1.0 + desk.rules[0]["commission"])
            held["quantity"] += want[j]  # no two cover the same short
    for j in range(buys - 1, -1, -1):
        desk.held[desk.book[queue[j]]["symbol"]]["quantity"] = stood[j]
    at_hand = cash_at_hand(desk)
    share = at_hand / outlay if outlay > at_hand else 1.0
    for j in range(buys):
        if want[j] > 0.0:
            held = desk.held[desk.book[queue[j]]["symbol"]]
            held["remaining_volume"] += want[j]
            buy(desk, queue[j], want[j], share, price[j], held["open"], AT_THE_OPEN)


@compiled
def within(desk: Desk, m: int, reference: float, moment: int) -> None:
    """An order trades within the bar: a stop with spread and impact, a limit at its price, a buy
    with the cash there is then."""
    units = may_take(desk, m, reference)
    if units <= 0.0:
        return
    full = reference
    if moment == AT_A_STOP:
        full = full_price(desk, m, units, reference)
    if desk.book[m]["side"] < 0:
        fill(desk, m, units, full, reference, moment)
        return
    outlay = opened_by(desk, m, units) * full * (1.0 + desk.rules[0]["commission"])
    at_hand = cash_at_hand(desk)
    share = at_hand / outlay if outlay > at_hand else 1.0
    buy(desk, m, units, share, full, reference, moment)


@compiled
def meet_stops(desk: Desk, queue: Ints, count: int, since: int) -> None:
    """Stops that the bar touched: since `AT_OPEN` of those that were there before it or at its
    open, since `WITHIN` of those that came later. A stop-limit is triggered and is a limit from the
    next bar on."""
    for j in range(count):
        order = desk.book[queue[j]]
        held, side = desk.held[order["symbol"]], order["side"]
        if order["order_type"] < STOP or order["triggered"] or order["time_in_force"] >= IOC:
            continue
        if not is_open(order) or (order["activated"] == WITHIN) != (since == WITHIN):
            continue
        price = level(order)
        if order["activated"] != BEFORE:  # no better than what its parent traded at
            price = max(price, order["best"]) if side > 0 else min(price, order["best"])
        if (held["high"] >= price) if side > 0 else (held["low"] <= price):
            order["triggered"], order["activated"] = True, WITHIN
            if order["order_type"] != STOP_LIMIT:
                within(desk, queue[j], price, AT_A_STOP)


@compiled
def meet_limits(desk: Desk, queue: Ints, count: int) -> None:
    """Limits that the bar traded through."""
    for j in range(count):
        order = desk.book[queue[j]]
        held, side, limit = desk.held[order["symbol"]], order["side"], order["limit_price"]
        if order["order_type"] != LIMIT and not (
            order["order_type"] == STOP_LIMIT and order["triggered"]
        ):
            continue
        if not is_open(order) or order["activated"] == WITHIN or order["time_in_force"] >= IOC:
            continue
        if (held["low"] < limit) if side > 0 else (held["high"] > limit):
            within(desk, queue[j], limit, AT_A_LIMIT)


@compiled
def close_orders(desk: Desk, queue: Ints, count: int) -> None:
    """What the row leaves of the orders it met: trailing stops have seen its prices, and those end
    that have nothing more to wait for."""
    for j in range(count):
        m, order = queue[j], desk.book[queue[j]]
        if not is_open(order):
            continue
        held, side = desk.held[order["symbol"]], order["side"]
        if order["order_type"] == TRAILING_STOP and not order["triggered"]:
            seen = held["high"] if side < 0 else held["low"]
            if order["activated"] == WITHIN or np.isnan(order["best"]):
                seen = held["close"]
            if not side * (seen - order["best"]) >= 0.0:
                order["best"] = seen
        order["activated"] = BEFORE
        reducing = order["reduce_only"] or (side < 0 and not desk.rules[0]["shorting"] > 0.0)
        if reducing and not side * held["quantity"] < 0.0:
            end(desk, m, CANCELLED, NOTHING_HELD)
        elif order["time_in_force"] == FOK:
            end(desk, m, CANCELLED, NOT_WHOLE)
        elif order["time_in_force"] == IOC:
            end(desk, m, CANCELLED, ONLY_THE_OPEN)
        elif order["time_in_force"] == DAY:
            if order["expires"] == 0:
                order["expires"] = desk.state[0]["session_end"]
            if desk.state[0]["at"] >= order["expires"]:
                end(desk, m, EXPIRED, DAY_OVER)


@compiled
def meet_orders(desk: Desk) -> None:
    """The row's bars, in the order that is worst for the account: the open, stops, limits, and last
    the stops of what was bought on the way."""
    queue = np.empty(len(desk.book), np.int64)
    at_open(desk, queue, gather(desk, queue))
    count = gather(desk, queue)
    if count == 0:
        return
    before = desk.state[0]["fill_count"]
    meet_stops(desk, queue, count, AT_OPEN)
    meet_limits(desk, queue, count)
    if desk.state[0]["fill_count"] > before:
        count = gather(desk, queue)
        meet_stops(desk, queue, count, WITHIN)
        count = gather(desk, queue)
    close_orders(desk, queue, count)
