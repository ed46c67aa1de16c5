"""One order: whether it is open, its level, price, fill and end, and the orders that depend on it.

Every doubt is resolved against the account. Leaves out when in a bar it is matched (`matching.py`).
"""

from typing import Any

import numpy as np

from quant.jit import cached_njit
from trading.kernels.codes import (
    ACCEPTED,
    ACTIVE,
    ACTIVE_BEFORE_BAR,
    ACTIVE_FROM_OPEN,
    ACTIVE_WITHIN_BAR,
    CANCELLED,
    DAY,
    DUST,
    EXPIRED,
    FILLED,
    FOK,
    GROUP_FILLED,
    GTC,
    HALTED,
    LIMIT,
    MARKET,
    NOT_ENDED,
    NOTHING_TO_REDUCE,
    PARENT_ENDED,
    PARTIALLY_FILLED,
    SESSION_ENDED,
    STOP,
    STOP_LIMIT,
    TRAILING_STOP,
    TRIGGER_OPEN,
    WORKING,
)
from trading.kernels.positions import available_cash, update_position
from trading.kernels.state import AccountArrays, Int64s


@cached_njit
def is_open(order: Any) -> bool:
    return bool(order["status"] == WORKING or order["status"] == PARTIALLY_FILLED)


@cached_njit
def units_of_lots(lots: float, lot: float) -> float:
    """Return the units of a whole number of lots: of lots of 0.0001 the float nearest to the
    decimal, which a product is not."""
    return float(lots / np.rint(1.0 / lot) if lot < 1.0 else lots * lot)


@cached_njit
def round_down_to_lot(rules: Any, quantity: float, lot: float) -> float:
    """Return units (positive) in whole lots, rounded towards zero."""
    lots = np.floor(quantity / lot)
    return float(lots * lot) if rules["fill_model"] < 2.0 else units_of_lots(lots, lot)


@cached_njit
def without_rounding_error(rules: Any, quantity: float, lot: float) -> float:
    """Return units (positive) that sums and differences left beside a whole number of lots as that
    number; other quantities, such as a split leaves, as they are."""
    whole = units_of_lots(np.rint(quantity / lot), lot)
    if rules["fill_model"] < 2.0 or abs(whole - quantity) > DUST:
        return float(quantity)
    return whole


@cached_njit
def trigger_price(order: Any) -> float:
    """Return where a stop triggers: at its price, at its distance from the best price so far, or at
    the nearer of the two."""
    if order["order_type"] != TRAILING_STOP:
        return float(order["stop_price"])
    if order["trail_amount"] > 0.0:
        trailed = order["best"] + order["side"] * order["trail_amount"]
    else:
        trailed = order["best"] * (1.0 + order["side"] * order["trail_fraction"])
    nearer = order["side"] * (order["stop_price"] - trailed) < 0.0
    return float(order["stop_price"] if nearer else trailed)


@cached_njit
def end_order(account: AccountArrays, m: int, status: int, reason: int) -> None:
    """End an order, and those that still wait for it."""
    orders = account.orders
    orders[m]["status"], orders[m]["reason"] = status, reason
    for k in range(3 * len(account.positions), len(orders)):
        if orders[k]["parent"] == m and orders[k]["status"] == ACCEPTED:
            orders[k]["status"], orders[k]["reason"] = CANCELLED, PARENT_ENDED


@cached_njit
def reset_order(order: Any, n: int, side: int, quantity: float, submitted: int) -> None:
    """Make a record a new order to trade `quantity` (positive) at the market until cancelled."""
    order["symbol"], order["side"] = n, side
    order["remaining"], order["submitted"] = quantity, submitted
    order["status"], order["reason"] = WORKING, NOT_ENDED
    order["order_type"], order["time_in_force"] = MARKET, GTC
    order["limit_price"] = order["stop_price"] = np.nan
    order["trail_amount"] = order["trail_fraction"] = np.nan
    order["filled"], order["best"] = 0.0, np.nan
    order["expires"], order["group"], order["parent"] = 0, 0, -1
    order["activated"], order["reduce_only"], order["triggered"] = ACTIVE_BEFORE_BAR, False, False


@cached_njit
def collect_tradable(account: AccountArrays, queue: Int64s) -> int:
    """Write the numbers of the open orders that may trade in this row into `queue`. Return how
    many. Day orders whose session is over end here."""
    orders, opened, count = account.orders, account.state[0]["opened"], 0
    for m in range(len(orders)):
        order = orders[m]
        if (
            not is_open(order)
            or order["submitted"] > opened
            or not account.positions[order["symbol"]]["has_bar"]
        ):
            continue
        if order["time_in_force"] == DAY and 0 < order["expires"] <= opened:
            end_order(account, m, EXPIRED, SESSION_ENDED)
            continue
        queue[count] = m
        count += 1
    return count


@cached_njit
def slippage_fraction(rules: Any, position: Any, quantity: float) -> float:
    """Return half the spread plus the impact of `quantity` units on top of those already traded in
    this bar, as a fraction of the price."""
    volatility = position["volatility"] if position["volatility"] > 0.0 else rules["unmeasured"]
    used_volume = rules["volume_cap"] * position["volume"] - position["remaining_volume"] + quantity
    size = max(used_volume, 0.0) / position["volume"]
    return float(rules["half_spread"] + rules["impact"] * volatility * np.sqrt(size))


@cached_njit
def tradable_quantity(account: AccountArrays, m: int, price: float) -> float:
    """Return the units (positive) that an order may trade now, as positions, trading state and
    volume allow; for buys, before their cash is checked."""
    order, rules = account.orders[m], account.rules[0]
    trading_state = account.state[0]["trading_state"]
    n = order["symbol"]
    position = account.positions[n]
    quantity, reducible = order["remaining"], max(-order["side"] * position["quantity"], 0.0)
    if order["parent"] >= 0:
        quantity = min(quantity, account.orders[order["parent"]]["filled"] - order["filled"])
    if (trading_state == HALTED and not account.state[0]["flattening"]) or not position[
        "remaining_volume"
    ] > DUST:
        return 0.0
    if order["reduce_only"] or trading_state != ACTIVE:
        quantity = min(quantity, reducible)
    elif order["side"] < 0 and quantity > reducible:
        short = 0.0
        if rules["shorting"] > 0.0:
            cash_per_value = rules["margin"] + rules["commission"]
            cash_per_value += slippage_fraction(
                rules, position, min(quantity, position["remaining_volume"])
            )
            short = round_down_to_lot(
                rules, available_cash(account) / (price * cash_per_value), account.lots[0, n]
            )
        quantity = min(quantity, reducible + short)
    if quantity > position["remaining_volume"]:
        quantity = round_down_to_lot(rules, position["remaining_volume"], account.lots[0, n])
    quantity = without_rounding_error(rules, quantity, account.lots[0, n])
    would_be_partial = order["time_in_force"] == FOK and quantity < order["remaining"] - DUST
    return 0.0 if would_be_partial or quantity <= DUST else float(quantity)


@cached_njit
def slipped_price(account: AccountArrays, m: int, quantity: float, reference: float) -> float:
    """Return the price per unit with spread and impact, but never worse than a limit."""
    order = account.orders[m]
    side, position = order["side"], account.positions[order["symbol"]]
    slippage = slippage_fraction(account.rules[0], position, quantity)
    slipped = reference * max(1.0 + side * slippage, 0.0)
    if order["order_type"] in (LIMIT, STOP_LIMIT):
        limit = order["limit_price"]
        return float(min(slipped, limit) if side > 0 else max(slipped, limit))
    return float(slipped)


@cached_njit
def fill_order(
    account: AccountArrays, m: int, quantity: float, slipped: float, reference: float, trigger: int
) -> None:
    """Fill `quantity` (positive) of an order at the price `slipped` with spread and impact,
    `reference` without. The part of the price beyond the bar's range is charged on top."""
    order, state = account.orders[m], account.state[0]
    n, side = order["symbol"], order["side"]
    position = account.positions[n]
    price = min(max(slipped, position["low"]), position["high"])
    beyond = side * (slipped - price) * quantity
    residual_slippage = beyond if beyond > 0.0 else 0.0  # max() would leave a -0.0
    commission = quantity * price * account.rules[0]["commission"]
    signed_quantity, fees = side * quantity, commission + residual_slippage
    state["cash"] -= signed_quantity * price + fees
    update_position(state, position, signed_quantity, price, fees)
    at = state["opened"] if trigger == TRIGGER_OPEN else state["at"]
    position["last_fill_at"] = at
    position["remaining_volume"] -= quantity
    order["filled"] += quantity
    order["remaining"] -= quantity
    order["status"] = PARTIALLY_FILLED
    if order["remaining"] <= DUST:
        order["remaining"], order["status"] = 0.0, FILLED
    record = account.fills[state["fill_count"]]
    state["fill_count"] += 1
    record["row"], record["order"], record["symbol"] = state["row"], m, n
    record["at"], record["trigger"] = at, trigger
    record["quantity"], record["price"], record["commission"] = signed_quantity, price, commission
    record["slippage"] = abs(slipped - reference) * quantity
    record["residual_slippage"] = residual_slippage
    if order["group"] > 0:
        update_group(account, m, quantity)
    activate_children(account, m, trigger, price)
    update_protective_exits(account, m, trigger, price)


@cached_njit
def update_group(account: AccountArrays, m: int, quantity: float) -> None:
    """Update an order's group after a fill: exits shrink by what one of them filled, other orders
    are cancelled when one fills."""
    filled = account.orders[m]
    for k in range(len(account.orders)):
        other = account.orders[k]
        if k == m or other["group"] != filled["group"]:
            continue
        if not ACCEPTED <= other["status"] <= PARTIALLY_FILLED:
            continue
        exits = other["reduce_only"] and filled["reduce_only"]
        if exits and other["remaining"] > quantity + DUST:
            other["remaining"] -= quantity
        else:
            end_order(account, k, CANCELLED, GROUP_FILLED)


@cached_njit
def activate_children(account: AccountArrays, m: int, trigger: int, price: float) -> None:
    """Activate the orders that wait for this one."""
    for k in range(3 * len(account.positions), len(account.orders)):
        child = account.orders[k]
        if child["parent"] == m and child["status"] == ACCEPTED:
            child["status"], child["best"] = WORKING, price
            child["activated"] = ACTIVE_FROM_OPEN if trigger == TRIGGER_OPEN else ACTIVE_WITHIN_BAR


@cached_njit
def update_protective_exits(account: AccountArrays, m: int, trigger: int, price: float) -> None:
    """Adjust the symbol's protective exits to its position: what the committee buys is protected,
    what is sold no longer is."""
    rules, n = account.rules[0], account.orders[m]["symbol"]
    position = account.positions[n]
    bought = m == 3 * n and account.orders[m]["side"] > 0 and position["quantity"] > 0.0
    wanted_exits = (rules["stop_loss"] > 0.0 or rules["trailing"] > 0.0, rules["take_profit"] > 0.0)
    for slot in range(2):
        k = 3 * n + 1 + slot
        order, is_active = account.orders[k], is_open(account.orders[k])
        if is_active and position["quantity"] <= 0.0:
            end_order(account, k, CANCELLED, NOTHING_TO_REDUCE)
        elif is_active and not bought:
            order["remaining"] = min(order["remaining"], position["quantity"])
        if not (bought and wanted_exits[slot]):
            continue
        if not is_active:
            reset_order(order, n, -1, position["quantity"], account.state[0]["opened"])
            order["group"], order["reduce_only"], order["best"] = n + 1, True, price
        order["remaining"] = position["quantity"]
        order["activated"] = ACTIVE_FROM_OPEN if trigger == TRIGGER_OPEN else ACTIVE_WITHIN_BAR
        if slot == 1:
            order["order_type"] = LIMIT
            order["limit_price"] = position["average_cost"] * (1.0 + rules["take_profit"])
            continue
        order["order_type"] = STOP
        if rules["stop_loss"] > 0.0:
            order["stop_price"] = position["average_cost"] * (1.0 - rules["stop_loss"])
        if rules["trailing"] > 0.0:
            order["order_type"], order["trail_fraction"] = TRAILING_STOP, rules["trailing"]
