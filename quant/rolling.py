"""Trailing windows over each symbol's own bars.

Each window is computed afresh, or kept as a sorted list, never as a running sum: no rounding
drifts, and a series that stands still has a spread of exactly zero. Arrays are (T, N) or (T,)
float64 with NaN in the holes; row t uses its last `length` bars up to t, and where there are
fewer than `minimum` it is NaN.
"""

import numpy as np

from quant.columns import Floats, by_symbol
from quant.compiled import compiled


def mean(values: Floats, length: int, minimum: int) -> Floats:
    return by_symbol(lambda s: _mean(s, length, minimum), values)


def variance(values: Floats, length: int, minimum: int) -> Floats:
    """Mean squared distance from the window's mean."""
    return by_symbol(lambda s: _variance(s, length, minimum), values)


def highest(values: Floats, length: int, minimum: int) -> Floats:
    return by_symbol(lambda s: _highest(s, length, minimum), values)


def quantile(values: Floats, level: float, length: int, minimum: int) -> Floats:
    """Lower empirical quantile: the smallest value with at least `level` of the window below
    or at it."""
    return by_symbol(lambda s: _sorted_window(s, level, length, minimum, False), values)


def tail_mean(values: Floats, level: float, length: int, minimum: int) -> Floats:
    """Mean of the lowest `level` of the window: expected shortfall, with the sign of a return."""
    return by_symbol(lambda s: _sorted_window(s, level, length, minimum, True), values)


def slope(of: Floats, on: Floats, length: int, minimum: int) -> Floats:
    """Least-squares slope of `of` on `on` (a beta); NaN where `on` stands still."""
    return by_symbol(lambda y, x: _regression(y, x, length, minimum, False), of, on)


def correlation(of: Floats, on: Floats, length: int, minimum: int) -> Floats:
    """Pearson's; NaN where either stands still."""
    return by_symbol(lambda y, x: _regression(y, x, length, minimum, True), of, on)


@compiled
def _mean(series: Floats, length: int, minimum: int) -> Floats:
    answers = np.full(len(series), np.nan)
    for t in range(minimum - 1, len(series)):
        start = max(t + 1 - length, 0)
        total = 0.0
        for k in range(start, t + 1):
            total += series[k]
        answers[t] = total / (t + 1 - start)
    return answers


@compiled
def _variance(series: Floats, length: int, minimum: int) -> Floats:
    answers = _mean(series, length, minimum)
    for t in range(minimum - 1, len(series)):
        start = max(t + 1 - length, 0)
        total = 0.0
        for k in range(start, t + 1):
            distance = series[k] - answers[t]
            total += distance * distance
        answers[t] = total / (t + 1 - start)
    return answers


@compiled
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


@compiled
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


@compiled
def _regression(y: Floats, x: Floats, length: int, minimum: int, standardised: bool) -> Floats:
    answers = np.full(len(y), np.nan)
    for t in range(minimum - 1, len(y)):
        start = max(t + 1 - length, 0)
        mean_x = mean_y = 0.0
        for k in range(start, t + 1):
            mean_x += x[k]
            mean_y += y[k]
        mean_x /= t + 1 - start
        mean_y /= t + 1 - start
        xx = xy = yy = 0.0
        for k in range(start, t + 1):
            dx, dy = x[k] - mean_x, y[k] - mean_y
            xx += dx * dx
            xy += dx * dy
            yy += dy * dy
        scale = np.sqrt(xx) * np.sqrt(yy) if standardised else xx
        if scale > 0.0:
            answers[t] = xy / scale
    return answers
