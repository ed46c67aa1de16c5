"""The shape of a record's return distribution: tails, skew and kurtosis.

Every function takes a `ReturnSeries` and returns (...,). Quantiles interpolate between neighbours,
as in numpy. NaN for too few bars, and for the shape of a record with constant returns.
"""

import numpy as np

from quant.per_symbol import ratio
from quant.risk.return_series import Floats, ReturnSeries

TAIL_LEVEL = 0.05


def value_at_risk(series: ReturnSeries) -> Floats:
    """The return below which the worst 5% of bars lie (negative: a loss)."""
    return _quantile(series.sorted_returns, TAIL_LEVEL)


def expected_shortfall(series: ReturnSeries) -> Floats:
    """Mean of the bars at or below the value at risk."""
    worst = int(np.floor((series.n - 1) * TAIL_LEVEL)) + 1
    return np.asarray(series.sorted_returns[..., :worst].mean(axis=-1))


def tail_ratio(series: ReturnSeries) -> Floats:
    """95% quantile over minus the 5% quantile; NaN where fewer than 5% of the bars lost."""
    return ratio(
        _quantile(series.sorted_returns, 1.0 - TAIL_LEVEL),
        -_quantile(series.sorted_returns, TAIL_LEVEL),
    )


def skew(series: ReturnSeries) -> Floats:
    """Sample skewness G1, corrected for bias; NaN below three bars."""
    n = series.n
    second, third, _ = series.moments
    if n < 3:
        return np.full(second.shape, np.nan)
    return np.asarray(ratio(third, second**1.5) * (np.sqrt(n * (n - 1)) / (n - 2)))


def kurtosis(series: ReturnSeries) -> Floats:
    """Sample excess kurtosis G2, corrected for bias, 0 for a normal distribution; NaN below four
    bars."""
    n = series.n
    second, _, fourth = series.moments
    if n < 4:
        return np.full(second.shape, np.nan)
    excess = ratio(fourth, second * second) - 3.0
    return np.asarray((n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * excess + 6.0))


def _quantile(ordered: Floats, level: float) -> Floats:
    place = (ordered.shape[-1] - 1) * level
    low = int(np.floor(place))
    high = min(low + 1, ordered.shape[-1] - 1)
    below = ordered[..., low]
    return np.asarray(below + (ordered[..., high] - below) * (place - low))
