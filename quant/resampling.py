"""Confidence intervals by resampling blocks of a time series: the stationary bootstrap.

Returns and forecasts are serially dependent, so single rows must not be drawn: the stationary
bootstrap (Politis and Romano 1994) draws blocks of random, geometric length and wraps around the
end. The same seed gives the same draws; block lengths are in rows. NaN marks what is unknown: a
figure without observations, an interval of a series with too few blocks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quant.jit import cached_njit

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

MIN_ROWS, MIN_BLOCKS = 10, 5
"""With fewer, an interval would be misleadingly narrow: resampling one block only rotates it."""


@dataclass(frozen=True, slots=True)
class IntervalEstimate:
    """A figure, its 90% interval and the number of observations behind it; NaN where unknown."""

    value: float
    low: float
    high: float
    n: int


def stationary_indices(n: int, block: float, samples: int, seed: int | Sequence[int]) -> Indices:
    """Draw (samples, n) row indices of a series of n rows, in blocks of `block` rows on average.

    To draw in parts, give each part its own `seed` of several numbers.
    """
    return _indices(n, block, samples, np.random.default_rng(seed))


def has_enough_blocks(n: int, block: float) -> bool:
    """Whether n rows contain enough blocks for an interval."""
    return n >= MIN_ROWS and n >= MIN_BLOCKS * block


def percentile_interval(values: Floats, value: float, n: int) -> IntervalEstimate:
    """`value` between the 5% and 95% quantiles of its resampled `values` (samples,).

    The percentile interval stays within the figure's range (a drawdown stays below zero, a rate
    within its bounds) and is the same on any scale, unlike an interval from a standard error. It
    does not correct bias: where resampling itself shifts a figure, the value may lie near an end.
    NaN where fewer than half the samples have a value.
    """
    known = values[np.isfinite(values)]
    if len(known) == 0 or 2 * len(known) < len(values):
        return IntervalEstimate(value, np.nan, np.nan, n)
    low, high = np.quantile(known, (0.05, 0.95))
    return IntervalEstimate(value, float(low), float(high), n)


def ratio_estimate(
    numerator: Floats, denominator: Floats, block: float, samples: int = 1000, seed: int = 0
) -> IntervalEstimate:
    """Sum of `numerator` over sum of `denominator` (R,), rows drawn together.

    A row with NaN in either is left out before drawing; n counts the rows that remain. NaN
    where the denominators add up to zero; no interval where the rows are not `has_enough_blocks`.
    """
    known = np.isfinite(numerator) & np.isfinite(denominator)
    above = np.asarray(numerator[known], np.float64)
    below = np.asarray(denominator[known], np.float64)
    n, total = len(above), below.sum()
    value = float(above.sum() / total) if total != 0 else np.nan
    if not has_enough_blocks(n, block):
        return IntervalEstimate(value, np.nan, np.nan, n)
    drawn = _ratios(above, below, block, samples, np.random.default_rng(seed))
    return percentile_interval(drawn, value, n)


def mean_estimate(
    values: Floats, block: float, samples: int = 1000, seed: int = 0
) -> IntervalEstimate:
    """Mean of `values` (R,) without its NaN."""
    return ratio_estimate(values, np.ones(len(values)), block, samples, seed)


def block_length(series: Floats) -> float:
    """Mean block length, in rows, that suits the dependence in `series` (R,); at least 1.

    Politis and White (2004) with Patton, Politis and White's correction (2009), for the
    stationary bootstrap and the mean. NaN are left out; 1 for a series that is too short or
    never changes.
    """
    known = np.asarray(series[np.isfinite(series)], np.float64)
    n = len(known)
    if n < MIN_ROWS or known.min() == known.max():
        return 1.0
    needed = max(5, int(np.log10(n)))
    farthest = min(int(np.ceil(np.sqrt(n))) + needed, n - 2)
    covariance, correlation = _dependence(known, farthest)
    bandwidth = _bandwidth(np.abs(correlation), needed, 2 * np.sqrt(np.log10(n) / n), farthest)
    lags = np.arange(1, bandwidth + 1)
    window = np.minimum(1.0, 2 * (1 - lags / bandwidth))  # the flat-top lag window
    weighted = 2 * window * covariance[1 : bandwidth + 1]
    bias, long_run = float((lags * weighted).sum()), covariance[0] + float(weighted.sum())
    if long_run == 0:
        return 1.0
    longest = np.ceil(min(3 * np.sqrt(n), n / 3))
    return float(np.clip((bias**2 / long_run**2 * n) ** (1 / 3), 1.0, longest))


def _dependence(series: Floats, farthest: int) -> tuple[Floats, Floats]:
    """Autocovariances and autocorrelations at lags 0 to `farthest`, through one Fourier
    transform."""
    n = len(series)
    centred = series - series.mean()
    spectrum = np.fft.rfft(centred, n + farthest + 1)
    products = np.fft.irfft(np.abs(spectrum) ** 2, n + farthest + 1)[: farthest + 1]
    energy = np.concatenate(([0.0], np.cumsum(centred**2)))
    later = energy[-1] - energy[1 : farthest + 2]
    earlier = energy[n - farthest - 1 : n][::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        return products / n, products / np.sqrt(later * earlier)


def _bandwidth(size: Floats, needed: int, limit: float, farthest: int) -> int:
    """Twice the last lag before `needed` insignificant ones in a row."""
    for first in range(farthest + 1 - needed):
        if (size[first : first + needed] < limit).all():
            return min(2 * max(first, 1), farthest)
    return farthest


@cached_njit
def _block(n: int, block: float, generator: np.random.Generator) -> tuple[int, int]:
    """Draw a first row and a geometric length with mean `block`."""
    first = int(generator.random() * n)
    if block <= 1.0:
        return first, 1
    longest = float(n)  # a longer block is cut where the sample is full
    length = 1.0 + np.floor(np.log(1.0 - generator.random()) / np.log(1.0 - 1.0 / block))
    return first, int(min(length, longest))


@cached_njit
def _indices(n: int, block: float, samples: int, generator: np.random.Generator) -> Indices:
    answers = np.empty((samples, n), np.intp)
    for sample in range(samples):
        filled = 0
        while filled < n:
            row, length = _block(n, block, generator)
            for _ in range(min(length, n - filled)):
                answers[sample, filled] = row
                filled += 1
                row += 1
                if row == n:
                    row = 0
    return answers


@cached_njit
def _ratios(
    above: Floats, below: Floats, block: float, samples: int, generator: np.random.Generator
) -> Floats:
    """(samples,) ratios. A block's sums are differences of running sums, so that a sample costs as
    many steps as it has blocks."""
    n = len(above)
    over, under = np.zeros(2 * n + 1), np.zeros(2 * n + 1)
    for k in range(2 * n):
        over[k + 1] = over[k] + above[k % n]
        under[k + 1] = under[k] + below[k % n]
    answers = np.full(samples, np.nan)
    for sample in range(samples):
        filled = 0
        numerator, denominator = 0.0, 0.0
        while filled < n:
            row, length = _block(n, block, generator)
            length = min(length, n - filled)
            numerator += over[row + length] - over[row]
            denominator += under[row + length] - under[row]
            filled += length
        if denominator != 0.0:
            answers[sample] = numerator / denominator
    return answers
