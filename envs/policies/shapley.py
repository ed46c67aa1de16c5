"""Which group of observations moved the policy, and by how much: exact Shapley values.

A group's share is what adding it changes, averaged over every order in which the groups can be
added to an ordinary bar (the training mean, where all standardised features are zero). The shares
sum to the difference between this bar and the ordinary one. Source: Shapley (1953); for models,
Štrumbelj and Kononenko (2014). All 2^G coalitions are computed, so G stays small.
"""

from itertools import combinations
from math import factorial

import numpy as np

from domain.panel import Floats
from envs.observation import FEATURES, GROUPS, Group
from envs.policies.policy import Policy, dense, long_over_flat, propagate

CHUNK = 4_096
"""Rows worked on at a time, to stay within the processor's cache; no answer depends on it."""


def shapley(policy: Policy, standardised: Floats, groups: tuple[Group, ...] = GROUPS) -> Floats:
    """(M, G) share of each group in the log-odds of (M, K) standardised observations, less the
    log-odds of the ordinary bar."""
    shares = np.empty((len(standardised), len(groups)))
    for start in range(0, len(standardised), CHUNK):
        part = slice(start, start + CHUNK)
        shares[part] = _shares(policy, standardised[part], groups)
    return shares


def _shares(policy: Policy, standardised: Floats, groups: tuple[Group, ...]) -> Floats:
    count = len(groups)
    worth = _worth(policy, standardised, groups)
    shares = np.zeros((len(standardised), count))
    for members in _coalitions(count):
        for group in sorted(set(range(count)) - set(members)):
            joined = tuple(sorted((*members, group)))
            orders = factorial(len(members)) * factorial(count - len(joined))
            shares[:, group] += (worth[joined] - worth[members]) * (orders / factorial(count))
    return shares


def _worth(
    policy: Policy, standardised: Floats, groups: tuple[Group, ...]
) -> dict[tuple[int, ...], Floats]:
    """(M,) log-odds of every coalition: its groups as they are, the others as on an ordinary bar.

    The groups' sums of the first layer are computed once; an absent group adds nothing to it.
    """
    (weight, bias), *rest = policy.network.layers
    nothing, columns = np.zeros_like(bias), np.ascontiguousarray(standardised.T)
    parts = []
    for group in groups:
        own = [FEATURES.index(name) for name in group.features]
        parts.append(dense(columns[own], weight[own], nothing))
    worth = {}
    for members in _coalitions(len(groups)):
        sums = np.repeat(bias[:, None], len(standardised), axis=1)
        for member in members:
            sums += parts[member]
        worth[members] = long_over_flat(propagate(sums, rest).T, policy.manifest.actions)
    return worth


def _coalitions(count: int) -> list[tuple[int, ...]]:
    """Every set of groups, smallest first."""
    return [members for size in range(count + 1) for members in combinations(range(count), size)]
