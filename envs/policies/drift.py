"""Whether the current market resembles the one that a policy was trained on, feature by feature.

The population stability index compares how two samples fall into the deciles of the first: Σ (live
- trained) ln(live / trained). Below 0.1 counts as stable, above 0.25 as a lasting shift (Lewis
1994; Siddiqi 2006). It is a measure, not a test: bars and symbols move together, so a few days of
many symbols can look shifted by chance. Give it months.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from domain.panel import Floats
from envs.observation import FEATURES

MIN_OBSERVATIONS = 200
"""Observations below which no drift is reported."""
DECILES = 10
MIN_FRACTION = 1e-4
"""Smallest share counted, so that an empty decile has a logarithm."""

DriftLevel = Literal["stable", "shifting", "drifted"]


@dataclass(frozen=True, slots=True, eq=False)
class FeatureReference:
    """`edges` (K, 9) between the deciles of each of K features in training, and `shares` (K, 10) of
    the observations in each, which differ from one tenth where values are tied."""

    edges: Floats
    shares: Floats


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """How far a feature has moved, as a number and a level; None where there are too few
    observations."""

    feature: str
    psi: float | None
    word: DriftLevel | None


def build_reference(observation: Floats) -> FeatureReference:
    """Return the reference of the observations (..., K) of the training period, of which at least
    one is known; NaN cells are left out."""
    known = _known_observations(observation)
    edges = np.quantile(known, np.arange(1, DECILES) / DECILES, axis=0).T
    return FeatureReference(np.ascontiguousarray(edges), _decile_fractions(known, edges))


def measure_drift(reference: FeatureReference, observation: Floats) -> tuple[FeatureDrift, ...]:
    """Return the drift of each feature from recent observations (..., K); NaN cells are left
    out."""
    known = _known_observations(observation)
    if len(known) < MIN_OBSERVATIONS:
        return tuple(FeatureDrift(feature, None, None) for feature in FEATURES)
    before = np.maximum(reference.shares, MIN_FRACTION)
    now = np.maximum(_decile_fractions(known, reference.edges), MIN_FRACTION)
    indices = ((now - before) * np.log(now / before)).sum(axis=1)
    return tuple(
        FeatureDrift(feature, float(psi), drift_level(float(psi)))
        for feature, psi in zip(FEATURES, indices, strict=True)
    )


def drift_level(psi: float) -> DriftLevel:
    if psi < 0.1:
        return "stable"
    return "shifting" if psi < 0.25 else "drifted"


def _known_observations(observation: Floats) -> Floats:
    cells = observation.reshape(-1, observation.shape[-1])
    return np.asarray(cells[~np.isnan(cells).any(axis=1)])


def _decile_fractions(observations: Floats, edges: Floats) -> Floats:
    """Return the (K, 10) share of each feature's values in each decile. A value on an edge counts
    as above it. A value that fills more than a decile ties several edges and is alone between
    them."""
    shares = np.empty((len(edges), DECILES))
    for feature, own in enumerate(edges):
        above = np.searchsorted(own, observations[:, feature], side="right")
        below = np.searchsorted(own, observations[:, feature], side="left")
        tenth = np.where(above - below > 1, below + 1, above)
        shares[feature] = np.bincount(tenth, minlength=DECILES) / len(observations)
    return shares
