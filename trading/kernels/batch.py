"""Many accounts at once, each in a row of bars of its own: what the training environments step.

The arithmetic is that of one account: orders, fills, carry and marks are the functions of the files
beside this one, so that an account ends each row with the same bits as one that `trade_rows` leads
through the same bars and asks. Left out is what such accounts do not have: breakers, limits of
groups, protective exits and manual orders.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.panel import Floats
from quant.jit import compiled
from trading.kernels.bar_close import show, value_of
from trading.kernels.codes import CANCELLED, DECIDED_ANEW, LEAVE
from trading.kernels.matching import meet_orders
from trading.kernels.orders import is_open
from trading.kernels.state import FILL, Bars, Codes, Desk, Ints, Records, lots_of, new_desk
from trading.kernels.targets import place, units_asked
from trading.limits import TradingSettings

LINE = 64
"""Bytes."""


class Many(NamedTuple):
    """M accounts of N symbols each, out of S sets of symbols: records as in `Desk`, but `book`
    (M, 3N), `state` (M,), `held` (M, N), `rules` (M,) or one (1,) for all, `lots` (S, 2, N), and in
    `fills` (M, 3N) those of the last row only. Account m trades the set `traded[m]` and has met its
    bars up to `row[m]`."""

    book: Records
    state: Records
    held: Records
    rules: Records
    lots: Floats
    fills: Records
    traded: Ints
    row: Ints


def new_many(
    sets: Sequence[Sequence[str]], settings: TradingSettings, count: int, *, alike: bool
) -> Many:
    """`count` accounts without cash that hold nothing, of S sets of N symbols; those `alike` share
    one record of rules."""
    desk = new_desk(sets[0], settings)
    return Many(
        book=np.tile(desk.book, (count, 1)),
        state=np.tile(desk.state, count),
        held=np.tile(desk.held, (count, 1)),
        rules=np.tile(desk.rules, 1 if alike else count),
        lots=np.stack([lots_of(symbols, settings) for symbols in sets]),
        fills=np.empty((count, len(desk.book)), FILL),
        traded=np.zeros(count, np.int64),
        row=np.zeros(count, np.int64),
    )


def in_lines(values: NDArray[Any]) -> NDArray[Any]:
    """`values` (..., K), every row of K numbers at the start of a line of the processor's cache.
    Accounts read rows here and there, and a row costs what its lines cost."""
    size, rows = values.itemsize, values.shape[:-1]
    width = -(-values.shape[-1] * size // LINE) * LINE // size
    count = math.prod(rows) * width
    room = np.zeros(count + LINE // size, values.dtype)
    first = -room.ctypes.data % LINE // size
    lined = room[first : first + count].reshape(*rows, width)[..., : values.shape[-1]]
    lined[...] = values
    return lined


def side_by_side(bars: Bars) -> Bars:
    """The bars, all figures of a symbol's bar in one line of the cache."""
    figures = [each for each in bars if each.ndim > 1]
    lined = in_lines(np.stack(figures, axis=-1))
    return Bars(*(lined[..., k] for k in range(len(figures))), *bars[len(figures) :])


@compiled
def step_many(
    many: Many, bars: Bars, which: Ints, words: Codes, targets: Floats, equity: Floats, cost: Floats
) -> None:
    """The accounts `which` say what they want at the close of their row, `words` of `codes.LEAVE`
    and `codes.DECIDE` and `targets` (M, N), shares of equity; then each meets its next row. `bars`
    are (S, K, N), `side_by_side`, their instants (K,).

    Fills `equity` (M,) at the new row's closes and `cost` (M,), what its fills cost, in currency.
    Arrays are named outside of the loop, as in `trade_rows`.
    """
    book, all_states, all_held, all_rules = many.book, many.state, many.held, many.rules
    all_lots, fills, traded, row = many.lots, many.fills, many.traded, many.row
    opening, high, low, close = bars.open, bars.high, bars.low, bars.close
    volume, dividend, volatility = bars.volume, bars.dividend, bars.volatility
    known_at, opened_at, session_end = bars.known_at, bars.opened_at, bars.session_end
    symbols = all_held.shape[1]
    for m in which:
        k = m if len(all_rules) > 1 else 0
        state, rules, s, t = all_states[m], all_rules[k], traded[m], row[m]
        waiting = False
        for n in range(symbols):
            order, held = book[m, 3 * n], all_held[m, n]
            if words[m, n] != LEAVE:
                if is_open(order):
                    order["status"], order["reason"] = CANCELLED, DECIDED_ANEW
                units = units_asked(
                    state, rules, held, all_lots[s, 0, n], all_lots[s, 1, n], targets[m, n],
                    np.inf, known_at[t],
                )  # fmt: skip
                if units != 0.0:
                    place(order, n, units, held["quantity"], known_at[t])
            waiting = waiting or is_open(order)
        t += 1
        row[m] = t
        state["row"], state["session_end"] = t, session_end[t]
        state["at"], state["opened"], state["fill_count"] = known_at[t], opened_at[t], 0
        for n in range(symbols):
            show(
                state, rules, all_held[m, n], opening[s, t, n], high[s, t, n], low[s, t, n],
                close[s, t, n], volume[s, t, n], dividend[s, t, n],
            )  # fmt: skip
        cost[m] = 0.0
        if waiting:
            meet_orders(
                Desk(
                    book[m], all_states[m : m + 1], all_held[m], all_rules[k : k + 1], all_lots[s],
                    fills[m],
                )
            )  # fmt: skip
            for j in range(state["fill_count"]):
                cost[m] += fills[m, j]["commission"] + fills[m, j]["slippage"]
        value = 0.0
        for n in range(symbols):
            value += value_of(all_held[m, n], close[s, t, n], volatility[s, t, n], known_at[t])
        state["equity"] = state["cash"] + value
        equity[m] = state["equity"]
