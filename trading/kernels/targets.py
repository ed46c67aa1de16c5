"""Targets become the committee's orders: quantities at the close, the no-trade band, and the limits
that what is held must keep to.

Leaves out where targets come from (`trading/sizing/position_sizing.py`).
"""

from typing import Any

import numpy as np

from domain.panel import Floats
from quant.jit import compiled
from trading.kernels.codes import (
    ACTIVE,
    ALL,
    BLOCKED,
    CANCELLED,
    CORRELATED,
    DECIDE,
    DECIDED_ANEW,
    HALTED,
    HELD,
    LEAVE,
    PARTIAL,
    SECTOR,
    SHRINK,
    STOPPED,
    WITHDRAW,
)
from trading.kernels.orders import clear, end, is_open, whole
from trading.kernels.state import Asks, Bools, Desk, Groups


@compiled
def units_asked(
    state: Any,
    rules: Any,
    held: Any,
    lot: float,
    least: float,
    target: float,
    ceiling: float,
    at: int,
) -> float:
    """Units to trade, negative to sell, so that a symbol's share of equity comes to its target; 0
    within the band, below the least order, and where a limit forbids to buy."""
    equity, price = state["equity"], held["last_price"]
    if target == 0.0:
        return float(-held["quantity"])
    if not (price > 0.0 and equity > 0.0):
        return 0.0
    weight = held["quantity"] * price / equity
    if weight > ceiling:
        target = min(target, ceiling)
    elif not abs(target - weight) > rules["band"]:
        return 0.0
    units = target * equity / price - held["quantity"]
    if units > 0.0:
        soon = at - held["last_fill_at"] < rules["pause"]
        if soon or held["volatility_halted"] or state["trading_state"] != ACTIVE:
            return 0.0
        units = min(units, rules["order_limit"] * equity / price)
    size = whole(abs(units), lot)
    if size * price < least:
        return 0.0
    return size if units > 0.0 else -size


@compiled
def place(order: Any, n: int, units: float, held: float, at: int) -> None:
    """The committee's order in its slot, where so many units are held."""
    clear(order, n, 1 if units > 0.0 else -1, abs(units), at)
    order["reduce_only"] = units * held < 0.0 and abs(units) <= abs(held)


@compiled
def keep_to(limit: float, member: Bools, planned: Floats, excess: Floats, kept: Floats) -> None:
    """Lower what `kept` (N,) says of the members of a group that would stand above its limit: the
    share of its `excess` over its target that each may keep."""
    total = above = 0.0
    for n in range(len(member)):
        if member[n]:
            total += planned[n]
            above += excess[n]
    if total > limit and above > 0.0:
        share = max(limit - (total - above), 0.0) / above
        for n in range(len(member)):
            if member[n]:
                kept[n] = min(kept[n], share)


@compiled
def keep_groups(groups: Groups, t: int, planned: Floats, excess: Floats, kept: Floats) -> None:
    """`keep_to` of all groups of row t. A limit of 1 is none."""
    limits, sector = groups.limits, groups.sector
    member = np.ones(len(planned), np.bool_)
    if limits[ALL] < 1.0:
        keep_to(limits[ALL], member, planned, excess, kept)
    if limits[SECTOR] < 1.0:
        last = -1
        for number in sector:
            last = max(last, number)
        for number in range(last + 1):
            for n in range(len(planned)):
                member[n] = sector[n] == number
            keep_to(limits[SECTOR], member, planned, excess, kept)
    if limits[CORRELATED] < 1.0:
        alike, table = groups.alike, groups.table[t]
        for g in range(len(planned)):
            if planned[g] > 0.0:
                for n in range(len(planned)):
                    member[n] = n == g or alike[table, g, n]
                keep_to(limits[CORRELATED], member, planned, excess, kept)


@compiled
def relieve(desk: Desk, asks: Asks, groups: Groups, t: int, wanted: Floats) -> None:
    """The band spares no sale that a limit asks for: adds such sales to `wanted` (N,), the units to
    trade.

    Where what is planned for a group (what is held and ordered) exceeds its limit, its members sell
    the same share of what they hold above their targets; one of several groups as the strictest
    asks.
    """
    equity, symbols = desk.state[0]["equity"], len(desk.held)
    planned, excess, kept = np.zeros(symbols), np.zeros(symbols), np.ones(symbols)
    for n in range(symbols):
        held, order, word = desk.held[n], desk.book[3 * n], asks.words[t, n]
        units = held["quantity"] + wanted[n]
        if word == LEAVE and is_open(order):
            units += order["side"] * order["remaining"]
        if units == 0.0 or not (equity > 0.0 and held["last_price"] > 0.0):
            continue
        weight = units * held["last_price"] / equity
        planned[n] = abs(weight)
        if wanted[n] == 0.0 and word in (DECIDE, SHRINK):
            excess[n] = max(weight - min(asks.targets[t, n], asks.ceilings[t, n]), 0.0)
    keep_groups(groups, t, planned, excess, kept)
    for n in range(symbols):
        if kept[n] < 1.0 and excess[n] > 0.0:
            price = desk.held[n]["last_price"]
            units = whole((1.0 - kept[n]) * excess[n] * equity / price, desk.lots[0, n])
            if units * price >= desk.lots[1, n]:
                wanted[n] = -units


@compiled
def ask_row(desk: Desk, asks: Asks, groups: Groups, t: int, at: int) -> None:
    """The targets of row t become the committee's orders in the slots, after the bars they were
    decided on were met, which closed `at`.

    The old order of a symbol decided on is cancelled, or replaced in its slot: a record with
    `filled` 0 that was `placed` at `at` is a new order. A halted account loses all its orders but
    those that flatten it.
    """
    state, rules = desk.state[0], desk.rules[0]
    if state["trading_state"] == HALTED:
        for m in range(len(desk.book)):
            leaves = state["flattening"] and desk.book[m]["reduce_only"]
            if HELD <= desk.book[m]["status"] <= PARTIAL and not leaves:
                end(desk, m, CANCELLED, STOPPED)
        return
    book, all_held, lots = desk.book, desk.held, desk.lots
    words, targets, ceilings = asks.words, asks.targets, asks.ceilings
    if state["flattening"]:
        for n in range(len(all_held)):
            order, held = book[3 * n], all_held[n]
            if is_open(order) and order["side"] * held["quantity"] >= 0.0:
                end(desk, 3 * n, CANCELLED, DECIDED_ANEW)
            if not is_open(order) and held["quantity"] != 0.0:
                place(order, n, -held["quantity"], held["quantity"], at)
        return
    decided, wanted = False, np.zeros(len(all_held))
    for n in range(len(all_held)):
        word, held = words[t, n], all_held[n]
        if word == LEAVE:
            continue
        if is_open(book[3 * n]):
            end(desk, 3 * n, CANCELLED, BLOCKED if word == WITHDRAW else DECIDED_ANEW)
        if word == WITHDRAW:
            continue
        decided = True
        units = units_asked(
            state, rules, held, lots[0, n], lots[1, n], targets[t, n], ceilings[t, n], at
        )
        wanted[n] = units if word == DECIDE or units * held["quantity"] < 0.0 else 0.0
    if not decided:
        return
    limits = groups.limits
    if min(limits[ALL], limits[SECTOR], limits[CORRELATED]) < 1.0:
        relieve(desk, asks, groups, t, wanted)
    for n in range(len(all_held)):
        if wanted[n] != 0.0:
            place(book[3 * n], n, wanted[n], all_held[n]["quantity"], at)
