"""Weights follow log loss, the committee's regret is bounded, and abstaining costs nothing."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant.adahedge import current_weights, initial_state, update

SEEDS = st.integers(0, 10_000)


def _log_loss(log_odds: np.ndarray, rose: np.ndarray) -> np.ndarray:
    return np.logaddexp(0.0, np.where(rose > 0, -log_odds, log_odds))


def _rounds(seed: int, rows: int = 40, columns: int = 3, size: float = 1.0):
    """Votes of four experts: one knows something, one is wild, one abstains often, one always."""
    rng = np.random.default_rng(seed)
    rose = (rng.random((rows, columns)) < 0.5).astype(float)
    log_odds = size * rng.normal(0.0, 1.0, (4, rows, columns))
    log_odds[0] += size * (rose - 0.5)
    log_odds[1] *= 10.0
    log_odds[2, rng.random((rows, columns)) < 0.7] = np.nan
    log_odds[3] = np.nan
    rose[rng.random((rows, columns)) < 0.2] = np.nan
    return log_odds, rose


def _pool(log_odds: np.ndarray, weights: np.ndarray) -> np.ndarray:
    awake = ~np.isnan(log_odds)
    spoken = np.where(awake, weights[:, np.newaxis], 0.0)
    with np.errstate(invalid="ignore"):
        return (spoken * np.where(awake, log_odds, 0.0)).sum(axis=0) / spoken.sum(axis=0)


@given(
    st.lists(st.tuples(st.floats(-20, 20), st.floats(0.01, 1)), min_size=1, max_size=6),
    st.booleans(),
)
def test_a_pool_of_log_odds_loses_at_most_what_its_members_lose_on_average(members, rose):
    log_odds, weights = np.array(members).T
    weights = weights / weights.sum()
    outcome = np.full(len(members), float(rose))
    pooled = _log_loss(np.array([weights @ log_odds]), outcome[:1])[0]
    assert pooled <= weights @ _log_loss(log_odds, outcome) + 1e-9


@given(SEEDS, st.sampled_from([0.05, 1.0, 30.0]))
def test_the_committee_regrets_no_more_than_the_bound(seed, size):
    log_odds, rose = _rounds(seed, size=size)
    after, weights = update(initial_state(4), log_odds, rose)
    before = np.vstack([np.full(4, 0.25), weights[:-1]])
    lost = 0.0
    for row in range(len(rose)):
        pooled = _pool(log_odds[:, row], before[row])
        counts = ~np.isnan(rose[row]) & ~np.isnan(pooled)
        if counts.any():
            lost += _log_loss(pooled, rose[row])[counts].mean()
    rate = min(1.0, math.log(4) / after.gap) if after.gap > 0 else 1.0
    best = after.losses[after.rounds > 0].min()
    assert lost <= best + math.log(4) / rate + after.gap + 1e-6


@given(SEEDS, st.integers(1, 39))
def test_weights_are_the_same_to_the_last_bit_however_rounds_are_cut(seed, cut):
    log_odds, rose = _rounds(seed)
    all_at_once, weights = update(initial_state(4), log_odds, rose)
    half, first = update(initial_state(4), log_odds[:, :cut].copy(), rose[:cut].copy())
    rest, second = update(half, log_odds[:, cut:], rose[cut:])
    assert np.vstack([first, second]).tobytes() == weights.tobytes()
    assert rest.losses.tobytes() == all_at_once.losses.tobytes()
    assert rest.gap == all_at_once.gap
    assert current_weights(all_at_once).tobytes() == weights[-1].tobytes()


@given(SEEDS)
def test_weights_are_shares(seed):
    _, weights = update(initial_state(4), *_rounds(seed, size=200.0))
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-12)


def test_who_was_wrong_for_years_still_has_a_voice():
    """Without any weight it would no longer count as a voter."""
    log_odds = np.broadcast_to(np.array([3.0, -3.0]).reshape(2, 1, 1), (2, 1000, 1))
    _, weights = update(initial_state(2), log_odds, np.ones((1000, 1)))
    assert 0.0 < weights[-1, 1] < 1e-9


def test_calm_experts_are_weighed_by_bayes_rule():
    rng = np.random.default_rng(3)
    rose = (rng.random((200, 1)) < 0.6).astype(float)
    log_odds = 0.3 * rng.normal(size=(3, 200, 1))
    _, weights = update(initial_state(3), log_odds, rose)
    likelihood = np.exp(-_log_loss(log_odds, rose).sum(axis=(1, 2)))
    np.testing.assert_allclose(weights[-1], likelihood / likelihood.sum(), rtol=1e-9)


def test_wild_experts_are_weighed_as_slowly_as_adahedge_does():
    """Against the recursion of de Rooij et al. written out, with the rate capped at 1."""
    rng = np.random.default_rng(4)
    rose = (rng.random((60, 1)) < 0.5).astype(float)
    log_odds = rng.normal(0.0, 15.0, (3, 60, 1))
    loss = _log_loss(log_odds, rose)[:, :, 0].T
    total, gap = np.zeros(3), 0.0
    for each in loss:
        rate = 1.0 if gap <= math.log(3) else math.log(3) / gap
        odds = np.exp(-rate * (total - total.min()))
        weight = odds / odds.sum()
        mixture = each.min() - math.log(weight @ np.exp(-rate * (each - each.min()))) / rate
        gap, total = gap + max(weight @ each - mixture, 0.0), total + each
    after, _ = update(initial_state(3), log_odds, rose)
    assert gap > math.log(3)
    assert after.gap == pytest.approx(gap, rel=1e-9)


def test_an_expert_asleep_is_charged_what_the_pool_is_charged():
    log_odds = np.array([[[1.0, 0.5]], [[0.2, np.nan]]])
    after, _ = update(initial_state(2), log_odds, np.array([[1.0, 0.0]]))
    awake = _log_loss(np.array([1.0, 0.5]), np.array([1.0, 0.0]))
    assert after.losses[0] == pytest.approx(awake.mean())
    other = _log_loss(np.array([0.2]), np.array([1.0]))[0]
    assert after.losses[1] == pytest.approx((other + awake[1]) / 2)


def test_an_expert_keeps_its_equal_share_until_its_first_vote():
    rng = np.random.default_rng(5)
    rose = (rng.random((300, 2)) < 0.5).astype(float)
    log_odds = rng.normal(0.0, 0.5, (3, 300, 2))
    log_odds[0] += rose - 0.5
    log_odds[2, :299] = np.nan
    after, weights = update(initial_state(3), log_odds, rose)
    assert (weights[:299, 2] == 1.0 / 3).all()
    assert weights[298, 0] > 0.6
    assert weights[299, 2] == pytest.approx(1 / 3, abs=0.1)
    assert after.rounds.tolist() == [300, 300, 1]


def test_a_row_without_a_settled_vote_is_no_round():
    log_odds = np.array([[[1.0], [1.0], [np.nan]], [[0.3], [0.3], [np.nan]]])
    after, weights = update(initial_state(2), log_odds, np.array([[1.0], [np.nan], [0.0]]))
    assert after.rounds.tolist() == [1, 1]
    assert weights[0].tobytes() == weights[1].tobytes() == weights[2].tobytes()


def test_one_expert_alone_has_all_the_weight():
    _, weights = update(initial_state(1), np.array([[[9.0], [-9.0]]]), np.array([[0.0], [0.0]]))
    assert (weights == 1.0).all()
