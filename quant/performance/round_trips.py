"""Round trips: what was bought and sold again, first in first out, and what came of it.

Fills of one account are matched within each symbol, oldest lot first; every lot closed by a fill
is a round trip, so a sale that closes two lots makes two. What is still held at the end is not a
round trip yet. Shorts are round trips that begin with a sale.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quant.jit import compiled
from quant.risk.return_series import Floats

Whole = NDArray[np.intp]
DUST = 1e-9
"""A lot smaller than this share of the fill that opened it is rounding, and is dropped."""


@dataclass(frozen=True, slots=True, eq=False)
class Trades:
    """K round trips in order of their end, each field (K,).

    `entry` and `exit` are rows, `column` the symbol. `profit` is in currency after commissions,
    `returned` the profit over the value at entry. `adverse` (0 or below) and `favourable` (0 or
    above) are the worst and best price seen on the way (MAE, MFE), as fractions of the entry
    price.
    """

    entry: Whole
    exit: Whole
    column: Whole
    returned: Floats
    profit: Floats
    adverse: Floats
    favourable: Floats


def round_trips(
    row: Whole,
    column: Whole,
    units: Floats,
    price: Floats,
    commission: Floats,
    *,
    low: Floats,
    high: Floats,
) -> Trades:
    """The trips of F fills (F,) made at the opens of their `row`, `units` negative for sales.

    `low` and `high` (T, N) are the bars' prices; NaN where there is no bar. The bar of the exit
    counts with the exit's price only, since the rest of it came afterwards.
    """
    order = np.lexsort((row, column))
    places, figures = _matched(
        units[order].astype(np.float64),
        price[order].astype(np.float64),
        commission[order].astype(np.float64),
        row[order].astype(np.intp),
        column[order].astype(np.intp),
        np.ascontiguousarray(low, np.float64),
        np.ascontiguousarray(high, np.float64),
    )
    ended = np.lexsort((places[:, 2], places[:, 0], places[:, 1]))
    places, figures = places[ended], figures[ended]
    return Trades(
        entry=places[:, 0],
        exit=places[:, 1],
        column=places[:, 2],
        returned=figures[:, 0],
        profit=figures[:, 1],
        adverse=figures[:, 2],
        favourable=figures[:, 3],
    )


@compiled
def _matched(
    units: Floats,
    price: Floats,
    commission: Floats,
    row: Whole,
    column: Whole,
    low: Floats,
    high: Floats,
) -> tuple[Whole, Floats]:
    """Places (K, 3) entry, exit, column and figures (K, 4) return, profit, adverse, favourable.

    A fill closes at most the lots that stand before it, and each trip uses up a lot or a fill:
    there are never more trips than two for each fill.
    """
    fills = len(units)
    left = units.copy()  # of each fill, what still waits for its other half
    places, figures = np.empty((2 * fills, 3), np.intp), np.empty((2 * fills, 4))
    made, oldest = 0, 0
    for closing in range(fills):
        if closing == 0 or column[closing] != column[closing - 1]:
            oldest = closing
        while oldest < closing and left[closing] != 0.0:
            if left[oldest] == 0.0:
                oldest += 1
                continue
            if (left[oldest] > 0.0) == (left[closing] > 0.0):
                break
            sign = 1.0 if left[oldest] > 0.0 else -1.0
            size = min(abs(left[oldest]), abs(left[closing]))
            fees = size * abs(commission[oldest] / units[oldest])
            fees += size * abs(commission[closing] / units[closing])
            profit = sign * size * (price[closing] - price[oldest]) - fees
            places[made] = row[oldest], row[closing], column[closing]
            adverse, favourable = _excursion(
                sign,
                price[oldest],
                price[closing],
                low[row[oldest] : row[closing], column[closing]],
                high[row[oldest] : row[closing], column[closing]],
            )
            figures[made] = profit / (size * price[oldest]), profit, adverse, favourable
            made += 1
            left[oldest] -= sign * size
            left[closing] += sign * size
            for each in (oldest, closing):
                if abs(left[each]) <= DUST * abs(units[each]):
                    left[each] = 0.0
    return places[:made], figures[:made]


@compiled
def _excursion(
    sign: float, bought: float, sold: float, low: Floats, high: Floats
) -> tuple[float, float]:
    """Worst and best move of the price, for the trade's side, from its entry price."""
    lowest, highest = min(bought, sold), max(bought, sold)
    for t in range(len(low)):
        if low[t] < lowest:  # never where there is no bar
            lowest = low[t]
        if high[t] > highest:
            highest = high[t]
    fall, rise = lowest / bought - 1.0, highest / bought - 1.0
    return (fall, rise) if sign > 0.0 else (-rise, -fall)


def trade_win_rate(trades: Trades) -> float:
    """Trades that came out even are left out."""
    return _divided(float((trades.profit > 0.0).sum()), float((trades.profit != 0.0).sum()))


def trade_payoff(trades: Trades) -> float:
    return _divided(
        _mean(trades.returned, trades.profit > 0), -_mean(trades.returned, trades.profit < 0)
    )


def profit_factor(trades: Trades) -> float:
    profit = trades.profit
    return _divided(float(profit[profit > 0.0].sum()), -float(profit[profit < 0.0].sum()))


def expectancy(trades: Trades) -> float:
    return _mean(trades.returned, np.full(len(trades.returned), True))


def holding(trades: Trades) -> float:
    """Mean bars from entry to exit."""
    return _mean((trades.exit - trades.entry).astype(np.float64), trades.exit >= trades.entry)


def best_trade(trades: Trades) -> float:
    return float(trades.returned.max()) if len(trades.returned) else np.nan


def worst_trade(trades: Trades) -> float:
    return float(trades.returned.min()) if len(trades.returned) else np.nan


def adverse_excursion(trades: Trades) -> float:
    return _mean(trades.adverse, np.isfinite(trades.adverse))


def favourable_excursion(trades: Trades) -> float:
    return _mean(trades.favourable, np.isfinite(trades.favourable))


def trade_count(trades: Trades) -> float:
    return float(len(trades.profit))


def _mean(values: Floats, chosen: NDArray[np.bool_]) -> float:
    return float(values[chosen].mean()) if chosen.any() else np.nan


def _divided(value: float, unit: float) -> float:
    return value / unit if unit > 0.0 else np.nan
