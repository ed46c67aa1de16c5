"""Calibration slopes: how far to trust a forecaster's evidence, estimated from past outcomes.

A forecast's evidence e is its log-odds less those of the base rate p. A slope s scales it: the
forecast becomes log-odds(p) + s * e. The slope is a logistic regression of the outcome y on e with
the base rate as offset, shrunk towards 1 by a ridge, in one Newton step from s = 0, so that two
running sums are the whole state:

    s = (prior * d + sum of e (y - p)) / (prior * d + sum of e^2 p (1 - p)), within 0 to 2

Cox, "Two further applications of a model for binary regression", 1958 (the slope); Ranjan and
Gneiting, "Combining probability forecasts", 2010, and Satopaa et al., "Combining multiple
probability predictions using a simple logit model", 2014 (the same for a pool, which needs a slope
of its own even where its members are calibrated; with a slope above 1 it is called extremised).

d is the design effect (Kish, "Survey sampling", 1965): cells of one round move together and the
horizons of neighbouring rounds overlap, so the first sum has d times the variance that it would
have with independent cells. It is estimated, not assumed: both sums are cut into blocks of
`ROUNDS_PER_BLOCK` rounds, g and i, and with c = sum of g / sum of i, d is the sum of (g - c i)^2
over the sum of i, at least 1 (the clusters of Liang and Zeger, "Longitudinal data analysis using
generalized linear models", 1986). Leaves out whose slope it is, and delays
(`orchestrator/committee/learned_weights.py`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quant.jit import cached_njit

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

PRIOR_PRECISION = 4.0
"""Before any evidence the slope is 1 with a standard deviation of 1 / sqrt(4), a half."""
ROUNDS_PER_BLOCK = 21
"""Rounds in a block, a month of daily bars; must be long against the horizon, or d is too low."""
MIN_BLOCKS = 12
"""Blocks (252 rounds, a year of daily bars) before a slope leaves 1; with fewer, the error of d
would exceed 40%."""
MAX_SLOPE = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class CalibrationState:
    """The state of K forecasters.

    `sums` (5, K) over each one's complete blocks, of g, i, g^2, g i and i^2, where g is a block's
    sum of e (y - p) and i its sum of e^2 p (1 - p). `block` (2, K): g and i of the current,
    incomplete block. `rounds` (K,): how many each voted in.
    """

    sums: Floats
    block: Floats
    rounds: Counts


def initial_state(forecasters: int) -> CalibrationState:
    return CalibrationState(
        np.zeros((5, forecasters)), np.zeros((2, forecasters)), np.zeros(forecasters, np.int64)
    )


def slopes(state: CalibrationState) -> Floats:
    """(K,) current slopes, 1 without enough complete blocks. They change once a block."""
    every = range(len(state.rounds))
    return np.array([_slope(state.sums[:, k], state.rounds[k]) for k in every])


def update(
    state: CalibrationState, evidence: Floats, base_rate: Floats, rose: Floats
) -> tuple[CalibrationState, Floats]:
    """Return the state after R more rounds, and the slopes (R, K) after each.

    `evidence` (K, R, N) is NaN where nothing was forecast; `base_rate` (R, N) a probability;
    `rose` (R, N) is 1 or 0, NaN in a cell that does not count.
    """
    sums, block, rounds = state.sums.copy(), state.block.copy(), state.rounds.copy()
    slopes_after = _update(sums, block, rounds, evidence, base_rate, rose)
    return CalibrationState(sums, block, rounds), slopes_after


@cached_njit
def _update(
    sums: Floats,
    block: Floats,
    rounds: Counts,
    evidence: Floats,
    base_rate: Floats,
    rose: Floats,
) -> Floats:
    """Return the slopes (R, K) after each row; update `sums`, `block` and `rounds` in place."""
    forecasters, rows, columns = evidence.shape
    slopes_after = np.empty((rows, forecasters))
    for k in range(forecasters):
        slope = _slope(sums[:, k], rounds[k])
        for row in range(rows):
            voted = False
            agreement = information = 0.0
            for column in range(columns):
                e, p, y = evidence[k, row, column], base_rate[row, column], rose[row, column]
                if not (np.isnan(e) or np.isnan(p) or np.isnan(y)):
                    voted = True
                    agreement += e * (y - p)
                    information += e * e * p * (1.0 - p)
            if voted:
                rounds[k] += 1
                block[0, k] += agreement
                block[1, k] += information
                if rounds[k] % ROUNDS_PER_BLOCK == 0:
                    _close_block(sums[:, k], block[:, k])
                    slope = _slope(sums[:, k], rounds[k])
            slopes_after[row, k] = slope
    return slopes_after


@cached_njit
def _close_block(sums: Floats, block: Floats) -> None:
    g, i = block[0], block[1]
    sums[0] += g
    sums[1] += i
    sums[2] += g * g
    sums[3] += g * i
    sums[4] += i * i
    block[:] = 0.0


@cached_njit
def _slope(sums: Floats, rounds: int) -> float:
    g, i, gg, gi, ii = sums
    if rounds < MIN_BLOCKS * ROUNDS_PER_BLOCK or i == 0.0:
        return 1.0
    c = g / i
    ridge = PRIOR_PRECISION * max((gg - 2.0 * c * gi + c * c * ii) / i, 1.0)
    slope: float = min(max((ridge + g) / (ridge + i), 0.0), MAX_SLOPE)
    return slope
