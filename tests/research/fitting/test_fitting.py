"""A fit finds what is there, leaves alone what is not, and never believes copies."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from agents.technical import TechnicalAgent
from domain.panel import Panel
from research.fitting.fit import (
    MIN_ROWS,
    FitSample,
    build_sample,
    design_effect,
    fit_weights,
)
from tests.agents.random_panels import random_panel
from tests.research.fitting.planted_signal import VolumeAgent, planted_panel


def build_test_sample(panel: Panel, begin: int = 0) -> FitSample:
    agent = VolumeAgent()
    return build_sample(panel, begin, agent, agent.observe(panel, begin))


def every_row(sample: FitSample) -> np.ndarray:
    return np.arange(len(sample.base_log_odds))


def test_a_planted_weight_is_found() -> None:
    sample = build_test_sample(planted_panel(weight=0.3))
    learnt = fit_weights(sample, every_row(sample))
    assert learnt.prior_std > 0.0
    assert learnt.weights[0] == pytest.approx(0.25, abs=0.07)


def test_where_nothing_is_to_be_found_the_shipped_weights_stay() -> None:
    sample = build_test_sample(planted_panel(weight=0.0, seed=3))
    learnt = fit_weights(sample, every_row(sample))
    assert learnt.prior_std == 0.0
    assert np.array_equal(learnt.weights, [0.0, 0.02])


@pytest.mark.parametrize("weight", [0.2, 0.5])
def test_one_step_of_newton_is_the_maximum_of_the_penalised_likelihood(weight: float) -> None:
    sample = build_test_sample(planted_panel(weight, bars=900))
    rows = every_row(sample)
    learnt = fit_weights(sample, rows)
    assert learnt.prior_std > 0.0
    known = ~np.isnan(sample.change)
    unit, base = sample.evidence[known], sample.base_log_odds[known]
    sign = np.where(sample.change[known] > 0.0, 1.0, -1.0)
    effect = design_effect(sample, rows)

    def loss(weights: np.ndarray) -> float:
        margin = sign * (base + unit @ weights)
        departure = (weights - sample.shipped) / learnt.prior_std
        return float(np.logaddexp(0.0, -margin).sum() / effect + 0.5 * departure @ departure)

    best = minimize(loss, sample.shipped, method="BFGS", options={"gtol": 1e-8}).x
    assert learnt.weights == pytest.approx(best, rel=0.02, abs=2e-4)


def test_copies_of_the_same_symbols_change_nothing() -> None:
    panel = planted_panel(weight=0.3, bars=800)
    twice = replace(
        panel,
        symbols=(*panel.symbols, *(f"{symbol}2" for symbol in panel.symbols)),
        **{name: np.hstack([getattr(panel, name)] * 2)
           for name in ("open", "high", "low", "close", "volume")},
    )  # fmt: skip
    once, again = build_test_sample(panel), build_test_sample(twice)
    rows = every_row(once)
    assert design_effect(again, rows) == pytest.approx(2 * design_effect(once, rows), rel=0.1)
    first, second = fit_weights(once, rows), fit_weights(again, rows)
    assert second.weights == pytest.approx(first.weights, abs=0.01)


def test_longer_horizons_count_for_less() -> None:
    panel = planted_panel(weight=0.0, bars=600)
    near, far = (build_test_sample(replace(panel, horizon=h)) for h in (1, 10))
    assert design_effect(far, every_row(far)) > 5 * design_effect(near, every_row(near))


def test_too_few_settled_rows_teach_nothing() -> None:
    sample = build_test_sample(planted_panel(weight=0.5))
    few = fit_weights(sample, np.arange(MIN_ROWS - 1))
    assert (few.prior_std, few.rows) == (0.0, MIN_ROWS - 1)
    assert np.array_equal(few.weights, sample.shipped)


def test_what_comes_after_the_last_outcome_learnt_from_changes_nothing() -> None:
    panel = planted_panel(weight=0.3, bars=700)
    rows = np.arange(500)
    last = int(build_test_sample(panel).outcome_ends[rows].max())
    other = planted_panel(weight=-0.3, seed=9, bars=700)
    future = np.arange(700)[:, np.newaxis] > last
    changed = replace(
        panel,
        **{name: np.where(future, getattr(other, name), getattr(panel, name))
           for name in ("open", "high", "low", "close", "volume")},
    )  # fmt: skip
    one, two = (
        fit_weights(build_test_sample(panel), rows),
        fit_weights(build_test_sample(changed), rows),
    )
    assert np.array_equal(one.weights, two.weights)
    assert one.prior_std > 0.0


def test_an_outcome_delayed_by_a_long_halt_is_not_learnt_from() -> None:
    panel = planted_panel(weight=0.0, bars=300)
    halted = {
        name: np.array(getattr(panel, name)) for name in ("open", "high", "low", "close", "volume")
    }
    for values in halted.values():
        values[100:150, 0] = np.nan
    sample = build_test_sample(replace(panel, **halted))
    assert np.isnan(sample.change[98:150, 0]).all()
    assert not np.isnan(sample.change[97, 0])
    assert (sample.outcome_ends - np.arange(300) <= 4).all()


def test_votes_under_the_shipped_weights_are_those_of_the_agent() -> None:
    panel = random_panel(seed=4, bars=500)
    agent = TechnicalAgent()
    sample = build_sample(panel, 200, agent, agent.observe(panel, 200))
    votes = agent.vote(panel, 200)
    assert np.array_equal(np.isnan(votes.log_odds), ~sample.voted)
    np.testing.assert_allclose(sample.log_odds(sample.shipped), votes.log_odds, atol=1e-12)
