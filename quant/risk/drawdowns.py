"""Drawdowns: how far a record fell below its highest point, and for how long.

Wealth begins at one, so a first loss is a drawdown too. A drawdown lasts from the bar of its peak
to the bar that reaches the peak again, or to the last bar where none does. Bars are converted to
days by 365.25 / bars a year; `deepest_drawdowns` returns rows, which give exact dates.
"""

from dataclasses import dataclass

import numpy as np

from quant.jit import cached_njit
from quant.per_symbol import ratio
from quant.risk.return_series import Floats, ReturnSeries

DAYS_PER_YEAR = 365.25


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The rows of the peak (-1: before the first bar), the lowest point and the recovery (None
    while it lasts), and the depth as a negative fraction of the peak."""

    peak: int
    trough: int
    recovery: int | None
    depth: float


def max_drawdown(series: ReturnSeries) -> Floats:
    return np.asarray(series.drawdown.min(axis=-1))


def average_drawdown(series: ReturnSeries) -> Floats:
    """Mean depth of all drawdowns; NaN without any."""
    return _durations(series)[..., 0]


def longest_drawdown(series: ReturnSeries) -> Floats:
    """Length of the longest drawdown in days; 0 without any."""
    return np.asarray(_durations(series)[..., 1] * DAYS_PER_YEAR / series.periods_per_year)


def average_drawdown_length(series: ReturnSeries) -> Floats:
    """Mean length of all drawdowns in days; NaN without any."""
    return np.asarray(_durations(series)[..., 2] * DAYS_PER_YEAR / series.periods_per_year)


def time_under_water(series: ReturnSeries) -> Floats:
    """Share of bars that closed below an earlier high."""
    return np.asarray((series.drawdown < 0.0).mean(axis=-1))


def ulcer_index(series: ReturnSeries) -> Floats:
    """Root of the mean squared depth."""
    return np.asarray(np.sqrt((series.drawdown * series.drawdown).mean(axis=-1)))


def recovery_factor(series: ReturnSeries) -> Floats:
    """Total return over the deepest drawdown; NaN without one."""
    return ratio(series.wealth[..., -1] - 1.0, -max_drawdown(series))


def deepest_drawdowns(returns: Floats, count: int = 10) -> tuple[Drawdown, ...]:
    """The `count` deepest drawdowns of one record (T,), deepest first."""
    if not np.isfinite(returns).all():
        return ()
    depth = ReturnSeries(returns, 1.0).drawdown
    below = np.concatenate(([False], depth < 0.0, [False]))
    begins = np.flatnonzero(below[1:] & ~below[:-1])
    ends = np.flatnonzero(below[:-1] & ~below[1:])
    found = []
    for first, after in zip(begins.tolist(), ends.tolist(), strict=True):
        valley = first + int(np.argmin(depth[first:after]))
        recovery = after if after < len(depth) else None
        found.append(Drawdown(first - 1, valley, recovery, float(depth[valley])))
    return tuple(sorted(found, key=lambda each: each.depth)[:count])


def _durations(series: ReturnSeries) -> Floats:
    depth = series.drawdown.reshape(-1, series.n)
    return _drawdown_statistics(depth).reshape(*series.drawdown.shape[:-1], 3)


@cached_njit
def _drawdown_statistics(depth: Floats) -> Floats:
    """For each record: mean depth of its drawdowns, bars of the longest, mean bars."""
    records, length = depth.shape
    answers = np.full((records, 3), np.nan)
    for k in range(records):
        episodes, bars, longest, peak = 0, 0, 0, -1
        total, lowest = 0.0, 0.0  # `lowest` is 0 exactly where there is no current drawdown
        for t in range(length + 1):
            under = t < length and depth[k, t] < 0.0
            if under:
                peak = t - 1 if lowest == 0.0 else peak
                lowest = min(lowest, depth[k, t])
            elif lowest < 0.0:
                lasted = min(t, length - 1) - peak
                episodes, bars, total = episodes + 1, bars + lasted, total + lowest
                longest, lowest = max(longest, lasted), 0.0
        answers[k, 1] = longest
        if episodes:
            answers[k, 0], answers[k, 2] = total / episodes, bars / episodes
    return answers
