"""The parts of a row other than matching: new days, carry, marking to market, breakers."""

from typing import Any

import numpy as np

from quant.jit import cached_njit
from trading.kernels.codes import (
    ACTIVE,
    DAILY_LOSS,
    DAY_MICROSECONDS,
    DRAWDOWN,
    HALTED,
    LOSING_POSITIONS,
    NO_BREAKER,
    REDUCING,
)


@cached_njit
def start_day(state: Any, at: int) -> None:
    """Begin a new UTC day if the row does (a close at midnight belongs to the day it ends): store
    the equity before it, and end a breaker's pause that is over."""
    day = (at - 1) // DAY_MICROSECONDS
    if day <= state["day"]:
        return
    state["day"], state["day_equity"] = day, state["equity"]
    if state["trading_state"] == REDUCING and day >= state["until"]:
        if state["reason"] == DRAWDOWN:
            state["high"] = state["equity"]
        state["trading_state"], state["reason"], state["flattening"] = ACTIVE, NO_BREAKER, False


@cached_njit
def trip_breakers(state: Any, rules: Any) -> None:
    """Trip the breakers that the row calls for. The drawdown breaker is checked first, because its
    pause is the longest. An account that never had any equity has lost nothing."""
    equity = state["equity"]
    state["high"] = max(state["high"], equity)
    reducing = state["trading_state"] == REDUCING
    if state["trading_state"] == HALTED or (reducing and state["reason"] == DRAWDOWN):
        return
    if not state["high"] > 0.0:
        return
    reason, until = NO_BREAKER, state["day"] + 1
    if equity <= state["high"] * (1.0 - rules["drawdown"]):
        reason, until = DRAWDOWN, state["day"] + int(rules["cooldown"])
    elif not reducing and equity <= state["day_equity"] * (1.0 - rules["daily_loss"]):
        reason = DAILY_LOSS
    elif not reducing and state["losses"] >= rules["losses"]:
        reason = LOSING_POSITIONS
    if reason != NO_BREAKER:
        state["trading_state"], state["reason"], state["until"] = REDUCING, reason, until
        state["losses"], state["flattening"] = 0, rules["flatten"] > 0.0


@cached_njit
def apply_carry(state: Any, rules: Any, position: Any, dividend: float) -> None:
    """Pay a position's dividend and charge its borrowing since its last bar."""
    position["dividend"], position["borrowing"] = position["quantity"] * dividend, 0.0
    if position["quantity"] < 0.0:
        years = (state["at"] - position["last_bar_at"]) / (365.0 * DAY_MICROSECONDS)
        position["borrowing"] = (
            -position["quantity"] * position["last_price"] * rules["borrow"] * years
        )
    state["cash"] += position["dividend"]
    state["cash"] -= position["borrowing"]
    state["dividends"] += position["dividend"]
    state["borrowing"] += position["borrowing"]


@cached_njit
def begin_bar(
    state: Any,
    rules: Any,
    position: Any,
    opening: float,
    high: float,
    low: float,
    close: float,
    volume: float,
    dividend: float,
) -> None:
    """Write a symbol's bar into its position, valued at the open."""
    position["has_bar"] = not np.isnan(close)
    if not position["has_bar"]:
        return
    position["open"], position["close"] = opening, close
    position["high"], position["low"] = high, low
    position["volume"] = volume
    position["remaining_volume"] = rules["volume_cap"] * volume if volume > 0.0 else 0.0
    usual = position["volatility"] if position["volatility"] > 0.0 else rules["unmeasured"]
    move = abs(close + dividend - position["last_price"])
    allowed = rules["volatility_breaker"] * usual * position["last_price"]
    position["volatility_halted"] = move > allowed
    position["dividend"] = position["borrowing"] = 0.0
    if position["quantity"] != 0.0:
        apply_carry(state, rules, position, dividend)
    if opening > 0.0:
        position["last_price"] = opening


@cached_njit
def mark_to_market(position: Any, close: float, volatility: float, at: int) -> float:
    """Return the value of a position at the close of its symbol's bar, if there is one."""
    if position["has_bar"]:
        position["last_price"], position["last_bar_at"] = close, at
        if volatility > 0.0:
            position["volatility"] = volatility
    if position["quantity"] == 0.0:
        return 0.0
    return float(position["quantity"] * position["last_price"])
