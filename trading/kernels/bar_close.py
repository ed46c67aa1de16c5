"""What surrounds the orders of a row: days that turn, carry, positions marked, breakers."""

from typing import Any

import numpy as np

from quant.jit import compiled
from trading.kernels.codes import (
    A_DAY,
    ACTIVE,
    DAILY_LOSS,
    DRAWDOWN,
    HALTED,
    LOSSES,
    REDUCING,
    UNHARMED,
)


@compiled
def turn_day(state: Any, at: int) -> None:
    """A new UTC day begins with the row's (a close at midnight belongs to the day it ends): what
    equity was before it is remembered, and a rest that is over ends."""
    day = (at - 1) // A_DAY
    if day <= state["day"]:
        return
    state["day"], state["day_equity"] = day, state["equity"]
    if state["trading_state"] == REDUCING and day >= state["until"]:
        if state["reason"] == DRAWDOWN:
            state["high"] = state["equity"]
        state["trading_state"], state["reason"], state["flattening"] = ACTIVE, UNHARMED, False


@compiled
def trip_breakers(state: Any, rules: Any) -> None:
    """A drawdown is looked at first: it rests longest. Who never had anything lost nothing."""
    equity = state["equity"]
    state["high"] = max(state["high"], equity)
    resting = state["trading_state"] == REDUCING
    if state["trading_state"] == HALTED or (resting and state["reason"] == DRAWDOWN):
        return
    if not state["high"] > 0.0:
        return
    reason, until = UNHARMED, state["day"] + 1
    if equity <= state["high"] * (1.0 - rules["drawdown"]):
        reason, until = DRAWDOWN, state["day"] + int(rules["cooldown"])
    elif not resting and equity <= state["day_equity"] * (1.0 - rules["daily_loss"]):
        reason = DAILY_LOSS
    elif not resting and state["losses"] >= rules["losses"]:
        reason = LOSSES
    if reason != UNHARMED:
        state["trading_state"], state["reason"], state["until"] = REDUCING, reason, until
        state["losses"], state["flattening"] = 0, rules["flatten"] > 0.0


@compiled
def carry(state: Any, rules: Any, held: Any, dividend: float) -> None:
    """What is held earns its dividend and costs its borrowing since its last bar."""
    held["dividend"], held["borrowing"] = held["quantity"] * dividend, 0.0
    if held["quantity"] < 0.0:
        years = (state["at"] - held["last_bar_at"]) / (365.0 * A_DAY)
        held["borrowing"] = -held["quantity"] * held["last_price"] * rules["borrow"] * years
    state["cash"] += held["dividend"]
    state["cash"] -= held["borrowing"]
    state["dividends"] += held["dividend"]
    state["borrowing"] += held["borrowing"]


@compiled
def show(
    state: Any,
    rules: Any,
    held: Any,
    opening: float,
    high: float,
    low: float,
    close: float,
    volume: float,
    dividend: float,
) -> None:
    """A symbol's bar comes to the desk, and its position to the open."""
    held["has_bar"] = not np.isnan(close)
    if not held["has_bar"]:
        return
    held["open"], held["close"], held["high"], held["low"] = opening, close, high, low
    held["volume"] = volume
    held["remaining_volume"] = rules["volume_cap"] * volume if volume > 0.0 else 0.0
    usual = held["volatility"] if held["volatility"] > 0.0 else rules["unmeasured"]
    moved = abs(close + dividend - held["last_price"])
    held["volatility_halted"] = moved > rules["volatility_breaker"] * usual * held["last_price"]
    held["dividend"] = held["borrowing"] = 0.0
    if held["quantity"] != 0.0:
        carry(state, rules, held, dividend)
    if opening > 0.0:
        held["last_price"] = opening


@compiled
def value_of(held: Any, close: float, volatility: float, at: int) -> float:
    """A position at the close of its symbol's bar, if there is one."""
    if held["has_bar"]:
        held["last_price"], held["last_bar_at"] = close, at
        if volatility > 0.0:
            held["volatility"] = volatility
    return float(held["quantity"] * held["last_price"]) if held["quantity"] != 0.0 else 0.0
