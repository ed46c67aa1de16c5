"""Was the bad case forecast well? Scores of a 5% quantile, its rivals, and tests of its breaches.

A *breach* is an outcome below the quantile forecast for it: one in twenty, if the forecast is
right. Arrays are (T, N) or (T,) with NaN in the holes. The tests assume outcomes that do not
overlap, which those of neighbouring bars do: give them every `horizon` + 1-th bar, where each
forecast is made after the outcome before it was known (`non_overlapping`).
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
"""Past outcomes of the historical simulation: the banks' usual year."""


def pinball(forecast: Floats, outcome: Floats) -> Floats:
    """Pinball loss of a quantile forecast (Koenker and Bassett 1978), elementwise, in the
    outcome's unit: no other forecast than the true quantile has a smaller mean."""
    distance = outcome - forecast
    return np.maximum(QUANTILE_LEVEL * distance, (QUANTILE_LEVEL - 1.0) * distance)


def breaches(forecast: Floats, outcome: Floats) -> Floats:
    """1 where the outcome fell below the forecast, else 0; NaN where either is."""
    unknown = np.isnan(forecast) | np.isnan(outcome)
    return np.where(unknown, np.nan, outcome < forecast)


def historical_simulation(open_: Floats, horizon: int) -> Floats:
    """Rival: the 5% quantile of the symbol's last `HISTORY_OUTCOMES` outcomes complete at the
    row."""
    return rolling.quantile(
        pct_change(open_, horizon), QUANTILE_LEVEL, HISTORY_OUTCOMES, HISTORY_OUTCOMES
    )


def garch_normal(close: Floats, horizon: int) -> Floats:
    """Rival: the forecast volatility of a bar, scaled by the root of time, under a normal law."""
    forecast: Floats = NORMAL_5 * np.sqrt(float(horizon)) * symbol_risk.forecast_volatility(close)
    return forecast


@dataclass(frozen=True, slots=True)
class LikelihoodRatioTest:
    """A likelihood ratio and the chance of one as large were the hypothesis true; NaN where
    there is nothing to test."""

    ratio: float
    p_value: float


def non_overlapping(breached: Floats, horizon: int) -> Floats:
    """Of one symbol's breaches (T,), those of every `horizon` + 1-th bar that has one or none
    (K,): outcomes without a bar in common."""
    sampled: Floats = breached[~np.isnan(breached)][:: horizon + 1]
    return sampled


def kupiec(breached: Floats) -> LikelihoodRatioTest:
    """Are breaches as frequent as `QUANTILE_LEVEL` says? Of breaches (K,) in order of time.

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
    """Does a breach make the next more likely? Of breaches (K,) in order of time.

    The test of independence against a first-order Markov chain (Christoffersen 1998), one degree
    of freedom. Breaches that come in clusters are what a forecast too slow looks like.
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
    """Logarithm of the chance of these counts, were breaches independent with `rate`."""
    return float(xlogy(hit, rate) + xlogy(miss, 1.0 - rate))


def _ratio_test(gain: float) -> LikelihoodRatioTest:
    ratio = max(2.0 * gain, 0.0)
    return LikelihoodRatioTest(ratio, float(chdtrc(1, ratio)))
