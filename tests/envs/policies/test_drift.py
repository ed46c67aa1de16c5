"""A market that has changed is distinguished from one that has not."""

import numpy as np
import pytest

from envs.observation import FEATURES, LIMIT
from envs.policies.drift import (
    MIN_OBSERVATIONS,
    FeatureDrift,
    build_reference,
    drift_level,
    measure_drift,
)

K = len(FEATURES)
TRAINED = np.random.default_rng(0).normal(size=(400, 10, K))


def live(seed: int, rows: int = 300) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, 10, K))


def test_the_same_market_is_stable_in_every_feature() -> None:
    measured = measure_drift(build_reference(TRAINED), live(1))
    assert [each.feature for each in measured] == list(FEATURES)
    assert {each.word for each in measured} == {"stable"}
    assert all(each.psi is not None and 0.0 < each.psi < 0.02 for each in measured)
    assert all(each.psi == 0.0 for each in measure_drift(build_reference(TRAINED), TRAINED))


def test_the_feature_that_moved_is_named_and_the_others_are_not() -> None:
    moved = live(1)
    moved[..., 3] += 1.0
    moved[..., 7] *= 1.6
    words = {each.feature: each.word for each in measure_drift(build_reference(TRAINED), moved)}
    assert words.pop(FEATURES[3]) == "drifted"
    assert words.pop(FEATURES[7]) == "shifting"
    assert set(words.values()) == {"stable"}


def test_the_index_is_the_formula() -> None:
    shifted = TRAINED + 0.5
    shares = np.histogram(
        shifted[..., 0], [-np.inf, *np.quantile(TRAINED[..., 0], np.arange(1, 10) / 10), np.inf]
    )[0] / shifted[..., 0].size  # fmt: skip
    expected = ((shares - 0.1) * np.log(shares / 0.1)).sum()
    assert measure_drift(build_reference(TRAINED), shifted)[0].psi == pytest.approx(expected)


def test_values_that_are_tied_or_cut_off_fall_together() -> None:
    trained, today = TRAINED.copy(), live(2)
    for market in (trained, today):
        market[..., 9] = 1.0  # no volume is reported
        market[..., 4] = np.minimum(market[..., 4], 0.0)  # half of the time at its high
        market[..., 2] = np.clip(market[..., 2] * 10.0, -LIMIT, LIMIT)
    known = build_reference(trained)
    assert np.allclose(known.shares.sum(axis=1), 1.0)
    assert {each.word for each in measure_drift(known, today)} == {"stable"}
    today[..., 9] = 1.5
    today[..., 4] = -today[..., 4]
    words = {each.feature: each.word for each in measure_drift(known, today)}
    assert words.pop(FEATURES[9]) == words.pop(FEATURES[4]) == "drifted"
    assert set(words.values()) == {"stable"}


def test_of_too_few_observations_nothing_is_said() -> None:
    few = np.full((100, 10, K), np.nan)
    few.reshape(-1, K)[: MIN_OBSERVATIONS - 1] = 9.0
    assert measure_drift(build_reference(TRAINED), few) == tuple(
        FeatureDrift(name, None, None) for name in FEATURES
    )
    few.reshape(-1, K)[MIN_OBSERVATIONS - 1] = 9.0
    assert {each.word for each in measure_drift(build_reference(TRAINED), few)} == {"drifted"}


@pytest.mark.parametrize(
    ("psi", "level"),
    [(0.0, "stable"), (0.0999, "stable"), (0.1, "shifting"), (0.25, "drifted"), (9.0, "drifted")],
)
def test_the_words_change_where_they_are_said_to(psi: float, level: str) -> None:
    assert drift_level(psi) == level
