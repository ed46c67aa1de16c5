"""Many accounts brought to their targets at one open: the compiled loops of `account.py`.

All that inline each other are in one file because numba stamps its cache by the file of the
caller: a function inlined from another file would go stale unseen.

Left out: checks of what goes in.
"""

import numpy as np
from numpy.typing import NDArray

from domain.panel import Floats
from quant.compiled import compiled

Bools = NDArray[np.bool_]


@compiled
def worth(cash: float, units: Floats, price: Floats) -> float:
    """Cash and units at their price, which is not asked for where nothing is held."""
    value = 0.0
    for n in range(len(units)):
        if units[n] != 0.0:
            value += units[n] * price[n]
    return cash + value


@compiled
def worth_rows(cash: Floats, units: Floats, price: Floats) -> Floats:
    """(M,) of `cash` (M,), `units` and `price` (M, N)."""
    answers = np.empty(len(cash))
    for m in range(len(cash)):
        answers[m] = worth(cash[m], units[m], price[m])
    return answers


@compiled
def wanted_rows(cash: Floats, units: Floats, target: Floats, price: Floats) -> Floats:
    """(M, N) units to trade so that `target` shares of equity are held; NaN without a price."""
    wish = np.empty(units.shape)
    for m in range(len(cash)):
        equity = worth(cash[m], units[m], price[m])
        for n in range(units.shape[1]):
            if target[m, n] == 0.0:
                wish[m, n] = -units[m, n]
            elif price[m, n] > 0.0:
                wish[m, n] = target[m, n] * equity / price[m, n] - units[m, n]
            else:
                wish[m, n] = np.nan
    return wish


@compiled
def fill_row(
    cash: float,
    units: Floats,
    wish: Floats,
    opening: Floats,
    slip: Floats,
    commission: float,
    traded: Floats,
    price: Floats,
    fee: Floats,
    cost: Floats,
) -> float:
    """Trade `wish` units at the open, sales first; the cash after it. `units` change in place.

    `slip` is how far from the open a fill lies, a fraction. All buys shrink by one factor to the
    cash at hand. Nothing is traded without an opening price. The last four arrays are filled.
    """
    outlay = proceeds = 0.0
    for n in range(len(units)):
        traded[n] = wish[n] if opening[n] > 0.0 else 0.0
        price[n] = opening[n] if opening[n] > 0.0 else 0.0
        if traded[n] > 0.0:
            price[n] *= 1.0 + slip[n]
            outlay += traded[n] * price[n]
        elif traded[n] < 0.0:
            price[n] *= max(1.0 - slip[n], 0.0)
            proceeds -= traded[n] * price[n]
    outlay *= 1.0 + commission
    at_hand = max(cash + proceeds * (1.0 - commission), 0.0)
    share = at_hand / outlay if outlay > at_hand else 1.0
    spent = 0.0
    for n in range(len(units)):
        if traded[n] > 0.0:
            traded[n] *= share
        value = traded[n] * price[n]
        fee[n] = abs(value) * commission
        cost[n] = value - traded[n] * opening[n] + fee[n] if traded[n] != 0.0 else 0.0
        spent += value + fee[n]
        units[n] += traded[n]
    return cash - spent


@compiled
def fill_rows(
    cash: Floats, units: Floats, wish: Floats, opening: Floats, slip: float, commission: float
) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats]:
    """`fill_row` of M accounts: cash (M,) and units after, units traded, price, fee, cost."""
    after, held = np.empty(len(cash)), units.copy()
    traded, price = np.empty(units.shape), np.empty(units.shape)
    fee, cost = np.empty(units.shape), np.empty(units.shape)
    slips = np.full(units.shape[1], slip)
    for m in range(len(cash)):
        after[m] = fill_row(
            cash[m], held[m], wish[m], opening[m], slips, commission,
            traded[m], price[m], fee[m], cost[m],
        )  # fmt: skip
    return after, held, traded, price, fee, cost


@compiled
def play_rows(
    targets: Floats,
    ordered: Bools,
    opening: Floats,
    close: Floats,
    volume: Floats,
    volatility: Floats,
    half_spread: float,
    commission: float,
    impact: float,
    volume_cap: float,
    unmeasured: float,
    cash: float,
    delay: int,
) -> tuple[Floats, Floats, NDArray[np.int32], Floats, int]:
    """Orders carried out over K rows: equity and cash (K,) at the closes, then row and column
    (2, F) and units, price, commission and cost (4, F) of the fills, of which the first so many
    count."""
    rows, symbols = targets.shape
    equity, at_hand = np.empty(rows), np.empty(rows)
    place, figures, filled = np.empty((2, 256), np.int32), np.empty((4, 256)), 0
    decided, goal = np.full(symbols, np.nan), np.full(symbols, np.nan)
    waiting = np.full((symbols, delay), np.nan)
    units, rest = np.zeros(symbols), np.zeros(symbols)
    value, spread = np.full(symbols, np.nan), np.full(symbols, unmeasured)
    due, slip = np.empty(symbols, np.int64), np.empty(symbols)
    held, wish, at_open = np.empty(symbols), np.empty(symbols), np.empty(symbols)
    traded, price = np.empty(symbols), np.empty(symbols)
    fee, cost = np.empty(symbols), np.empty(symbols)
    for t in range(rows):
        count = 0
        for n in range(symbols):
            if opening[t, n] > 0.0:
                value[n] = opening[t, n]
                order, decided[n] = decided[n], np.nan
                for k in range(delay):
                    waiting[n, k], order = order, waiting[n, k]
                if not np.isnan(order):
                    goal[n], rest[n] = order, 0.0
                if (rest[n] != 0.0 or not np.isnan(goal[n])) and volume[t, n] > 0.0:
                    due[count] = n
                    count += 1
        if count > 0:
            before = worth(cash, units, value)
            for j in range(count):
                n = due[j]
                if not np.isnan(goal[n]):
                    wanted = goal[n] * before / opening[t, n] if goal[n] > 0.0 else 0.0
                    rest[n], goal[n] = wanted - units[n], np.nan
                limit = volume_cap * volume[t, n]
                wish[j] = min(max(rest[n], -limit), limit)
                rest[n] -= wish[j]
                size = abs(wish[j]) / volume[t, n]
                slip[j] = half_spread + impact * spread[n] * np.sqrt(size)
                held[j], at_open[j] = units[n], opening[t, n]
            cash = fill_row(
                cash, held[:count], wish, at_open, slip, commission, traded, price, fee, cost
            )
            for j in range(count):
                units[due[j]] = held[j]
                if traded[j] == 0.0:
                    continue
                if filled == place.shape[1]:
                    place = np.concatenate((place, np.empty_like(place)), axis=1)
                    figures = np.concatenate((figures, np.empty_like(figures)), axis=1)
                place[0, filled], place[1, filled] = t, due[j]
                figures[0, filled], figures[1, filled] = traded[j], price[j]
                figures[2, filled], figures[3, filled] = fee[j], cost[j]
                filled += 1
        invested = 0.0
        for n in range(symbols):
            if not np.isnan(close[t, n]):
                value[n] = close[t, n]
                if volatility[t, n] > 0.0:
                    spread[n] = volatility[t, n]
            if ordered[t, n]:
                decided[n] = targets[t, n]
            if units[n] != 0.0:
                invested += units[n] * value[n]
        equity[t], at_hand[t] = cash + invested, cash
    return equity, at_hand, place, figures, filled
