"""A record beside its benchmark, bar by bar. NaN where the `ReturnSeries` has none.

The regression is ordinary least squares of returns on the benchmark's, without a riskless rate
(subtract one from both before, where there is one).
"""

import numpy as np

from quant.jit import cached_njit
from quant.per_symbol import ratio
from quant.performance.return_metrics import cagr
from quant.risk.return_series import Floats, ReturnSeries


def beta(series: ReturnSeries) -> Floats:
    """NaN where the benchmark never changes."""
    covariance, variance = series.comoments
    return ratio(covariance, variance)


def alpha(series: ReturnSeries) -> Floats:
    """Jensen's: what is earned a year beyond beta times the benchmark, not compounded."""
    beyond = series.mean - beta(series) * _benchmark_returns(series).mean(axis=-1)
    return np.asarray(beyond * series.periods_per_year)


def r_squared(series: ReturnSeries) -> Floats:
    covariance, variance = series.comoments
    return ratio(covariance * covariance, variance * series.moments[0])


def tracking_error(series: ReturnSeries) -> Floats:
    _, spread = series.active_moments
    return np.asarray(spread * np.sqrt(series.periods_per_year))


def information_ratio(series: ReturnSeries) -> Floats:
    mean, spread = series.active_moments
    return np.asarray(ratio(mean, spread) * np.sqrt(series.periods_per_year))


def treynor(series: ReturnSeries) -> Floats:
    """NaN where beta is not positive: a ratio to negative risk ranks backwards."""
    return ratio(series.mean * series.periods_per_year, beta(series))


def active_return(series: ReturnSeries) -> Floats:
    return cagr(series) - cagr(ReturnSeries(_benchmark_returns(series), series.periods_per_year))


def up_capture(series: ReturnSeries) -> Floats:
    return _capture(series, 1.0)


def down_capture(series: ReturnSeries) -> Floats:
    return _capture(series, -1.0)


def _benchmark_returns(series: ReturnSeries) -> Floats:
    if series.benchmark is None:
        return np.full_like(series.returns, np.nan)
    return series.benchmark


def _capture(series: ReturnSeries, sign: float) -> Floats:
    """Geometric mean of the bars on which the benchmark rose (or fell), over the benchmark's."""
    shape = series.returns.shape
    grown = _captured_growth(
        series.returns.reshape(-1, shape[-1]),
        _benchmark_returns(series).reshape(-1, shape[-1]),
        sign,
    )
    with np.errstate(invalid="ignore"):
        mean = sign * (grown[:, :2] ** ratio(np.ones(len(grown)), grown[:, 2])[:, np.newaxis] - 1.0)
    return ratio(mean[:, 0], mean[:, 1]).reshape(shape[:-1])


@cached_njit
def _captured_growth(returns: Floats, other: Floats, sign: float) -> Floats:
    """Of each record: its growth and its benchmark's on the bars with the benchmark's `sign`,
    and how many they are."""
    answers = np.ones((len(returns), 3))
    for k in range(len(returns)):
        ours, theirs, bars = 1.0, 1.0, 0
        for t in range(returns.shape[1]):
            if sign * other[k, t] > 0.0:
                ours *= 1.0 + returns[k, t]
                theirs *= 1.0 + other[k, t]
                bars += 1
        answers[k, 0], answers[k, 1], answers[k, 2] = ours, theirs, bars
    return answers
