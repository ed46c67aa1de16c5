"""Metrics of return, risk and risk-adjusted return.

Every function takes a `ReturnSeries` and returns (...,), shares as fractions. NaN where the metric
is undefined: a ratio to a risk of zero, a share of nothing. The sources are in `metrics.METRICS`.
"""

import numpy as np

from quant.jit import cached_njit
from quant.per_symbol import ratio
from quant.risk.drawdowns import max_drawdown, ulcer_index
from quant.risk.return_series import Floats, ReturnSeries


def total_return(series: ReturnSeries) -> Floats:
    return np.asarray(series.wealth[..., -1] - 1.0)


def cagr(series: ReturnSeries) -> Floats:
    """Compound annual growth rate; NaN once wealth is below zero."""
    end = series.wealth[..., -1]
    with np.errstate(over="ignore"):
        grown = np.maximum(end, 0.0) ** (1.0 / series.years) - 1.0
    return np.where(end >= 0.0, grown, np.nan)


def volatility(series: ReturnSeries) -> Floats:
    return np.asarray(series.deviation * np.sqrt(series.periods_per_year))


def sharpe(series: ReturnSeries) -> Floats:
    return np.asarray(ratio(series.mean, series.deviation) * np.sqrt(series.periods_per_year))


def sortino(series: ReturnSeries) -> Floats:
    """Only losses count as risk, averaged over all bars."""
    losses = np.minimum(series.returns, 0.0)
    downside = np.sqrt((losses * losses).mean(axis=-1))
    return np.asarray(ratio(series.mean, downside) * np.sqrt(series.periods_per_year))


def calmar(series: ReturnSeries) -> Floats:
    return ratio(cagr(series), -max_drawdown(series))


def martin(series: ReturnSeries) -> Floats:
    return ratio(cagr(series), ulcer_index(series))


def omega(series: ReturnSeries) -> Floats:
    """Sum of gains over sum of losses: the threshold is zero."""
    return ratio(_gains(series), _losses(series))


def payoff(series: ReturnSeries) -> Floats:
    wins, losses = (series.returns > 0.0).sum(axis=-1), (series.returns < 0.0).sum(axis=-1)
    return ratio(ratio(_gains(series), wins), ratio(_losses(series), losses))


def win_rate(series: ReturnSeries) -> Floats:
    """Share of bars with a gain, without bars that neither gain nor lose."""
    return win_fraction(series.returns)


def win_fraction(returns: Floats) -> Floats:
    """Fraction (...,) of gains among gains and losses of `returns` (..., T); NaN without either."""
    return ratio((returns > 0.0).sum(axis=-1), (returns != 0.0).sum(axis=-1))


def kelly(series: ReturnSeries) -> Floats:
    won = win_rate(series)
    return won - ratio(1.0 - won, payoff(series))


def best_bar(series: ReturnSeries) -> Floats:
    return np.asarray(series.sorted_returns[..., -1])


def worst_bar(series: ReturnSeries) -> Floats:
    return np.asarray(series.sorted_returns[..., 0])


def stability(series: ReturnSeries) -> Floats:
    """R² of a straight line fitted to the logarithm of wealth."""
    positive = (series.wealth > 0.0).all(axis=-1) & (series.deviation > 0.0)
    path = np.log(np.where(positive[..., np.newaxis], series.wealth, 1.0))
    path = path - path.mean(axis=-1)[..., np.newaxis]
    time = np.arange(series.n) - (series.n - 1) / 2
    covered = (path * time).sum(axis=-1)
    fit = ratio(covered * covered, (path * path).sum(axis=-1) * (time * time).sum())
    return np.where(positive, fit, np.nan)


def longest_wins(series: ReturnSeries) -> Floats:
    return _longest_streak(series, 1.0)


def longest_losses(series: ReturnSeries) -> Floats:
    return _longest_streak(series, -1.0)


def _gains(series: ReturnSeries) -> Floats:
    return np.asarray(np.maximum(series.returns, 0.0).sum(axis=-1))


def _losses(series: ReturnSeries) -> Floats:
    return -np.asarray(np.minimum(series.returns, 0.0).sum(axis=-1))


def _longest_streak(series: ReturnSeries, sign: float) -> Floats:
    runs = _streaks(series.returns.reshape(-1, series.n), sign)
    return runs.reshape(series.returns.shape[:-1])


@cached_njit
def _streaks(returns: Floats, sign: float) -> Floats:
    answers = np.zeros(len(returns))
    for k in range(len(returns)):
        run = 0
        for t in range(returns.shape[1]):
            run = run + 1 if sign * returns[k, t] > 0.0 else 0
            answers[k] = max(answers[k], run)
    return answers
