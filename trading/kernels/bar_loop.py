"""One account through rows of bars. Live cycles and backtests run this loop."""

import numpy as np

from domain.panel import Floats
from quant.jit import cached_njit
from trading.kernels.bar_close import begin_bar, mark_to_market, start_day, trip_breakers
from trading.kernels.codes import HALTED, KEEP
from trading.kernels.matching import match_orders
from trading.kernels.orders import is_open
from trading.kernels.state import (
    NO_SHARED_LIMITS,
    NO_TARGETS,
    AccountArrays,
    BarArrays,
    Codes,
    SharedLimits,
    TargetMatrix,
)
from trading.kernels.targets import place_target_orders


@cached_njit
def process_bars(
    account: AccountArrays,
    bars: BarArrays,
    target_matrix: TargetMatrix,
    shared_limits: SharedLimits,
    since: int,
    until: int,
    totals: Floats,
    trading_states: Codes,
) -> int:
    """Process rows `since` to `until` - 1 of the bars, and after each the targets of the same row.

    Returns the first row that was not processed because `account.fills` had no room for it, or
    `until`. A `target_matrix` without rows has no targets. Rows that close at one instant, of
    several calendars, are all processed before the targets of the first, as in a live cycle.

    The order within a row: the day turns and pauses of breakers end; dividends and borrowing are
    paid (those of the row are in `positions`, of symbols with `has_bar`); orders submitted by the
    row's opening instant on symbols with a bar are matched; positions are marked to market;
    breakers are checked; targets become orders (`place_target_orders`).

    Writes `totals` (4, K): equity, cash, and the sums of dividends and borrowing after each row, in
    currency; and `trading_states` (2, K): trading state and reason after it. All arrays are bound
    to names outside the loop, because binding one costs as much as a row without orders.
    """
    state, rules = account.state[0], account.rules[0]
    positions, orders = account.positions, account.orders
    opening, high, low, close = bars.open, bars.high, bars.low, bars.close
    volume, dividend, volatility = bars.volume, bars.dividend, bars.volatility
    known_at, opened_at, session_end = bars.known_at, bars.opened_at, bars.session_end
    instructions = target_matrix.instructions
    fill_capacity = len(account.fills) - len(orders)
    for t in range(since, until):
        if state["fill_count"] > fill_capacity:
            return t
        start_day(state, known_at[t])
        state["row"], state["session_end"] = t, session_end[t]
        state["at"], state["opened"] = known_at[t], opened_at[t]
        for n in range(len(positions)):
            begin_bar(
                state, rules, positions[n], opening[t, n], high[t, n], low[t, n], close[t, n],
                volume[t, n], dividend[t, n],
            )  # fmt: skip
        for m in range(len(orders)):
            if is_open(orders[m]):
                match_orders(account)
                break
        value = 0.0
        for n in range(len(positions)):
            value += mark_to_market(positions[n], close[t, n], volatility[t, n], known_at[t])
        state["equity"] = state["cash"] + value
        trip_breakers(state, rules)
        if len(instructions) > 0 and (t + 1 == until or known_at[t + 1] != known_at[t]):
            first = t
            while first > 0 and known_at[first - 1] == known_at[t]:
                first -= 1
            for k in range(first, t + 1):
                has_targets = state["trading_state"] == HALTED or state["flattening"]
                for n in range(len(positions)):
                    has_targets = has_targets or instructions[k, n] != KEEP
                if has_targets:
                    place_target_orders(account, target_matrix, shared_limits, k, known_at[t])
        totals[0, t], totals[1, t] = state["equity"], state["cash"]
        totals[2, t], totals[3, t] = state["dividends"], state["borrowing"]
        trading_states[0, t], trading_states[1, t] = state["trading_state"], state["reason"]
    return until


def process_bar(account: AccountArrays, bars: BarArrays, t: int) -> None:
    """Process row t of the bars, without targets. `account.fills` must have room for M more."""
    until = len(bars.known_at)
    totals, trading_states = np.empty((4, until)), np.empty((2, until), np.int8)
    process_bars(account, bars, NO_TARGETS, NO_SHARED_LIMITS, t, t + 1, totals, trading_states)
