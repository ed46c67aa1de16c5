"""Many accounts at once, each at its own row of bars: the training environments step them.

The arithmetic is that of one account: orders, fills, carry and marking to market are the functions
of the other files here, so an account ends each row with the same bits as one that `process_bars`
takes through the same bars and targets. Leaves out what these accounts do not have: breakers,
shared limits, protective exits and manual orders.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.panel import Floats
from quant.jit import cached_njit
from trading.kernels.bar_close import begin_bar, mark_to_market
from trading.kernels.codes import CANCELLED, KEEP, NEW_DECISION
from trading.kernels.matching import match_orders
from trading.kernels.orders import is_open
from trading.kernels.state import (
    FILL_DTYPE,
    AccountArrays,
    BarArrays,
    Codes,
    Int64s,
    Records,
    lots_array,
    new_account_arrays,
)
from trading.kernels.targets import place_order, quantity_for_target
from trading.limits import TradingSettings

CACHE_LINE_BYTES = 64


class AccountBatch(NamedTuple):
    """M accounts of N symbols each, out of S sets of symbols. Records are as in `AccountArrays`,
    but `orders` (M, 3N), `state` (M,), `positions` (M, N), `rules` (M,) or one for all (1,), `lots`
    (S, 2, N), and `fills` (M, 3N) has those of the last row only. Account m trades the set
    `symbol_set[m]` and has processed its bars up to `row[m]`."""

    orders: Records
    state: Records
    positions: Records
    rules: Records
    lots: Floats
    fills: Records
    symbol_set: Int64s
    row: Int64s


def new_account_batch(
    symbol_sets: Sequence[Sequence[str]],
    settings: TradingSettings,
    count: int,
    *,
    share_rules: bool,
) -> AccountBatch:
    """Create `count` accounts without cash or positions, of S sets of N symbols; with `share_rules`
    they share one record of rules."""
    account = new_account_arrays(symbol_sets[0], settings)
    return AccountBatch(
        orders=np.tile(account.orders, (count, 1)),
        state=np.tile(account.state, count),
        positions=np.tile(account.positions, (count, 1)),
        rules=np.tile(account.rules, 1 if share_rules else count),
        lots=np.stack([lots_array(symbols, settings) for symbols in symbol_sets]),
        fills=np.empty((count, len(account.orders)), FILL_DTYPE),
        symbol_set=np.zeros(count, np.int64),
        row=np.zeros(count, np.int64),
    )


def align_rows(values: NDArray[Any]) -> NDArray[Any]:
    """Return `values` (..., K) with every row of K numbers at the start of a cache line. Accounts
    read rows in no order, and reading a row takes as long as reading its cache lines."""
    size, rows = values.itemsize, values.shape[:-1]
    width = -(-values.shape[-1] * size // CACHE_LINE_BYTES) * CACHE_LINE_BYTES // size
    count = math.prod(rows) * width
    buffer = np.zeros(count + CACHE_LINE_BYTES // size, values.dtype)
    first = -buffer.ctypes.data % CACHE_LINE_BYTES // size
    aligned = buffer[first : first + count].reshape(*rows, width)[..., : values.shape[-1]]
    aligned[...] = values
    return aligned


def interleave_bars(bars: BarArrays) -> BarArrays:
    """Return the bars with all figures of a symbol's bar in one cache line."""
    fields = [array for array in bars if array.ndim > 1]
    aligned = align_rows(np.stack(fields, axis=-1))
    return BarArrays(*(aligned[..., k] for k in range(len(fields))), *bars[len(fields) :])


@cached_njit
def step_batch(
    batch: AccountBatch,
    bars: BarArrays,
    accounts: Int64s,
    instructions: Codes,
    targets: Floats,
    equity: Floats,
    cost: Floats,
) -> None:
    """Place the orders of `accounts` at the close of their row, then process each one's next row.

    `instructions` are `codes.KEEP` or `codes.TARGET`, `targets` (M, N) are shares of equity. `bars`
    are (S, K, N), from `interleave_bars`, and their instants (K,).

    Writes `equity` (M,) at the new row's closes and `cost` (M,), the cost of its fills, in
    currency. Arrays are bound to names outside the loop, as in `process_bars`.
    """
    orders, all_states = batch.orders, batch.state
    all_positions, all_rules = batch.positions, batch.rules
    all_lots, fills, symbol_set, row = batch.lots, batch.fills, batch.symbol_set, batch.row
    opening, high, low, close = bars.open, bars.high, bars.low, bars.close
    volume, dividend, volatility = bars.volume, bars.dividend, bars.volatility
    known_at, opened_at, session_end = bars.known_at, bars.opened_at, bars.session_end
    symbols = all_positions.shape[1]
    for m in accounts:
        k = m if len(all_rules) > 1 else 0
        state, rules, s, t = all_states[m], all_rules[k], symbol_set[m], row[m]
        has_open_orders = False
        for n in range(symbols):
            order, position = orders[m, 3 * n], all_positions[m, n]
            if instructions[m, n] != KEEP:
                if is_open(order):
                    order["status"], order["reason"] = CANCELLED, NEW_DECISION
                quantity = quantity_for_target(
                    state, rules, position, all_lots[s, 0, n], all_lots[s, 1, n], targets[m, n],
                    np.inf, known_at[t],
                )  # fmt: skip
                if quantity != 0.0:
                    place_order(order, n, quantity, position["quantity"], known_at[t])
            has_open_orders = has_open_orders or is_open(order)
        t += 1
        row[m] = t
        state["row"], state["session_end"] = t, session_end[t]
        state["at"], state["opened"], state["fill_count"] = known_at[t], opened_at[t], 0
        for n in range(symbols):
            begin_bar(
                state, rules, all_positions[m, n], opening[s, t, n], high[s, t, n], low[s, t, n],
                close[s, t, n], volume[s, t, n], dividend[s, t, n],
            )  # fmt: skip
        cost[m] = 0.0
        if has_open_orders:
            match_orders(
                AccountArrays(
                    orders[m], all_states[m : m + 1], all_positions[m], all_rules[k : k + 1],
                    all_lots[s], fills[m],
                )
            )  # fmt: skip
            for j in range(state["fill_count"]):
                cost[m] += fills[m, j]["commission"] + fills[m, j]["slippage"]
        value = 0.0
        for n in range(symbols):
            value += mark_to_market(
                all_positions[m, n], close[s, t, n], volatility[s, t, n], known_at[t]
            )
        state["equity"] = state["cash"] + value
        equity[m] = state["equity"]
