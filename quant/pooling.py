"""Pooling of forecasts: the weighted mean of the log-odds of those who voted.

The pool of log-odds is the weighted geometric mean of the odds (the logarithmic opinion pool of
Genest & Zidek, "Combining probability distributions", 1986), and its breakdown is exact: summed in
the agents' order, shares times log-odds are the pooled log-odds, to the last bit.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LogOpinionPool:
    """`log_odds` (R, N), NaN where nobody voted; `shares` (A, R, N), the weight of each vote (they
    sum to one over those that voted, 0 for an abstention); `voters` (R, N), how many voted."""

    log_odds: Floats
    shares: Floats
    voters: NDArray[np.int64]


def pool(log_odds: Floats, weights: Floats) -> LogOpinionPool:
    """Pool `log_odds` (A, R, N) of A agents, NaN for an abstention, with `weights` (A,) or, where
    they change from row to row, (A, R).

    An agent with weight zero does not count as a voter. Weights need not sum to one.
    """
    weight = weights.reshape(len(weights), -1, 1)
    voted = ~np.isnan(log_odds) & (weight > 0.0)
    voting_weight = np.where(voted, weight, 0.0)
    total = _sum_in_order(voting_weight)
    shares = voting_weight / np.where(total > 0.0, total, 1.0)
    pooled = _sum_in_order(shares * np.where(voted, log_odds, 0.0))
    voters = voted.sum(axis=0)
    return LogOpinionPool(np.where(voters > 0, pooled, np.nan), shares, voters)


def _sum_in_order(layers: Floats) -> Floats:
    """Sum over the first axis, strictly one after the other, as one would by hand."""
    total = np.zeros(layers.shape[1:])
    for layer in layers:
        total = total + layer
    return total
