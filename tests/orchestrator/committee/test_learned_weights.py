"""Influence is learnt from settled votes alone, late as it must be, and stored exactly."""

import json
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import StorageError
from orchestrator.committee.learned_weights import (
    WeightLearner,
    current_influence,
    equal_influence,
    influence_by_row,
    learn,
    mask_late_outcomes,
    new_learner,
)
from orchestrator.evaluation.forward_returns import forward_returns
from quant.base_rate import base_rate, log_odds
from tests.agents.random_panels import random_panel

AGENTS = ("one", "two", "three")
SETTINGS = [(weighting, calibrated) for weighting in ("equal", "earned") for calibrated in (0, 1)]


def _votes(seed: int, rows: int = 320, columns: int = 4):
    """Log-odds, base rates, changes; the first agent knows something, the last abstains often."""
    rng = np.random.default_rng(seed)
    change = rng.normal(0.0, 0.02, (rows, columns))
    rate = rng.uniform(0.45, 0.6, (rows, columns))
    votes = log_odds(rate) + rng.normal(0.0, 0.2, (3, rows, columns))
    votes += np.array([0.03, 0.006, 0.006])[:, np.newaxis, np.newaxis] * np.sign(change)
    votes[2, rng.random((rows, columns)) < 0.6] = np.nan
    change[rng.random((rows, columns)) < 0.05] = np.nan
    return votes, rate, change


def _bits(value: object) -> object:
    if is_dataclass(value):
        return tuple(_bits(getattr(value, each.name)) for each in fields(value))
    return value.tobytes() if isinstance(value, np.ndarray) else value


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000), st.sets(st.integers(1, 319), max_size=4), st.sampled_from(SETTINGS))
def test_the_learner_is_the_same_to_the_last_bit_however_rounds_are_cut(seed, cuts, options):
    votes, rate, change = _votes(seed)
    whole, learned = learn(new_learner(AGENTS), votes, rate, change, *options)
    learner, parts = new_learner(AGENTS), []
    for start, stop in zip([0, *sorted(cuts)], [*sorted(cuts), 320], strict=True):
        rows = slice(start, stop)
        learner, part = learn(learner, votes[:, rows].copy(), rate[rows], change[rows], *options)
        learner = WeightLearner.from_json(json.loads(json.dumps(learner.to_json())), AGENTS)
        parts.append(part)
    assert _bits(learner) == _bits(whole)
    assert np.vstack([part.weights for part in parts]).tobytes() == learned.weights.tobytes()
    assert np.vstack([part.trust for part in parts]).tobytes() == learned.trust.tobytes()
    assert _bits(current_influence(whole, *options)) == (
        learned.weights[-1].tobytes(),
        learned.trust[-1].tobytes(),
    )


def test_a_round_is_scored_under_what_the_rounds_before_it_had_taught():
    """Trust in a round, and the weights it is pooled by, cannot know the round's outcomes."""
    votes, rate, change = _votes(7)
    boundary = 251  # the round at which slopes first leave one
    learner, _ = learn(
        new_learner(AGENTS), *(each[..., :boundary, :] for each in (votes, rate, change))
    )
    after, _ = learn(learner, *(each[..., [boundary], :] for each in (votes, rate, change)))
    assert (current_influence(learner, "equal", True).trust == 1.0).all()
    assert (current_influence(after, "equal", True).trust[0, :2] != 1.0).all()
    assert after.scaled_weights.losses.tolist() == pytest.approx(
        after.raw_weights.losses.tolist(), rel=1e-12
    )
    settled = ~np.isnan(change[boundary])
    evidence = votes[:, boundary] - log_odds(rate[boundary])
    weights = current_influence(learner, "earned", True).weights[0][:, np.newaxis]
    weights = np.where(np.isnan(evidence), 0.0, weights)
    pooled = (weights * np.nan_to_num(evidence)).sum(axis=0) / weights.sum(axis=0)
    score = (pooled * ((change[boundary] > 0) - rate[boundary]))[settled].sum()
    assert after.pool_slopes.sums[0, 1] == pytest.approx(
        learner.pool_slopes.sums[0, 1] + learner.pool_slopes.block[0, 1] + score
    )


def test_the_learner_does_not_depend_on_the_settings():
    votes = _votes(1)
    learners = {_bits(learn(new_learner(AGENTS), *votes, *options)[0]) for options in SETTINGS}
    assert len(learners) == 1


@pytest.mark.parametrize("options", SETTINGS)
def test_a_backtest_has_the_influence_that_live_would_have_had(options):
    """Row t is what a live run had that had learnt the rounds settled by bar t, on a panel
    that ended there."""
    panel = replace(random_panel(3, bars=340), horizon=4)
    votes, rate, change = _on(panel)
    backtest = influence_by_row(votes, rate, change, *options, horizon=4)
    for row in (0, 4, 5, 6, 150, 300, 339):
        then_votes, then_rate, then_change = _on(panel.head(row + 1))
        settled = slice(0, max(row - 4, 0))
        learner, _ = learn(
            new_learner(AGENTS),
            then_votes[:, settled],
            then_rate[settled],
            mask_late_outcomes(then_change, then_rate, 4)[settled],
        )
        live = current_influence(learner, *options)
        assert live.weights[0].tobytes() == backtest.weights[row].tobytes()
        assert live.trust[0].tobytes() == backtest.trust[row].tobytes()


def _on(panel):
    rate = base_rate(panel.open, panel.horizon)
    rng = np.random.default_rng(9)
    votes = log_odds(rate) + 0.5 * rng.normal(size=(3, 340, len(panel.symbols)))[:, : len(rate)]
    return votes, rate, forward_returns(panel).change


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 100), st.integers(1, 319))
def test_what_is_not_settled_yet_moves_nothing(seed, row):
    votes, rate, change = _votes(seed)
    before = influence_by_row(votes, rate, change, "earned", True, horizon=5)
    votes[:, row:], change[row:] = 3.0, -change[row:]
    after = influence_by_row(votes, rate, change, "earned", True, horizon=5)
    same = slice(0, row + 6)
    assert after.weights[same].tobytes() == before.weights[same].tobytes()
    assert after.trust[same].tobytes() == before.trust[same].tobytes()
    assert row + 6 >= 320 or (after.weights[row + 6 :] != before.weights[row + 6 :]).any()


def test_a_symbol_that_missed_a_bar_is_in_no_round():
    rate = np.full((20, 2), 0.5)
    rate[7, 1] = np.nan
    kept = mask_late_outcomes(np.full((20, 2), 0.01), rate, horizon=3)
    assert np.flatnonzero(np.isnan(kept[:, 0])).tolist() == [16, 17, 18, 19]
    assert np.flatnonzero(np.isnan(kept[:, 1])).tolist() == [3, 4, 5, 6, 16, 17, 18, 19]


def test_fewer_rows_than_the_horizon_teach_nothing():
    votes, rate, change = _votes(1, rows=3)
    influence = influence_by_row(votes, rate, change, "earned", True, horizon=5)
    assert (influence.weights == 1.0 / 3).all()
    assert (influence.trust == 1.0).all()


def test_equal_and_uncalibrated_is_what_nobody_learnt():
    learnt, learned = learn(new_learner(AGENTS), *_votes(2), "equal", False)
    for influence in (current_influence(learnt, "equal", False), learned):
        assert (influence.weights == equal_influence(3).weights).all()
        assert (influence.trust == 1.0).all()


def test_who_knows_something_gains_and_who_does_not_is_believed_less():
    learner, _ = learn(new_learner(AGENTS), *_votes(4, rows=2000))
    assert current_influence(learner, "earned", False).weights[0].argmax() == 0
    assert current_influence(learner, "earned", False).weights[0, 0] > 0.8
    trust = current_influence(learner, "equal", True).trust[0]
    assert trust[0] > 1.2 * trust[1]


def test_the_slope_of_the_pool_is_a_factor_on_everybody():
    learner, _ = learn(new_learner(AGENTS), *_votes(4, rows=2000))
    by_weighting = [current_influence(learner, each, True).trust[0] for each in ("equal", "earned")]
    factor = by_weighting[0] / by_weighting[1]
    np.testing.assert_allclose(factor, factor[0], rtol=1e-12)
    assert factor[0] > 1.05, "a mean of evidence that does not overlap is too timid"


def test_rounds_are_rows_in_which_a_vote_was_settled():
    votes, rate, change = _votes(5, rows=30)
    change[3], votes[:, 8] = np.nan, np.nan
    learner, _ = learn(new_learner(AGENTS), votes, rate, change)
    assert learner.rounds == 28


def test_a_new_agent_starts_with_an_equal_share_and_its_evidence_as_given():
    learner, _ = learn(new_learner(AGENTS), *_votes(6, rows=1500))
    before = current_influence(learner, "earned", True)
    joined = WeightLearner.from_json(learner.to_json(), ("new", *AGENTS))
    after = current_influence(joined, "earned", True)
    pool = before.trust[0] / current_influence(joined, "earned", True).trust[0, 1:]
    np.testing.assert_allclose(pool, 1.0, rtol=1e-12)
    assert after.weights[0, 0] == 0.25
    np.testing.assert_allclose(after.weights[0, 1:], 0.75 * before.weights[0], rtol=1e-9)
    assert joined.agent_slopes.rounds.tolist() == [0, *learner.agent_slopes.rounds.tolist()]


def test_who_leaves_is_forgotten_and_the_others_keep_their_proportions():
    learner, _ = learn(new_learner(AGENTS), *_votes(6, rows=200))
    before = current_influence(learner, "earned", False).weights[0]
    left = WeightLearner.from_json(learner.to_json(), ("three", "one"))
    after = current_influence(left, "earned", False).weights[0]
    assert after.sum() == pytest.approx(1.0)
    assert after[0] / after[1] == pytest.approx(before[2] / before[0], rel=0.2)


@pytest.mark.parametrize(
    "damage",
    [{"agents": 3}, {"given": {"losses": [0.0]}}, {"rounds": "many"}, {"own": None}, {"own": {}}],
)
def test_a_damaged_learner_state_is_refused_with_a_remedy(damage):
    stored = new_learner(AGENTS).to_json() | damage
    with pytest.raises(StorageError, match="Remove it"):
        WeightLearner.from_json(stored, AGENTS)
