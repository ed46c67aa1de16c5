"""Match open orders with one row of bars: at the open, then stops, then limits; then end orders.

docs/understand/orders.md describes the fill model; every doubt is resolved against the account.
"""

from typing import Any

import numpy as np

from quant.jit import cached_njit
from trading.kernels.codes import (
    ACTIVE_BEFORE_BAR,
    ACTIVE_FROM_OPEN,
    ACTIVE_WITHIN_BAR,
    CANCELLED,
    DAY,
    DUST,
    EXPIRED,
    FILLED,
    FOK,
    INSUFFICIENT_CASH,
    IOC,
    IOC_REMAINDER,
    LIMIT,
    NOT_FILLED_WHOLE,
    NOTHING_TO_REDUCE,
    SESSION_ENDED,
    STOP,
    STOP_LIMIT,
    TRAILING_STOP,
    TRIGGER_LIMIT,
    TRIGGER_OPEN,
    TRIGGER_STOP,
)
from trading.kernels.orders import (
    collect_tradable,
    end_order,
    fill_order,
    is_open,
    round_down_to_lot,
    slipped_price,
    tradable_quantity,
    trigger_price,
)
from trading.kernels.positions import available_cash
from trading.kernels.state import AccountArrays, Int64s


@cached_njit
def executes_at_open(order: Any, opening: float) -> bool:
    """Return whether an order trades at the open; a stop that the open has passed is triggered."""
    order_type, side = order["order_type"], order["side"]
    if not opening > 0.0:
        return False
    if order_type >= STOP and not order["triggered"]:
        if np.isnan(order["best"]):
            order["best"] = opening
        if side * (opening - trigger_price(order)) < 0.0:
            return False
        order["triggered"] = True
    if order_type in (LIMIT, STOP_LIMIT):
        return bool(side * (order["limit_price"] - opening) > 0.0)
    return True


@cached_njit
def opening_quantity(account: AccountArrays, m: int, quantity: float) -> float:
    """Return the part of a buy that does not cover a short position."""
    short = max(-account.positions[account.orders[m]["symbol"]]["quantity"], 0.0)
    return float(quantity - min(short, quantity))


@cached_njit
def fill_buy(
    account: AccountArrays,
    m: int,
    quantity: float,
    fraction: float,
    slipped: float,
    reference: float,
    trigger: int,
) -> None:
    """Buy as much as `fraction` of the needed cash pays for, at the price `slipped` or,
    for less, with the smaller impact of that; an order that this does not cover ends."""
    order, rules = account.orders[m], account.rules[0]
    if fraction < 1.0:
        increase = opening_quantity(account, m, quantity)
        affordable = round_down_to_lot(rules, increase * fraction, account.lots[0, order["symbol"]])
        if rules["fill_model"] < 2.0:
            quantity += affordable - increase
        else:
            quantity = (quantity - increase) + affordable
            if quantity > DUST and trigger != TRIGGER_LIMIT:
                slipped = slipped_price(account, m, quantity, reference)
    if quantity > DUST and not (fraction < 1.0 and order["time_in_force"] == FOK):
        fill_order(account, m, quantity, slipped, reference, trigger)
    if fraction < 1.0 and order["status"] != FILLED:
        end_order(account, m, CANCELLED, INSUFFICIENT_CASH)


@cached_njit
def match_at_open(account: AccountArrays, queue: Int64s, count: int) -> None:
    """Fill at the open: sales first, then all buys, which shrink together to the available cash."""
    buys, outlay = 0, 0.0
    for j in range(count):
        m = queue[j]
        opening = account.positions[account.orders[m]["symbol"]]["open"]
        if not is_open(account.orders[m]) or not executes_at_open(account.orders[m], opening):
            continue
        if account.orders[m]["side"] > 0:
            queue[buys] = m
            buys += 1
            continue
        quantity = tradable_quantity(account, m, opening)
        if quantity > 0.0:
            slipped = slipped_price(account, m, quantity, opening)
            fill_order(account, m, quantity, slipped, opening, TRIGGER_OPEN)
    if buys == 0:
        return
    work = np.empty((3, buys))
    quantities, price, quantities_before = work[0], work[1], work[2]
    for j in range(buys):
        m = queue[j]
        position = account.positions[account.orders[m]["symbol"]]
        quantities_before[j] = position["quantity"]
        quantities[j] = (
            tradable_quantity(account, m, position["open"]) if is_open(account.orders[m]) else 0.0
        )
        if quantities[j] > 0.0:
            price[j] = slipped_price(account, m, quantities[j], position["open"])
            position["remaining_volume"] -= quantities[j]
            outlay += (
                opening_quantity(account, m, quantities[j])
                * price[j]
                * (1.0 + account.rules[0]["commission"])
            )
            position["quantity"] += quantities[j]  # so that no two buys cover the same short
    for j in range(buys - 1, -1, -1):
        position = account.positions[account.orders[queue[j]]["symbol"]]
        position["quantity"] = quantities_before[j]
        position["remaining_volume"] += quantities[j]
    cash = available_cash(account)
    fraction = cash / outlay if outlay > cash else 1.0
    for j in range(buys):
        if quantities[j] > 0.0:
            position = account.positions[account.orders[queue[j]]["symbol"]]
            fill_buy(
                account, queue[j], quantities[j], fraction, price[j], position["open"], TRIGGER_OPEN
            )


@cached_njit
def fill_within_bar(account: AccountArrays, m: int, reference: float, trigger: int) -> None:
    """Fill an order within the bar: a stop with spread and impact, a limit at its price, a buy with
    the cash available at that moment."""
    quantity = tradable_quantity(account, m, reference)
    if quantity <= 0.0:
        return
    slipped = reference
    if trigger == TRIGGER_STOP:
        slipped = slipped_price(account, m, quantity, reference)
    if account.orders[m]["side"] < 0:
        fill_order(account, m, quantity, slipped, reference, trigger)
        return
    outlay = (
        opening_quantity(account, m, quantity) * slipped * (1.0 + account.rules[0]["commission"])
    )
    cash = available_cash(account)
    fraction = cash / outlay if outlay > cash else 1.0
    fill_buy(account, m, quantity, fraction, slipped, reference, trigger)


@cached_njit
def match_stops(account: AccountArrays, queue: Int64s, count: int, since: int) -> None:
    """Fill the stops that the bar touched: with `since` ACTIVE_FROM_OPEN those that were active
    before it or at its open, with ACTIVE_WITHIN_BAR those activated later. A stop-limit is
    triggered and is a limit from the next bar on."""
    for j in range(count):
        order = account.orders[queue[j]]
        position, side = account.positions[order["symbol"]], order["side"]
        if order["order_type"] < STOP or order["triggered"] or order["time_in_force"] >= IOC:
            continue
        later = order["activated"] == ACTIVE_WITHIN_BAR
        if not is_open(order) or later != (since == ACTIVE_WITHIN_BAR):
            continue
        price = trigger_price(order)
        if order["activated"] != ACTIVE_BEFORE_BAR:  # no better than what its parent traded at
            price = max(price, order["best"]) if side > 0 else min(price, order["best"])
        if (position["high"] >= price) if side > 0 else (position["low"] <= price):
            order["triggered"], order["activated"] = True, ACTIVE_WITHIN_BAR
            if order["order_type"] != STOP_LIMIT:
                fill_within_bar(account, queue[j], price, TRIGGER_STOP)


@cached_njit
def match_limits(account: AccountArrays, queue: Int64s, count: int) -> None:
    """Fill the limits that the bar traded through."""
    for j in range(count):
        order = account.orders[queue[j]]
        position, side = account.positions[order["symbol"]], order["side"]
        limit = order["limit_price"]
        triggered = order["order_type"] == STOP_LIMIT and order["triggered"]
        if order["order_type"] != LIMIT and not triggered:
            continue
        if order["activated"] == ACTIVE_WITHIN_BAR or order["time_in_force"] >= IOC:
            continue
        if not is_open(order):
            continue
        if (position["low"] < limit) if side > 0 else (position["high"] > limit):
            fill_within_bar(account, queue[j], limit, TRIGGER_LIMIT)


@cached_njit
def finish_bar_orders(account: AccountArrays, queue: Int64s, count: int) -> None:
    """Finish the row for the orders it matched: move trailing stops with its prices, and end orders
    that have nothing more to wait for."""
    for j in range(count):
        m, order = queue[j], account.orders[queue[j]]
        if not is_open(order):
            continue
        position, side = account.positions[order["symbol"]], order["side"]
        if order["order_type"] == TRAILING_STOP and not order["triggered"]:
            extreme = position["high"] if side < 0 else position["low"]
            if order["activated"] == ACTIVE_WITHIN_BAR or np.isnan(order["best"]):
                extreme = position["close"]
            if not side * (extreme - order["best"]) >= 0.0:
                order["best"] = extreme
        order["activated"] = ACTIVE_BEFORE_BAR
        reducing = order["reduce_only"] or (side < 0 and not account.rules[0]["shorting"] > 0.0)
        if reducing and not side * position["quantity"] < 0.0:
            end_order(account, m, CANCELLED, NOTHING_TO_REDUCE)
        elif order["time_in_force"] == FOK:
            end_order(account, m, CANCELLED, NOT_FILLED_WHOLE)
        elif order["time_in_force"] == IOC:
            end_order(account, m, CANCELLED, IOC_REMAINDER)
        elif order["time_in_force"] == DAY:
            if order["expires"] == 0:
                order["expires"] = account.state[0]["session_end"]
            if account.state[0]["at"] >= order["expires"]:
                end_order(account, m, EXPIRED, SESSION_ENDED)


@cached_njit
def match_orders(account: AccountArrays) -> None:
    """Match open orders with the row's bars, in the order that is worst for the account: at the
    open, stops, limits, and last the stops of what was bought within the bar."""
    queue = np.empty(len(account.orders), np.int64)
    match_at_open(account, queue, collect_tradable(account, queue))
    count = collect_tradable(account, queue)
    if count == 0:
        return
    before = account.state[0]["fill_count"]
    match_stops(account, queue, count, ACTIVE_FROM_OPEN)
    match_limits(account, queue, count)
    if account.state[0]["fill_count"] > before:
        count = collect_tradable(account, queue)
        match_stops(account, queue, count, ACTIVE_WITHIN_BAR)
        count = collect_tradable(account, queue)
    finish_bar_orders(account, queue, count)
