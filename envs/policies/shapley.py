"""Which group of observations moved the ensemble, and by how much: exact Shapley values.

A group's share is what adding it changes, averaged over every order in which the groups can be
added to an ordinary bar (the training mean, where all standardised features are zero). The shares
sum to the difference between this bar and the ordinary one. Source: Shapley (1953); for models,
Štrumbelj and Kononenko (2014). All 2^G coalitions are computed, so G stays small.
"""

from math import factorial

import numpy as np

from domain.panel import Floats
from envs.observation import FEATURES, GROUPS, Group
from envs.policies.network import Whole
from envs.policies.policy import Policy

CHUNK = 4_096
"""Rows worked on at a time, to stay within the processor's cache; no answer depends on it."""


def shapley(policy: Policy, x: Floats, groups: tuple[Group, ...] = GROUPS) -> Floats:
    """(M, G + 1) what each group adds to the log-odds of the ensemble at (M, K) standardised
    observations, and last what its members' disagreement takes off: together, its evidence."""
    group = np.array([_group_of(feature, groups) for feature in FEATURES], np.int64)
    shares = np.empty((len(x), len(groups) + 1))
    for start in range(0, len(x), CHUNK):
        part = slice(start, start + CHUNK)
        shares[part] = _shares(policy, x[part], group)
    return shares


def _shares(policy: Policy, x: Floats, group: Whole) -> Floats:
    count = int(group.max()) + 1
    leanings = np.stack([member.reading.coalitions(x, group) for member in policy.members])
    leanings -= leanings[:, :1].copy()
    worth = np.empty((2**count, len(x)))
    for coalition in range(2**count):
        kept = (coalition >> group & 1).astype(np.float64)
        pooled = policy.pool(leanings[:, coalition], x * kept)
        worth[coalition] = pooled.log_odds
    shares = np.zeros((count + 1, len(x)))
    for coalition in range(2**count):
        present = coalition.bit_count()
        for absent in (each for each in range(count) if not coalition >> each & 1):
            orders = factorial(present) * factorial(count - present - 1) / factorial(count)
            shares[absent] += (worth[coalition | 1 << absent] - worth[coalition]) * orders
    shares[count] = pooled.evidence - pooled.log_odds
    return shares.T


def _group_of(feature: str, groups: tuple[Group, ...]) -> int:
    return next(number for number, group in enumerate(groups) if feature in group.features)
