"""Metrics of a record against its benchmark, bar by bar; NaN where `ReturnSeries` has none.

The regression is ordinary least squares of the returns on the benchmark's, without a riskless rate
(to use one, subtract it from both first).
"""

import numpy as np

from quant.jit import cached_njit
from quant.per_symbol import ratio
from quant.performance.return_metrics import cagr
from quant.risk.return_series import Floats, ReturnSeries


def beta(series: ReturnSeries) -> Floats:
    """Slope of the regression; NaN where the benchmark's returns are constant."""
    covariance, variance = series.comoments
    return ratio(covariance, variance)


def alpha(series: ReturnSeries) -> Floats:
    """Jensen's alpha: yearly return beyond beta times the benchmark's, not compounded."""
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
    """Yearly mean return over beta; NaN where beta is not positive: the ranking would reverse."""
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
    """Geometric mean return on bars where the benchmark rose (or fell), over the benchmark's."""
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
    """For each record: its growth and the benchmark's on bars where the benchmark's return has
    `sign`, and the number of those bars."""
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
