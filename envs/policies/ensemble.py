"""Several policies combined into one forecast: bagged probabilities, shrunk where they disagree.

Each member's signal, times its temper, is the log-odds of a probability p_m of being long. The
ensemble's probability is their weighted mean p (bagging: Breiman 1996; linear opinion pool: Stone
1961). The variance of the outcome under a member drawn by weight has two parts, the uncertainty
within members and the disagreement between them (law of total variance): p (1 - p) = Σ w p_m (1 -
p_m) + Σ w (p_m - p)². The first part's share is the *agreement*, and the evidence is agreement x
log-odds of p: members that agree keep all of it.

Weights may differ by regime. The regime is computed from the observation itself, so that the agent
stays a function of the panel. The forecast of a row does not depend on the other rows of the batch.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from domain.panel import Floats
from envs.observation import FEATURES
from envs.policies.network import IntArray
from quant.jit import cached_njit

MEMBER_REGIMES = tuple(
    f"{volatility}, {trend}"
    for volatility in ("calm", "restless")
    for trend in ("falling", "sideways", "rising")
)
"""Restless: volatility over 10 bars above that over 60. Rising, falling: a 60-bar return above 1 or
below -1 volatilities."""
MAX_LOG_ODDS = 20.0
"""Tempered signals are clipped to ±`MAX_LOG_ODDS`, so that no probability reaches 1."""


@dataclass(frozen=True, slots=True, eq=False)
class EnsembleForecast:
    """(M,) log-odds of the mean probability, and the agreement of the members, above 0 and up to
    1."""

    log_odds: Floats
    agreement: Floats

    @property
    def evidence(self) -> Floats:
        return self.agreement * self.log_odds


def classify_regimes(x: Floats, mean: Floats, scale: Floats) -> IntArray:
    """Return (M,) the index in MEMBER_REGIMES of each of M standardised observations `x` (M, K)."""
    turbulence, trend = FEATURES.index("volatility 10/60"), FEATURES.index("return 60")
    restless = x[:, turbulence] > (1.0 - mean[turbulence]) / scale[turbulence]
    falling = x[:, trend] < (-1.0 - mean[trend]) / scale[trend]
    rising = x[:, trend] > (1.0 - mean[trend]) / scale[trend]
    return np.asarray(3 * restless + 1 + rising - 1 * falling, np.int64)


def pool_signals(
    signals: Floats, tempers: Floats, weights: Floats, regime: IntArray | None
) -> EnsembleForecast:
    """Pool `signals` (members, M) times `tempers` (members,), under `weights` (regimes, members):
    the row named by `regime` (M,), the first row where it is None."""
    if regime is None:
        regime = np.zeros(signals.shape[1], np.int64)
    log_odds, agreement = np.empty(signals.shape[1]), np.empty(signals.shape[1])
    _pool_rows(signals, tempers, weights, regime, log_odds, agreement)
    return EnsembleForecast(log_odds, agreement)


@cached_njit
def _pool_rows(
    signals: Floats,
    tempers: Floats,
    weights: Floats,
    regime: IntArray,
    log_odds: Floats,
    agreement: Floats,
) -> None:
    """Members are the inner loop: a compiler that vectorises the exponentials then takes those of
    one row, so no result depends on the row's neighbours."""
    for row in range(signals.shape[1]):
        rise, fall, own = 0.0, 0.0, 0.0
        for member in range(signals.shape[0]):
            tempered = min(max(tempers[member] * signals[member, row], -MAX_LOG_ODDS), MAX_LOG_ODDS)
            odds = math.exp(tempered)
            down = 1.0 / (1.0 + odds)
            up = odds * down
            weight = weights[regime[row], member]
            rise += weight * up
            fall += weight * down
            own += weight * (up * down)
        log_odds[row] = math.log(rise / fall)
        agreement[row] = min(own / (rise * fall), 1.0)


def regime_weights(
    scores: Floats, regime: IntArray, algorithms: Sequence[str], horizon: int
) -> Floats:
    """Return (regimes, members) weights that favour, in each regime, the algorithms that forecast
    better there.

    `scores` (members, T, N) are the log scores of each member's forecasts on the validation period
    (NaN where there is none), `regime` (T, N) is its index in MEMBER_REGIMES, `algorithms` names
    the algorithm of each member. From equal prior weights, the weight of a member follows from its
    algorithm's mean score and the number of observations n: exp(n (score - best)), normalised
    (pseudo-BMA: Yao, Vehtari, Simpson and Gelman 2018, after Akaike 1978). Outcomes overlap over
    `horizon` bars and symbols move together, so n counts bars, not cells, and `horizon` bars count
    as one. In a rare regime n is small and the weights stay nearly equal.
    """
    known = ~np.isnan(scores).any(axis=0)
    weights = np.full((len(MEMBER_REGIMES), len(scores)), 1.0 / len(scores))
    for which in range(len(MEMBER_REGIMES)):
        inside = known & (regime == which)
        if not inside.any():
            continue
        count = inside.any(axis=1).sum() / horizon
        own = scores[:, inside].mean(axis=1)
        same = np.array([[a == b for b in algorithms] for a in algorithms], np.float64)
        algorithm_score = (same @ own) / same.sum(axis=1)
        scaled = np.exp(count * (algorithm_score - algorithm_score.max()))
        weights[which] = scaled / scaled.sum()
    return weights
