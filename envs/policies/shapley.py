"""Which group of features moved the ensemble, and by how much: exact Shapley values.

A group's share is the change from adding it, averaged over every order in which the groups can be
added to an ordinary bar (the training mean, where all standardised features are zero). The shares
sum to the difference between this bar and the ordinary one. Source: Shapley (1953); for models,
Štrumbelj and Kononenko (2014). All 2^G coalitions are computed, so G stays small.

The explained quantity is the log-odds of the ensemble's mean probability; the reduction by
disagreement is a share of its own, so that it is visible.
"""

from dataclasses import dataclass
from math import factorial

import numpy as np

from domain.panel import Floats
from envs.observation import FEATURE_GROUPS, FEATURES, FeatureGroup
from envs.policies.ensemble import EnsembleForecast
from envs.policies.network import IntArray
from envs.policies.policy import Policy

CHUNK_ROWS = 4_096
"""Rows computed at a time, to stay within the processor's cache; no result depends on it."""


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """`shares` (M, G + 1): what each group adds to the log-odds of the ensemble, and last what the
    disagreement of its members takes off; their sum is the evidence. `agreement` (M,) of the
    members."""

    shares: Floats
    agreement: Floats


def explain(
    policy: Policy, x: Floats, groups: tuple[FeatureGroup, ...] = FEATURE_GROUPS
) -> Explanation:
    """Explain the evidence of the ensemble at (M, K) standardised observations."""
    group = np.array([_group_index(feature, groups) for feature in FEATURES], np.int64)
    shares, agreement = np.empty((len(x), len(groups) + 1)), np.empty(len(x))
    for start in range(0, len(x), CHUNK_ROWS):
        part = slice(start, start + CHUNK_ROWS)
        values, forecast = _coalition_values(policy, x[part], group)
        shares[part, :-1] = _shapley_values(values, len(groups)).T
        shares[part, -1] = forecast.evidence - forecast.log_odds
        agreement[part] = forecast.agreement
    return Explanation(shares, agreement)


def _coalition_values(
    policy: Policy, x: Floats, group: IntArray
) -> tuple[Floats, EnsembleForecast]:
    """Return (2^G, M) log-odds of every coalition, and the forecast with all groups present."""
    coalitions = 2 ** (int(group.max()) + 1)
    signals = np.empty((coalitions, len(policy.members), len(x)))
    for number, member in enumerate(policy.members):
        values = member.signal_network.coalitions(x, group)
        signals[:, number] = values - values[0]
    log_odds = np.empty((coalitions, len(x)))
    for coalition in range(coalitions):
        mask = (coalition >> group & 1).astype(np.float64)
        pooled = policy.pool(signals[coalition], policy.regime(x, mask))
        log_odds[coalition] = pooled.log_odds
    return log_odds, pooled


def _shapley_values(values: Floats, count: int) -> Floats:
    """Return (G, M) Shapley shares of the groups from the values of the coalitions."""
    shares = np.zeros((count, values.shape[1]))
    for coalition in range(len(values)):
        present = coalition.bit_count()
        for absent in (each for each in range(count) if not coalition >> each & 1):
            orders = factorial(present) * factorial(count - present - 1) / factorial(count)
            shares[absent] += (values[coalition | 1 << absent] - values[coalition]) * orders
    return shares


def _group_index(feature: str, groups: tuple[FeatureGroup, ...]) -> int:
    return next(number for number, group in enumerate(groups) if feature in group.features)
