"""One account through rows of bars. Live cycles and backtests go through this loop."""

import numpy as np

from domain.panel import Floats
from quant.jit import compiled
from trading.kernels.bar_close import show, trip_breakers, turn_day, value_of
from trading.kernels.codes import HALTED, LEAVE
from trading.kernels.matching import meet_orders
from trading.kernels.orders import is_open
from trading.kernels.state import NO_ASKS, NO_GROUPS, Asks, Bars, Codes, Desk, Groups
from trading.kernels.targets import ask_row


@compiled
def trade_rows(
    desk: Desk,
    bars: Bars,
    asks: Asks,
    groups: Groups,
    since: int,
    until: int,
    sums: Floats,
    standing: Codes,
) -> int:
    """Rows `since` to `until` - 1 of the bars are met, and after each the asks of the same row; the
    first row that was not met, for `desk.fills` had no room for it, or `until`. `asks` of no rows
    ask for nothing. Rows that close at one instant, of several calendars, are all met before the
    first of them asks, as a live cycle finds them.

    A row in this order: the day turns and rests of breakers end; dividends and borrowing are paid
    (those of the row stand in `held`, of symbols that are `here`); orders placed by the row's
    opening instant on symbols with a bar are met; positions are marked; breakers are looked at;
    targets become orders (`ask_row`).

    Fills `sums` (4, K): equity, cash, and dividends and borrowing so far after each row, in
    currency; and `standing` (2, K): standing and reason after it. All arrays are named outside of
    the loop, for naming one costs as much as a row without orders.
    """
    state, rules, all_held, book = desk.state[0], desk.rules[0], desk.held, desk.book
    opening, high, low, close = bars.open, bars.high, bars.low, bars.close
    volume, dividend, volatility = bars.volume, bars.dividend, bars.volatility
    known_at, opened_at, session_end = bars.known_at, bars.opened_at, bars.session_end
    words = asks.words
    room = len(desk.fills) - len(book)
    for t in range(since, until):
        if state["fill_count"] > room:
            return t
        turn_day(state, known_at[t])
        state["row"], state["session_end"] = t, session_end[t]
        state["at"], state["opened"] = known_at[t], opened_at[t]
        for n in range(len(all_held)):
            show(
                state, rules, all_held[n], opening[t, n], high[t, n], low[t, n], close[t, n],
                volume[t, n], dividend[t, n],
            )  # fmt: skip
        for m in range(len(book)):
            if is_open(book[m]):
                meet_orders(desk)
                break
        value = 0.0
        for n in range(len(all_held)):
            value += value_of(all_held[n], close[t, n], volatility[t, n], known_at[t])
        state["equity"] = state["cash"] + value
        trip_breakers(state, rules)
        if len(words) > 0 and (t + 1 == until or known_at[t + 1] != known_at[t]):
            first = t
            while first > 0 and known_at[first - 1] == known_at[t]:
                first -= 1
            for k in range(first, t + 1):
                asked = state["trading_state"] == HALTED or state["flattening"]
                for n in range(len(all_held)):
                    asked = asked or words[k, n] != LEAVE
                if asked:
                    ask_row(desk, asks, groups, k, known_at[t])
        sums[0, t], sums[1, t] = state["equity"], state["cash"]
        sums[2, t], sums[3, t] = state["dividends"], state["borrowing"]
        standing[0, t], standing[1, t] = state["trading_state"], state["reason"]
    return until


def bar_row(desk: Desk, bars: Bars, t: int) -> None:
    """Row t of the bars is met and nothing asked. `desk.fills` must have room for M more."""
    until = len(bars.known_at)
    sums, standing = np.empty((4, until)), np.empty((2, until), np.int8)
    trade_rows(desk, bars, NO_ASKS, NO_GROUPS, t, t + 1, sums, standing)
