"""One order: whether it is open, its level, price, fill and end, and the orders that hang on it.

Every doubt goes against the account. Leaves out when in a bar it is met (`matching.py`).
"""

from typing import Any

import numpy as np

from quant.jit import compiled
from trading.kernels.codes import (
    ACTIVE,
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
    GROUP_FILLED,
    GTC,
    HALTED,
    HELD,
    LIMIT,
    MARKET,
    NOT_ENDED,
    NOTHING_HELD,
    PARENT_ENDED,
    PARTIAL,
    STOP,
    STOP_LIMIT,
    TRAILING_STOP,
    WITHIN,
    WORKING,
)
from trading.kernels.positions import cash_at_hand, hold
from trading.kernels.state import Desk, Ints


@compiled
def is_open(order: Any) -> bool:
    return bool(order["status"] == WORKING or order["status"] == PARTIAL)


@compiled
def whole(units: float, lot: float) -> float:
    """Units (positive) in whole lots, rounded towards zero."""
    return float(np.floor(units / lot) * lot)


@compiled
def level(order: Any) -> float:
    """Where a stop triggers: at its price, at its distance from the best price seen, or at the
    nearer of both."""
    if order["order_type"] != TRAILING_STOP:
        return float(order["stop_price"])
    if order["trail_amount"] > 0.0:
        trailed = order["best"] + order["side"] * order["trail_amount"]
    else:
        trailed = order["best"] * (1.0 + order["side"] * order["trail_fraction"])
    nearer = order["side"] * (order["stop_price"] - trailed) < 0.0
    return float(order["stop_price"] if nearer else trailed)


@compiled
def end(desk: Desk, m: int, status: int, why: int) -> None:
    """An order is over, and so are those that still wait for it."""
    book = desk.book
    book[m]["status"], book[m]["reason"] = status, why
    for k in range(3 * len(desk.held), len(book)):
        if book[k]["parent"] == m and book[k]["status"] == HELD:
            book[k]["status"], book[k]["reason"] = CANCELLED, PARENT_ENDED


@compiled
def clear(order: Any, n: int, side: int, units: float, placed: int) -> None:
    """A record becomes a new order to trade `units` (positive) at the market until cancelled."""
    order["symbol"], order["side"], order["remaining"], order["submitted"] = n, side, units, placed
    order["status"], order["order_type"], order["time_in_force"], order["reason"] = (
        WORKING,
        MARKET,
        GTC,
        NOT_ENDED,
    )
    order["limit_price"] = order["stop_price"] = order["trail_amount"] = order["trail_fraction"] = (
        np.nan
    )
    order["filled"], order["best"] = 0.0, np.nan
    order["expires"], order["group"], order["parent"] = 0, 0, -1
    order["activated"], order["reduce_only"], order["triggered"] = BEFORE, False, False


@compiled
def gather(desk: Desk, queue: Ints) -> int:
    """Numbers of the open orders that may trade in this row; how many. Day orders whose session is
    over end here."""
    book, opened, count = desk.book, desk.state[0]["opened"], 0
    for m in range(len(book)):
        order = book[m]
        if (
            not is_open(order)
            or order["submitted"] > opened
            or not desk.held[order["symbol"]]["has_bar"]
        ):
            continue
        if order["time_in_force"] == DAY and 0 < order["expires"] <= opened:
            end(desk, m, EXPIRED, DAY_OVER)
            continue
        queue[count] = m
        count += 1
    return count


@compiled
def slip(rules: Any, held: Any, units: float) -> float:
    """Half the spread and the impact of so many units beside what was traded in this bar, a
    fraction of the price."""
    usual = held["volatility"] if held["volatility"] > 0.0 else rules["unmeasured"]
    taken = rules["volume_cap"] * held["volume"] - held["remaining_volume"] + units
    size = max(taken, 0.0) / held["volume"]
    return float(rules["half_spread"] + rules["impact"] * usual * np.sqrt(size))


@compiled
def may_take(desk: Desk, m: int, price: float) -> float:
    """Units (positive) that an order may trade now, as holdings, standing and volume allow; buys
    before their cash is looked at."""
    order, rules, standing = desk.book[m], desk.rules[0], desk.state[0]["trading_state"]
    n = order["symbol"]
    held = desk.held[n]
    wish, covered = order["remaining"], max(-order["side"] * held["quantity"], 0.0)
    if order["parent"] >= 0:
        wish = min(wish, desk.book[order["parent"]]["filled"] - order["filled"])
    if (standing == HALTED and not desk.state[0]["flattening"]) or not held[
        "remaining_volume"
    ] > DUST:
        return 0.0
    if order["reduce_only"] or standing != ACTIVE:
        wish = min(wish, covered)
    elif order["side"] < 0 and wish > covered:
        short = 0.0
        if rules["shorting"] > 0.0:
            share = rules["margin"] + rules["commission"]
            share += slip(rules, held, min(wish, held["remaining_volume"]))
            short = whole(cash_at_hand(desk) / (price * share), desk.lots[0, n])
        wish = min(wish, covered + short)
    if wish > held["remaining_volume"]:
        wish = whole(held["remaining_volume"], desk.lots[0, n])
    partly = order["time_in_force"] == FOK and wish < order["remaining"] - DUST
    return 0.0 if partly or wish <= DUST else float(wish)


@compiled
def full_price(desk: Desk, m: int, units: float, reference: float) -> float:
    """What a unit costs with spread and impact, but never worse than a limit."""
    order = desk.book[m]
    side, share = order["side"], slip(desk.rules[0], desk.held[order["symbol"]], units)
    full = reference * max(1.0 + side * share, 0.0)
    if order["order_type"] in (LIMIT, STOP_LIMIT):
        return float(
            min(full, order["limit_price"]) if side > 0 else max(full, order["limit_price"])
        )
    return float(full)


@compiled
def fill(desk: Desk, m: int, units: float, full: float, reference: float, moment: int) -> None:
    """An order trades `units` (positive) at the price `full` with spread and impact, `reference`
    without. What of it lies beyond the bar's range is charged beside the price."""
    order, state = desk.book[m], desk.state[0]
    n, side = order["symbol"], order["side"]
    held = desk.held[n]
    price = min(max(full, held["low"]), held["high"])
    charged = max(side * (full - price) * units, 0.0)
    commission = units * price * desk.rules[0]["commission"]
    traded, fees = side * units, commission + charged
    state["cash"] -= traded * price + fees
    hold(state, held, traded, price, fees)
    at = state["opened"] if moment == AT_THE_OPEN else state["at"]
    held["last_fill_at"] = at
    held["remaining_volume"] -= units
    order["filled"] += units
    order["remaining"] -= units
    order["status"] = PARTIAL
    if order["remaining"] <= DUST:
        order["remaining"], order["status"] = 0.0, FILLED
    line = desk.fills[state["fill_count"]]
    state["fill_count"] += 1
    line["row"], line["order"], line["symbol"] = state["row"], m, n
    line["at"], line["trigger"] = at, moment
    line["quantity"], line["price"], line["commission"] = traded, price, commission
    line["slippage"], line["residual_slippage"] = abs(full - reference) * units, charged
    if order["group"] > 0:
        tell_group(desk, m, units)
    wake(desk, m, moment, price)
    guard(desk, m, moment, price)


@compiled
def tell_group(desk: Desk, m: int, units: float) -> None:
    """Exits of one group shrink by what one of them filled, other orders of one are cancelled."""
    one = desk.book[m]
    for k in range(len(desk.book)):
        other = desk.book[k]
        if k == m or other["group"] != one["group"] or not HELD <= other["status"] <= PARTIAL:
            continue
        if other["reduce_only"] and one["reduce_only"] and other["remaining"] > units + DUST:
            other["remaining"] -= units
        else:
            end(desk, k, CANCELLED, GROUP_FILLED)


@compiled
def wake(desk: Desk, m: int, moment: int, price: float) -> None:
    """Orders that wait for this one begin to live."""
    for k in range(3 * len(desk.held), len(desk.book)):
        child = desk.book[k]
        if child["parent"] == m and child["status"] == HELD:
            child["status"], child["best"] = WORKING, price
            child["activated"] = AT_OPEN if moment == AT_THE_OPEN else WITHIN


@compiled
def guard(desk: Desk, m: int, moment: int, price: float) -> None:
    """The symbol's protective exits follow its position: what the committee buys is guarded, what
    is sold needs no guard any more."""
    rules, n = desk.rules[0], desk.book[m]["symbol"]
    held = desk.held[n]
    bought = m == 3 * n and desk.book[m]["side"] > 0 and held["quantity"] > 0.0
    wanted = (rules["stop_loss"] > 0.0 or rules["trailing"] > 0.0, rules["take_profit"] > 0.0)
    for slot in range(2):
        k = 3 * n + 1 + slot
        order, living = desk.book[k], is_open(desk.book[k])
        if living and held["quantity"] <= 0.0:
            end(desk, k, CANCELLED, NOTHING_HELD)
        elif living and not bought:
            order["remaining"] = min(order["remaining"], held["quantity"])
        if not (bought and wanted[slot]):
            continue
        if not living:
            clear(order, n, -1, held["quantity"], desk.state[0]["opened"])
            order["group"], order["reduce_only"], order["best"] = n + 1, True, price
        order["remaining"] = held["quantity"]
        order["activated"] = AT_OPEN if moment == AT_THE_OPEN else WITHIN
        if slot == 1:
            order["order_type"], order["limit_price"] = (
                LIMIT,
                held["average_cost"] * (1.0 + rules["take_profit"]),
            )
            continue
        order["order_type"] = STOP
        if rules["stop_loss"] > 0.0:
            order["stop_price"] = held["average_cost"] * (1.0 - rules["stop_loss"])
        if rules["trailing"] > 0.0:
            order["order_type"], order["trail_fraction"] = TRAILING_STOP, rules["trailing"]
