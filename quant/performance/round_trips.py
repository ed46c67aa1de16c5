"""Round trips: fills matched first in, first out, and their metrics.

Fills of one account are matched within each symbol, oldest lot first; every lot closed by a fill
is a round trip, so a sale that closes two lots makes two. A position still open at the end is not a
round trip. A short round trip begins with a sale.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quant.jit import cached_njit
from quant.risk.return_series import Floats

Indices = NDArray[np.intp]
DUST = 1e-9
"""A lot smaller than this share of the fill that opened it is rounding, and is dropped."""


@dataclass(frozen=True, slots=True, eq=False)
class RoundTripTable:
    """K round trips in order of their end, each field (K,).

    `entry_row` and `exit_row` are rows, `column` is the symbol's. `profit` is in currency after
    commissions, `return_fraction` the profit over the value at entry. `adverse` (0 or below) and
    `favourable` (0 or above) are the largest moves against and for the trade while it was open
    (MAE, MFE), as fractions of the entry price.
    """

    entry_row: Indices
    exit_row: Indices
    column: Indices
    return_fraction: Floats
    profit: Floats
    adverse: Floats
    favourable: Floats


def match_round_trips(
    row: Indices,
    column: Indices,
    quantity: Floats,
    price: Floats,
    commission: Floats,
    *,
    low: Floats,
    high: Floats,
) -> RoundTripTable:
    """Match F fills (F,), made at the opens of their `row`, to round trips; `quantity` is negative
    for sales.

    `low` and `high` (T, N) are the bars' prices, NaN where there is no bar. Of the exit's bar only
    the exit price counts, since the rest of the bar came afterwards.
    """
    order = np.lexsort((row, column))
    places, figures = _match(
        quantity[order].astype(np.float64),
        price[order].astype(np.float64),
        commission[order].astype(np.float64),
        row[order].astype(np.intp),
        column[order].astype(np.intp),
        np.ascontiguousarray(low, np.float64),
        np.ascontiguousarray(high, np.float64),
    )
    ended = np.lexsort((places[:, 2], places[:, 0], places[:, 1]))
    places, figures = places[ended], figures[ended]
    return RoundTripTable(
        entry_row=places[:, 0],
        exit_row=places[:, 1],
        column=places[:, 2],
        return_fraction=figures[:, 0],
        profit=figures[:, 1],
        adverse=figures[:, 2],
        favourable=figures[:, 3],
    )


@cached_njit
def _match(
    quantity: Floats,
    price: Floats,
    commission: Floats,
    row: Indices,
    column: Indices,
    low: Floats,
    high: Floats,
) -> tuple[Indices, Floats]:
    """Indices (K, 3) entry, exit, column and figures (K, 4) return, profit, adverse, favourable.

    A fill closes at most the open lots before it, and each round trip uses up a lot or a fill, so
    there are at most two round trips for each fill.
    """
    fills = len(quantity)
    remaining = quantity.copy()  # the unmatched quantity of each fill
    places, figures = np.empty((2 * fills, 3), np.intp), np.empty((2 * fills, 4))
    count, oldest = 0, 0
    for closing in range(fills):
        if closing == 0 or column[closing] != column[closing - 1]:
            oldest = closing
        while oldest < closing and remaining[closing] != 0.0:
            if remaining[oldest] == 0.0:
                oldest += 1
                continue
            if (remaining[oldest] > 0.0) == (remaining[closing] > 0.0):
                break
            sign = 1.0 if remaining[oldest] > 0.0 else -1.0
            size = min(abs(remaining[oldest]), abs(remaining[closing]))
            fees = size * abs(commission[oldest] / quantity[oldest])
            fees += size * abs(commission[closing] / quantity[closing])
            profit = sign * size * (price[closing] - price[oldest]) - fees
            places[count] = row[oldest], row[closing], column[closing]
            adverse, favourable = _excursion(
                sign,
                price[oldest],
                price[closing],
                low[row[oldest] : row[closing], column[closing]],
                high[row[oldest] : row[closing], column[closing]],
            )
            figures[count] = profit / (size * price[oldest]), profit, adverse, favourable
            count += 1
            remaining[oldest] -= sign * size
            remaining[closing] += sign * size
            for each in (oldest, closing):
                if abs(remaining[each]) <= DUST * abs(quantity[each]):
                    remaining[each] = 0.0
    return places[:count], figures[:count]


@cached_njit
def _excursion(
    sign: float, bought: float, sold: float, low: Floats, high: Floats
) -> tuple[float, float]:
    """Worst and best move from the entry price, from the trade's side."""
    lowest, highest = min(bought, sold), max(bought, sold)
    for t in range(len(low)):
        if low[t] < lowest:  # never where there is no bar
            lowest = low[t]
        if high[t] > highest:
            highest = high[t]
    fall, rise = lowest / bought - 1.0, highest / bought - 1.0
    return (fall, rise) if sign > 0.0 else (-rise, -fall)


def trade_win_rate(trades: RoundTripTable) -> float:
    """Share of trades with a profit, without those that break even."""
    return _divide(float((trades.profit > 0.0).sum()), float((trades.profit != 0.0).sum()))


def trade_payoff(trades: RoundTripTable) -> float:
    return _divide(
        _mean(trades.return_fraction, trades.profit > 0),
        -_mean(trades.return_fraction, trades.profit < 0),
    )


def profit_factor(trades: RoundTripTable) -> float:
    profit = trades.profit
    return _divide(float(profit[profit > 0.0].sum()), -float(profit[profit < 0.0].sum()))


def expectancy(trades: RoundTripTable) -> float:
    return _mean(trades.return_fraction, np.full(len(trades.return_fraction), True))


def holding_bars(trades: RoundTripTable) -> float:
    """Mean bars from entry to exit."""
    return _mean(
        (trades.exit_row - trades.entry_row).astype(np.float64), trades.exit_row >= trades.entry_row
    )


def best_trade(trades: RoundTripTable) -> float:
    return float(trades.return_fraction.max()) if len(trades.return_fraction) else np.nan


def worst_trade(trades: RoundTripTable) -> float:
    return float(trades.return_fraction.min()) if len(trades.return_fraction) else np.nan


def adverse_excursion(trades: RoundTripTable) -> float:
    return _mean(trades.adverse, np.isfinite(trades.adverse))


def favourable_excursion(trades: RoundTripTable) -> float:
    return _mean(trades.favourable, np.isfinite(trades.favourable))


def trade_count(trades: RoundTripTable) -> float:
    return float(len(trades.profit))


def _mean(values: Floats, chosen: NDArray[np.bool_]) -> float:
    return float(values[chosen].mean()) if chosen.any() else np.nan


def _divide(value: float, unit: float) -> float:
    return value / unit if unit > 0.0 else np.nan
