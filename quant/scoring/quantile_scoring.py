"""Scores of a 5% quantile forecast, rival forecasts, and tests of its breaches.

A *breach* is an outcome below its quantile forecast: one in twenty, if the forecast is right.
Arrays are (T, N) or (T,) with NaN in the gaps. The tests assume outcomes that do not overlap, but
those of neighbouring bars do: pass every `horizon` + 1-th bar, so that each forecast is made after
the outcome before it was known (`non_overlapping`).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, xlogy

from quant import rolling
from quant.per_symbol import Floats, pct_change
from quant.risk import symbol_risk

QUANTILE_LEVEL = 0.05
NORMAL_5 = -1.6448536269514722
"""5% quantile of the standard normal distribution."""
HISTORY_OUTCOMES = 250
"""Number of past outcomes in the historical simulation: a year, as is usual at banks."""


def pinball(forecast: Floats, outcome: Floats) -> Floats:
    """Pinball loss of a quantile forecast (Koenker and Bassett 1978), elementwise, in the
    outcome's unit: its mean is smallest for the true quantile."""
    distance = outcome - forecast
    return np.maximum(QUANTILE_LEVEL * distance, (QUANTILE_LEVEL - 1.0) * distance)


def breaches(forecast: Floats, outcome: Floats) -> Floats:
    """1 where the outcome is below the forecast, else 0; NaN where either is NaN."""
    unknown = np.isnan(forecast) | np.isnan(outcome)
    return np.where(unknown, np.nan, outcome < forecast)


def historical_simulation(open_: Floats, horizon: int) -> Floats:
    """Rival forecast: the 5% quantile of the symbol's last `HISTORY_OUTCOMES` outcomes that are
    complete at the row."""
    return rolling.quantile(
        pct_change(open_, horizon), QUANTILE_LEVEL, HISTORY_OUTCOMES, HISTORY_OUTCOMES
    )


def garch_normal(close: Floats, horizon: int) -> Floats:
    """Rival forecast: volatility of a bar, scaled by the root of time, under a normal law."""
    forecast: Floats = NORMAL_5 * np.sqrt(float(horizon)) * symbol_risk.forecast_volatility(close)
    return forecast


@dataclass(frozen=True, slots=True)
class LikelihoodRatioTest:
    """A likelihood ratio and its p-value, the probability of one as large under the hypothesis; NaN
    without data."""

    ratio: float
    p_value: float


def select_non_overlapping(breached: Floats, horizon: int) -> Floats:
    """(K,) every `horizon` + 1-th known value of one symbol's `breached` (T,): outcomes without a
    bar in common."""
    sampled: Floats = breached[~np.isnan(breached)][:: horizon + 1]
    return sampled


def kupiec(breached: Floats) -> LikelihoodRatioTest:
    """Test whether breaches (K,), in time order, are as frequent as `QUANTILE_LEVEL` says.

    The proportion-of-failures test (Kupiec 1995), one degree of freedom.
    """
    if len(breached) == 0:
        return LikelihoodRatioTest(np.nan, np.nan)
    hit = breached.sum()
    miss = len(breached) - hit
    return _ratio_test(
        _log_likelihood(hit, miss, hit / len(breached)) - _log_likelihood(hit, miss, QUANTILE_LEVEL)
    )


def christoffersen(breached: Floats) -> LikelihoodRatioTest:
    """Test whether a breach makes the next more likely, from breaches (K,) in time order.

    The test of independence against a first-order Markov chain (Christoffersen 1998), one degree
    of freedom. Clustered breaches are the sign of a forecast that adapts too slowly.
    """
    if len(breached) < 2:
        return LikelihoodRatioTest(np.nan, np.nan)
    before, now = breached[:-1] > 0.5, breached[1:] > 0.5
    chain = 0.0
    for past in (True, False):
        hit, miss = float((now & (before == past)).sum()), float((~now & (before == past)).sum())
        chain += _log_likelihood(hit, miss, hit / max(hit + miss, 1.0))
    hit, miss = float(now.sum()), float((~now).sum())
    return _ratio_test(chain - _log_likelihood(hit, miss, hit / (hit + miss)))


def _log_likelihood(hit: float, miss: float, rate: float) -> float:
    """Log-likelihood of these counts if breaches are independent with `rate`."""
    return float(xlogy(hit, rate) + xlogy(miss, 1.0 - rate))


def _ratio_test(gain: float) -> LikelihoodRatioTest:
    ratio = max(2.0 * gain, 0.0)
    return LikelihoodRatioTest(ratio, float(chdtrc(1, ratio)))
