"""Turn targets into the committee's orders: quantities at the close, the no-trade band, and the
limits on positions.

Leaves out where targets come from (`trading/sizing/position_sizing.py`).
"""

from typing import Any

import numpy as np

from domain.panel import Bools, Floats
from quant.jit import cached_njit
from trading.kernels.codes import (
    ACCEPTED,
    ACCOUNT_HALTED,
    ACTIVE,
    BLOCKED,
    CANCEL,
    CANCELLED,
    CORRELATED,
    DUST,
    HALTED,
    KEEP,
    NEW_DECISION,
    PARTIALLY_FILLED,
    REDUCE,
    SECTOR,
    TARGET,
    TOTAL,
)
from trading.kernels.orders import (
    end_order,
    is_open,
    reset_order,
    round_down_to_lot,
    without_rounding_error,
)
from trading.kernels.state import AccountArrays, SharedLimits, TargetMatrix


@cached_njit
def quantity_for_target(
    state: Any,
    rules: Any,
    position: Any,
    lot: float,
    min_value: float,
    target: float,
    ceiling: float,
    at: int,
) -> float:
    """Return the units to trade, negative to sell, that bring a symbol's share of equity to its
    target; 0 within the band, below the least order, and where a limit forbids buying."""
    equity, price = state["equity"], position["last_price"]
    if target == 0.0:
        side = -1.0 if position["quantity"] > 0.0 else 1.0
        return float(side * without_rounding_error(rules, abs(position["quantity"]), lot))
    if not (price > 0.0 and equity > 0.0):
        return 0.0
    weight = position["quantity"] * price / equity
    if weight > ceiling:
        target = min(target, ceiling)
    elif not abs(target - weight) > rules["band"]:
        return 0.0
    quantity = target * equity / price - position["quantity"]
    if quantity > 0.0:
        within_pause = at - position["last_fill_at"] < rules["pause"]
        if within_pause or position["volatility_halted"] or state["trading_state"] != ACTIVE:
            return 0.0
        quantity = min(quantity, rules["order_limit"] * equity / price)
    size = round_down_to_lot(rules, abs(quantity), lot)
    if size * price < min_value:
        return 0.0
    return size if quantity > 0.0 else -size


@cached_njit
def place_order(order: Any, n: int, quantity: float, position_quantity: float, at: int) -> None:
    """Put the committee's order into its slot; `position_quantity` is the position's units."""
    reset_order(order, n, 1 if quantity > 0.0 else -1, abs(quantity), at)
    reduces = quantity * position_quantity < 0.0
    order["reduce_only"] = reduces and abs(quantity) <= abs(position_quantity) + DUST


@cached_njit
def cap_group(
    limit: float, member: Bools, planned: Floats, excess: Floats, kept_fraction: Floats
) -> None:
    """If a group would exceed its limit, lower `kept_fraction` (N,) of its members: the fraction of
    its `excess` over target that each may keep."""
    total = above = 0.0
    for n in range(len(member)):
        if member[n]:
            total += planned[n]
            above += excess[n]
    if total > limit and above > 0.0:
        fraction = max(limit - (total - above), 0.0) / above
        for n in range(len(member)):
            if member[n]:
                kept_fraction[n] = min(kept_fraction[n], fraction)


@cached_njit
def cap_groups(
    shared_limits: SharedLimits, t: int, planned: Floats, excess: Floats, kept_fraction: Floats
) -> None:
    """Apply `cap_group` to all groups of row t. A limit of 1 is no limit."""
    limits, sector = shared_limits.limits, shared_limits.sector
    member = np.ones(len(planned), np.bool_)
    if limits[TOTAL] < 1.0:
        cap_group(limits[TOTAL], member, planned, excess, kept_fraction)
    if limits[SECTOR] < 1.0:
        last = -1
        for number in sector:
            last = max(last, number)
        for number in range(last + 1):
            for n in range(len(planned)):
                member[n] = sector[n] == number
            cap_group(limits[SECTOR], member, planned, excess, kept_fraction)
    if limits[CORRELATED] < 1.0:
        correlated, matrix_index = shared_limits.correlated, shared_limits.matrix_index[t]
        for g in range(len(planned)):
            if planned[g] > 0.0:
                for n in range(len(planned)):
                    member[n] = n == g or correlated[matrix_index, g, n]
                cap_group(limits[CORRELATED], member, planned, excess, kept_fraction)


@cached_njit
def add_limit_sales(
    account: AccountArrays,
    target_matrix: TargetMatrix,
    shared_limits: SharedLimits,
    t: int,
    quantities: Floats,
) -> None:
    """Add the sales that limits require, also within the band, to `quantities` (N,), the units to
    trade.

    If the plan for a group (its positions and orders) exceeds its limit, its members sell the same
    fraction of what they have above their targets; a member of several groups sells what the
    strictest requires.
    """
    equity, symbols = account.state[0]["equity"], len(account.positions)
    planned, excess, kept_fraction = np.zeros(symbols), np.zeros(symbols), np.ones(symbols)
    for n in range(symbols):
        position, order = account.positions[n], account.orders[3 * n]
        instruction = target_matrix.instructions[t, n]
        quantity = position["quantity"] + quantities[n]
        if instruction == KEEP and is_open(order):
            quantity += order["side"] * order["remaining"]
        if quantity == 0.0 or not (equity > 0.0 and position["last_price"] > 0.0):
            continue
        weight = quantity * position["last_price"] / equity
        planned[n] = abs(weight)
        if quantities[n] == 0.0 and instruction in (TARGET, REDUCE):
            target = min(target_matrix.targets[t, n], target_matrix.ceilings[t, n])
            excess[n] = max(weight - target, 0.0)
    cap_groups(shared_limits, t, planned, excess, kept_fraction)
    for n in range(symbols):
        if kept_fraction[n] < 1.0 and excess[n] > 0.0:
            price = account.positions[n]["last_price"]
            sold = (1.0 - kept_fraction[n]) * excess[n]
            quantity = round_down_to_lot(
                account.rules[0], sold * equity / price, account.lots[0, n]
            )
            if quantity * price >= account.lots[1, n]:
                quantities[n] = -quantity


@cached_njit
def place_target_orders(
    account: AccountArrays,
    target_matrix: TargetMatrix,
    shared_limits: SharedLimits,
    t: int,
    at: int,
) -> None:
    """Turn the targets of row t into the committee's orders in the slots, after the bars that
    closed at `at`, on which they were decided, were processed.

    The old order of a symbol with a decision is cancelled, or replaced in its slot: a record with
    `filled` 0 that was `submitted` at `at` is a new order. A halted account loses all its orders
    but those that flatten it.
    """
    state, rules = account.state[0], account.rules[0]
    if state["trading_state"] == HALTED:
        for m in range(len(account.orders)):
            stays_open = state["flattening"] and account.orders[m]["reduce_only"]
            if ACCEPTED <= account.orders[m]["status"] <= PARTIALLY_FILLED and not stays_open:
                end_order(account, m, CANCELLED, ACCOUNT_HALTED)
        return
    orders, positions, lots = account.orders, account.positions, account.lots
    instructions, targets = target_matrix.instructions, target_matrix.targets
    ceilings = target_matrix.ceilings
    if state["flattening"]:
        for n in range(len(positions)):
            order, position = orders[3 * n], positions[n]
            if is_open(order) and order["side"] * position["quantity"] >= 0.0:
                end_order(account, 3 * n, CANCELLED, NEW_DECISION)
            if not is_open(order) and position["quantity"] != 0.0:
                place_order(order, n, -position["quantity"], position["quantity"], at)
        return
    decided, quantities = False, np.zeros(len(positions))
    for n in range(len(positions)):
        instruction, position = instructions[t, n], positions[n]
        if instruction == KEEP:
            continue
        if is_open(orders[3 * n]):
            end_order(account, 3 * n, CANCELLED, BLOCKED if instruction == CANCEL else NEW_DECISION)
        if instruction == CANCEL:
            continue
        decided = True
        quantity = quantity_for_target(
            state, rules, position, lots[0, n], lots[1, n], targets[t, n], ceilings[t, n], at
        )
        if instruction == TARGET or quantity * position["quantity"] < 0.0:
            quantities[n] = quantity
    if not decided:
        return
    limits = shared_limits.limits
    if min(limits[TOTAL], limits[SECTOR], limits[CORRELATED]) < 1.0:
        add_limit_sales(account, target_matrix, shared_limits, t, quantities)
    for n in range(len(positions)):
        if quantities[n] != 0.0:
            place_order(orders[3 * n], n, quantities[n], positions[n]["quantity"], at)
