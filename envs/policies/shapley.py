"""Which group of observations moved the ensemble, and by how much: exact Shapley values.

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
from envs.policies.network import dense, propagate
from envs.policies.policy import Member, Policy

CHUNK = 4_096
"""Rows worked on at a time, to stay within the processor's cache; no answer depends on it."""

Coalition = tuple[int, ...]


def shapley(policy: Policy, x: Floats, groups: tuple[Group, ...] = GROUPS) -> Floats:
    """(M, G + 1) what each group adds to the log-odds of the ensemble at (M, K) standardised
    observations, and last what its members' disagreement takes off: together, its evidence."""
    shares = np.empty((len(x), len(groups) + 1))
    for start in range(0, len(x), CHUNK):
        part = slice(start, start + CHUNK)
        shares[part] = _shares(policy, x[part], groups)
    return shares


def _shares(policy: Policy, x: Floats, groups: tuple[Group, ...]) -> Floats:
    count = len(groups)
    coalitions = _coalitions(count)
    leanings = np.stack([_leanings(member, x, groups) for member in policy.members])
    worth = {}
    for number, coalition in enumerate(coalitions):
        pooled = policy.pool(leanings[:, number], _without(x, groups, coalition))
        worth[coalition] = pooled.log_odds
    shares = np.zeros((len(x), count + 1))
    for coalition in coalitions:
        for group in sorted(set(range(count)) - set(coalition)):
            joined = tuple(sorted((*coalition, group)))
            orders = factorial(len(coalition)) * factorial(count - len(joined))
            shares[:, group] += (worth[joined] - worth[coalition]) * (orders / factorial(count))
    shares[:, count] = pooled.evidence - pooled.log_odds
    return shares


def _leanings(member: Member, x: Floats, groups: tuple[Group, ...]) -> Floats:
    """(2^G, M) leaning of every coalition: its groups as they are, the others as if ordinary.

    The groups' sums of the first layer are computed once; an absent group adds nothing to it.
    """
    (weight, bias), *rest = member.reading.layers
    nothing, columns = np.zeros_like(bias), np.ascontiguousarray(x.T)
    parts = []
    for group in groups:
        own = _columns(group)
        parts.append(dense(columns[own], weight[own], nothing))
    worth = []
    for coalition in _coalitions(len(groups)):
        sums = np.repeat(bias[:, None], len(x), axis=1)
        for number in coalition:
            sums += parts[number]
        worth.append(propagate(sums, tuple(rest))[0])
    return np.asarray(np.stack(worth) - worth[0])


def _without(x: Floats, groups: tuple[Group, ...], coalition: Coalition) -> Floats:
    """`x` with the groups outside the coalition as on an ordinary bar."""
    kept = np.zeros_like(x)
    for number in coalition:
        own = _columns(groups[number])
        kept[:, own] = x[:, own]
    return kept


def _columns(group: Group) -> list[int]:
    return [FEATURES.index(name) for name in group.features]


def _coalitions(count: int) -> list[Coalition]:
    """Every set of groups, smallest first."""
    return [members for size in range(count + 1) for members in combinations(range(count), size)]
