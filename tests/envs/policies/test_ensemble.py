"""Several policies give one forecast, explained to the last digit, and less of it in dispute."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.panel import Floats
from domain.votes import sigmoid
from envs.observation import FEATURE_GROUPS, FEATURES
from envs.policies.ensemble import MEMBER_REGIMES, classify_regimes, pool_signals, regime_weights
from envs.policies.network import Network
from envs.policies.policy import Member, Policy
from envs.policies.shapley import explain
from tests.envs.policies.policy_fixtures import (
    K,
    member,
    mixed_members,
    network,
    observations,
    policy,
)

X = observations(9, 200)
EQUAL = np.full((1, 2), 0.5)


def linear(slope: float, feature: str = "return 5", algorithm: str = "ppo") -> Member:
    """Leans by `slope` times one feature, and its wish is worth what it says."""
    weight = np.zeros((K, 1))
    weight[FEATURES.index(feature)] = slope
    network = Network(((weight, np.zeros(1)),))
    return Member(algorithm, 0, "share", "share", network, 1.0, "clip")


# One forecast


def test_the_evidence_of_one_member_is_its_tempered_leaning() -> None:
    own = member(3, temper=0.3)
    alone = policy(members=(own,))
    assert np.allclose(alone.evidence(X), 0.3 * own.signal(X), atol=1e-12)
    assert np.allclose(alone.forecast(X).agreement, 1.0)


@settings(max_examples=50)
@given(st.integers(0, 2**16))
def test_the_evidence_is_the_mean_probability_times_the_share_of_variance_not_in_dispute(
    seed: int,
) -> None:
    own, x = policy(seed), observations(seed, 50)
    weights = own.weights[0][:, None]
    each = np.stack([sigmoid(m.temper * m.signal(x)) for m in own.members])
    mean = (weights * each).sum(axis=0)
    dispute = (weights * (each - mean) ** 2).sum(axis=0)
    agreement = 1.0 - dispute / (mean * (1.0 - mean))
    expected = agreement * np.log(mean / (1.0 - mean))
    assert np.allclose(own.evidence(x), expected, atol=1e-9)
    assert np.allclose(own.forecast(x).agreement, agreement, atol=1e-9)


def test_members_of_one_mind_keep_all_of_it_and_opposed_ones_nothing() -> None:
    agreed = pool_signals(np.array([[0.8], [0.8]]), np.ones(2), EQUAL, None)
    assert agreed.evidence == pytest.approx(0.8)
    opposed = pool_signals(np.array([[0.8], [-0.8]]), np.ones(2), EQUAL, None)
    assert opposed.evidence == pytest.approx(0.0, abs=1e-12)
    assert opposed.agreement[0] < 0.9


def test_the_more_they_disagree_about_the_same_mean_the_less_is_left() -> None:
    up = np.linspace(0.6, 0.99, 20)
    down = 1.2 - up  # the mean stays at 0.6
    odds = np.log(np.stack([up / (1.0 - up), down / (1.0 - down)]))
    pooled = pool_signals(odds, np.ones(2), EQUAL, None)
    assert np.allclose(pooled.log_odds, np.log(0.6 / 0.4))
    assert (np.diff(pooled.evidence) < 0.0).all()
    assert pooled.evidence[-1] > 0.0


@settings(max_examples=50)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=6), st.floats(0, 1e6))
def test_however_loud_the_members_are_the_evidence_is_finite_and_never_more_than_the_mean(
    wishes: list[float], temper: float
) -> None:
    count = len(wishes)
    weights = np.full((1, count), 1.0 / count)
    pooled = pool_signals(np.array(wishes)[:, None], np.full(count, temper), weights, None)
    assert np.isfinite(pooled.evidence).all()
    assert (np.abs(pooled.evidence) <= np.abs(pooled.log_odds)).all()
    assert ((pooled.agreement > 0.0) & (pooled.agreement <= 1.0)).all()


@pytest.mark.parametrize("by_regime", [False, True])
def test_members_that_learnt_nothing_and_an_ordinary_bar_give_exactly_nothing(
    by_regime: bool,
) -> None:
    silenced = tuple(replace(each, temper=0.0) for each in mixed_members(5))
    assert (policy(5, silenced, by_regime=by_regime).evidence(X) == 0.0).all()
    assert (explain(policy(5, silenced, by_regime=by_regime), X).shares == 0.0).all()
    assert (policy(5, by_regime=by_regime).evidence(np.zeros((1, K))) == 0.0).all()


@settings(max_examples=40)
@given(st.integers(0, 2**16), st.integers(1, 400), st.data(), st.booleans())
def test_a_rows_output_is_the_same_to_the_last_bit_whichever_rows_are_requested(
    seed: int, rows: int, data: st.DataObject, by_regime: bool
) -> None:
    own, x = policy(seed, by_regime=by_regime), observations(seed, rows)
    picked = data.draw(st.lists(st.integers(0, rows - 1), min_size=1, max_size=9))
    assert (own.evidence(x)[picked] == own.evidence(x[picked])).all()
    assert (explain(own, x).shares[picked] == explain(own, x[picked]).shares).all()
    assert (own.share(x)[picked] == own.share(x[picked])).all()


def test_the_share_is_the_weighted_mean_of_what_the_members_would_hold() -> None:
    own = policy(4)
    expected = sum(w * m.share(X) for w, m in zip(own.weights[0], own.members, strict=True))
    assert np.allclose(own.share(X), expected)


# Regimes


def at(volatility: float, trend: float) -> Floats:
    x = np.zeros((1, K))
    x[0, FEATURES.index("volatility 10/60")] = volatility
    x[0, FEATURES.index("return 60")] = trend
    return x


@pytest.mark.parametrize(
    ("volatility", "trend", "name"),
    [
        (0.8, -1.5, "calm, falling"),
        (1.0, 0.0, "calm, sideways"),
        (0.8, 1.5, "calm, rising"),
        (1.1, -1.5, "restless, falling"),
        (1.1, 1.0, "restless, sideways"),
        (1.1, 1.5, "restless, rising"),
    ],
)
def test_a_regime_is_detected_by_volatility_and_trend_in_their_own_units(
    volatility: float, trend: float, name: str
) -> None:
    raw = at(volatility, trend)
    assert MEMBER_REGIMES[classify_regimes(raw, np.zeros(K), np.ones(K))[0]] == name
    mean, scale = np.full(K, 0.25), np.full(K, 0.5)
    assert MEMBER_REGIMES[classify_regimes((raw - mean) / scale, mean, scale)[0]] == name


def test_each_bar_is_weighed_by_the_weights_of_its_regime() -> None:
    own = policy(6, by_regime=True)
    which = classify_regimes(X, own.mean, own.scale)
    assert len(set(which)) == len(MEMBER_REGIMES)
    for regime in range(len(MEMBER_REGIMES)):
        bagged = replace(own, weights=own.weights[regime : regime + 1])
        inside = which == regime
        assert (own.evidence(X[inside]) == bagged.evidence(X[inside])).all()
        assert np.allclose(own.share(X[inside]), bagged.share(X[inside]))


ALGORITHMS = ("ppo", "ppo", "dqn", "dqn")


def scores_where_dqn_is_better(bars: int, by: float) -> tuple[Floats, np.ndarray]:
    """(4, bars, 3) log scores, in the first regime `by` better for DQN, in the second for PPO."""
    rng = np.random.default_rng(0)
    scores = np.repeat(rng.normal(-0.69, 0.01, (1, bars, 3)), 4, axis=0)
    regime = np.repeat(np.arange(bars)[:, None] % 2, 3, axis=1)
    scores[2:] += np.where(regime == 0, by, -by)
    return scores, regime


def test_the_better_algorithm_of_a_regime_weighs_more_there_and_its_seeds_alike() -> None:
    weights = regime_weights(*scores_where_dqn_is_better(1_000, 0.01), ALGORITHMS, 5)
    assert np.allclose(weights.sum(axis=1), 1.0)
    assert (weights[0, 2:] > 2.0 * weights[0, :2]).all()
    assert (weights[1, 2:] < 0.5 * weights[1, :2]).all()
    assert weights[0, 2] == weights[0, 3]
    assert (weights[2:] == 0.25).all()  # never seen


def test_few_bars_move_the_weights_little() -> None:
    few = regime_weights(*scores_where_dqn_is_better(20, 0.01), ALGORITHMS, 5)[0, 2]
    many = regime_weights(*scores_where_dqn_is_better(2_000, 0.01), ALGORITHMS, 5)[0, 2]
    assert 0.25 < few < 0.26 < many


def test_cells_without_a_score_do_not_count() -> None:
    scores, regime = scores_where_dqn_is_better(200, 0.01)
    expected = regime_weights(scores[:, :100], regime[:100], ALGORITHMS, 5)
    scores[:, 100:] = np.nan
    assert np.array_equal(regime_weights(scores, regime, ALGORITHMS, 5), expected)


# Explained


@settings(max_examples=40)
@given(st.integers(0, 2**16), st.booleans())
def test_the_shares_of_the_groups_and_the_disagreement_add_up_to_the_evidence(
    seed: int, by_regime: bool
) -> None:
    own, x = policy(seed, by_regime=by_regime), observations(seed, 60)
    explained, pooled = explain(own, x), own.forecast(x)
    shares = explained.shares
    assert np.allclose(explained.agreement, pooled.agreement, atol=1e-12)
    assert shares.shape == (60, len(FEATURE_GROUPS) + 1)
    assert np.allclose(shares.sum(axis=1), own.evidence(x), atol=1e-12)
    assert np.allclose(shares[:, :-1].sum(axis=1), pooled.log_odds, atol=1e-12)
    assert (shares[:, -1] * pooled.log_odds <= 0.0).all()


def test_a_group_that_no_member_reads_has_no_share() -> None:
    blind = member(2)
    unread = [FEATURES.index(name) for name in FEATURE_GROUPS[-1].features]
    blind.network.layers[0][0][unread] = 0.0
    shares = explain(policy(members=(blind,)), X).shares
    assert (shares[:, -2] == 0.0).all()
    assert (shares[:, :-2] != 0.0).all()


def test_what_one_linear_member_says_of_a_group_is_its_share() -> None:
    weight = np.random.default_rng(0).normal(size=(K, 1))
    own = Member("sac", 0, "share", "share", Network(((weight, np.ones(1)),)), 0.2, "tanh")
    shares = explain(policy(members=(own,)), X).shares
    for column, group in enumerate(FEATURE_GROUPS):
        in_group = [FEATURES.index(name) for name in group.features]
        assert np.allclose(shares[:, column], 0.2 * X[:, in_group] @ weight[in_group, 0])


def test_two_that_read_different_groups_both_count_and_their_dispute_is_reported() -> None:
    opposed = policy(
        members=(linear(1.0, "return 5"), linear(-1.0, "return 60", "dqn")),
        change=lambda weights: EQUAL,
    )
    x = np.zeros((1, K))
    x[0, FEATURES.index("return 5")], x[0, FEATURES.index("return 60")] = 2.0, 1.0
    move, trend, *others, dispute = explain(opposed, x).shares[0]
    assert move > 0.0 > trend
    assert others == [0.0, 0.0, 0.0]
    assert dispute < 0.0 < move + trend + dispute


def brute_force(own: Policy, x: Floats) -> Floats:
    """Shares by their definition: what a group adds, averaged over all 120 orders."""
    from itertools import permutations

    shares = np.zeros((len(x), len(FEATURE_GROUPS)))
    for order in permutations(range(len(FEATURE_GROUPS))):
        so_far = np.zeros_like(x)
        worth = own.forecast(so_far).log_odds
        for group in order:
            columns = [FEATURES.index(name) for name in FEATURE_GROUPS[group].features]
            so_far[:, columns] = x[:, columns]
            after = own.forecast(so_far).log_odds
            shares[:, group] += after - worth
            worth = after
    return shares / 120.0


@pytest.mark.parametrize("by_regime", [False, True])
def test_the_shares_are_shapleys_own(by_regime: bool) -> None:
    own = policy(8, by_regime=by_regime)
    assert np.allclose(explain(own, X[:20]).shares[:, :-1], brute_force(own, X[:20]), atol=1e-12)


def test_a_network_left_without_some_groups_is_the_network_on_what_is_left() -> None:
    own, group = network(4, (6, 6), 1), np.arange(K) % 3
    worth = own.coalitions(X, group)
    for coalition in range(8):
        mask = (coalition >> group & 1).astype(float)
        assert np.allclose(worth[coalition], own.outputs(X * mask)[:, 0], atol=1e-12)
