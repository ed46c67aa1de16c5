"""Trailing windows over each symbol's own bars.

Each window is computed afresh, or kept as a sorted list, never as a running sum: rounding errors
do not accumulate, and a constant series has a spread of exactly zero. Arrays are (T, N) or (T,)
float64 with NaN in the gaps; row t uses the last `length` bars up to t, and is NaN with fewer than
`minimum`.
"""

import numpy as np

from quant.jit import cached_njit
from quant.per_symbol import Floats, by_symbol

CHUNK_ROWS = 1_024
"""Rows whose windows are summed together, so that they fit in the processor's L1 cache."""


def mean(values: Floats, length: int, minimum: int) -> Floats:
    return by_symbol(lambda s: _mean(s, length, minimum), values)


def variance(values: Floats, length: int, minimum: int) -> Floats:
    """Mean squared distance from the window's mean."""
    return by_symbol(lambda s: _variance(s, length, minimum), values)


def highest(values: Floats, length: int, minimum: int) -> Floats:
    return by_symbol(lambda s: _highest(s, length, minimum), values)


def quantile(values: Floats, level: float, length: int, minimum: int) -> Floats:
    """Lower empirical quantile: the smallest value with at least `level` of the window at or below
    it."""
    return by_symbol(lambda s: _sorted_window(s, level, length, minimum, False), values)


def tail_mean(values: Floats, level: float, length: int, minimum: int) -> Floats:
    """Mean of the lowest `level` of the window: expected shortfall, with the sign of a return."""
    return by_symbol(lambda s: _sorted_window(s, level, length, minimum, True), values)


def slope(dependent: Floats, regressor: Floats, length: int, minimum: int) -> Floats:
    """Least-squares slope of `dependent` on `regressor` (a beta); NaN where `regressor` is
    constant."""
    return by_symbol(lambda y, x: _regression(y, x, length, minimum, False), dependent, regressor)


def correlation(first: Floats, second: Floats, length: int, minimum: int) -> Floats:
    """Pearson's correlation; NaN where either series is constant."""
    return by_symbol(lambda y, x: _regression(y, x, length, minimum, True), first, second)


@cached_njit
def _mean(series: Floats, length: int, minimum: int) -> Floats:
    """Sum the windows of a chunk of rows together, each from its oldest bar on."""
    answers = np.zeros(len(series))
    for first in range(0, len(series), CHUNK_ROWS):
        for back in range(length - 1, -1, -1):
            total, bars = _lagged(answers, series, first, back)
            for t in range(len(total)):
                total[t] += bars[t]
    return _divide_by_count(answers, length, minimum)


@cached_njit
def _variance(series: Floats, length: int, minimum: int) -> Floats:
    mean, answers = _mean(series, length, 1), np.zeros(len(series))
    for first in range(0, len(series), CHUNK_ROWS):
        for back in range(length - 1, -1, -1):
            total, bars = _lagged(answers, series, first, back)
            middle, _ = _lagged(mean, series, first, back)
            for t in range(len(total)):
                total[t] += (bars[t] - middle[t]) * (bars[t] - middle[t])
    return _divide_by_count(answers, length, minimum)


@cached_njit
def _lagged(answers: Floats, series: Floats, first: int, back: int) -> tuple[Floats, Floats]:
    """Views of `answers` in the chunk's rows that have a bar `back` bars ago, and of those bars."""
    start = max(first, back)
    stop = max(min(first + CHUNK_ROWS, len(series)), start)
    return answers[start:stop], series[start - back : stop - back]


@cached_njit
def _divide_by_count(total: Floats, length: int, minimum: int) -> Floats:
    """Divide each sum by the number of bars in its window, NaN with fewer than `minimum`."""
    for t in range(len(total)):
        total[t] = total[t] / min(t + 1, length) if t + 1 >= minimum else np.nan
    return total


@cached_njit
def _highest(series: Floats, length: int, minimum: int) -> Floats:
    answers = np.full(len(series), np.nan)
    top = 0
    for t in range(len(series)):
        if top < t + 1 - length:
            top = t + 1 - length
            for k in range(top, t):
                if series[k] >= series[top]:
                    top = k
        if series[t] >= series[top]:
            top = t
        if t + 1 >= minimum:
            answers[t] = series[top]
    return answers


@cached_njit
def _sorted_window(series: Floats, level: float, length: int, minimum: int, tail: bool) -> Floats:
    answers = np.full(len(series), np.nan)
    window = np.empty(length)
    count = 0
    for t in range(len(series)):
        place = np.searchsorted(window[:count], series[t])
        if count < length:
            gap = count
            count += 1
        else:
            gap = np.searchsorted(window, series[t - length])
        if place > gap:
            place -= 1
        for k in range(gap, place):
            window[k] = window[k + 1]
        for k in range(gap, place, -1):
            window[k] = window[k - 1]
        window[place] = series[t]
        if count >= minimum:
            rank = max(int(np.ceil(level * count)), 1)
            if tail:
                total = 0.0
                for k in range(rank):
                    total += window[k]
                answers[t] = total / rank
            else:
                answers[t] = window[rank - 1]
    return answers


@cached_njit
def _regression(y: Floats, x: Floats, length: int, minimum: int, standardised: bool) -> Floats:
    mean_y, mean_x = _mean(y, length, 1), _mean(x, length, 1)
    sums = np.zeros((3, len(y)))
    for first in range(0, len(y), CHUNK_ROWS):
        for back in range(length - 1, -1, -1):
            xx, of_x = _lagged(sums[0], x, first, back)
            yy, of_y = _lagged(sums[1], y, first, back)
            xy, _ = _lagged(sums[2], y, first, back)
            middle_x, _ = _lagged(mean_x, x, first, back)
            middle_y, _ = _lagged(mean_y, y, first, back)
            for t in range(len(xx)):
                dx, dy = of_x[t] - middle_x[t], of_y[t] - middle_y[t]
                xx[t] += dx * dx
                xy[t] += dx * dy
                yy[t] += dy * dy
    answers = np.full(len(y), np.nan)
    for t in range(minimum - 1, len(y)):
        xx_t, yy_t, xy_t = sums[0, t], sums[1, t], sums[2, t]
        scale = np.sqrt(xx_t) * np.sqrt(yy_t) if standardised else xx_t
        if scale > 0.0:
            answers[t] = xy_t / scale
    return answers
