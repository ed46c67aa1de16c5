"""A fit finds what is there, leaves alone what is not, and never believes copies."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from agents.technical import TechnicalAgent
from domain.panel import Panel
from research.fitting.fit import (
    FEWEST_ROWS,
    Lesson,
    design_effect,
    learn,
    lesson,
)
from tests.agents.random_panels import random_panel
from tests.research.fitting.planted_signal import VolumeAgent, planted_panel


def taught_by(panel: Panel, begin: int = 0) -> Lesson:
    agent = VolumeAgent()
    return lesson(panel, begin, agent, agent.see(panel, begin))


def every_row(taught: Lesson) -> np.ndarray:
    return np.arange(len(taught.base))


def test_a_planted_weight_is_found() -> None:
    taught = taught_by(planted_panel(weight=0.3))
    learnt = learn(taught, every_row(taught))
    assert learnt.spread > 0.0
    assert learnt.weights[0] == pytest.approx(0.25, abs=0.07)


def test_where_nothing_is_to_be_found_the_shipped_weights_stay() -> None:
    taught = taught_by(planted_panel(weight=0.0, seed=3))
    learnt = learn(taught, every_row(taught))
    assert learnt.spread == 0.0
    assert np.array_equal(learnt.weights, [0.0, 0.02])


@pytest.mark.parametrize("weight", [0.2, 0.5])
def test_one_step_of_newton_is_the_maximum_of_the_penalised_likelihood(weight: float) -> None:
    taught = taught_by(planted_panel(weight, bars=900))
    rows = every_row(taught)
    learnt = learn(taught, rows)
    assert learnt.spread > 0.0
    known = ~np.isnan(taught.change)
    unit, base = taught.unit[known], taught.base[known]
    sign = np.where(taught.change[known] > 0.0, 1.0, -1.0)
    effect = design_effect(taught, rows)

    def loss(weights: np.ndarray) -> float:
        margin = sign * (base + unit @ weights)
        departure = (weights - taught.shipped) / learnt.spread
        return float(np.logaddexp(0.0, -margin).sum() / effect + 0.5 * departure @ departure)

    best = minimize(loss, taught.shipped, method="BFGS", options={"gtol": 1e-8}).x
    assert learnt.weights == pytest.approx(best, rel=0.02, abs=2e-4)


def test_copies_of_the_same_symbols_change_nothing() -> None:
    panel = planted_panel(weight=0.3, bars=800)
    twice = replace(
        panel,
        symbols=(*panel.symbols, *(f"{symbol}2" for symbol in panel.symbols)),
        **{name: np.hstack([getattr(panel, name)] * 2)
           for name in ("open", "high", "low", "close", "volume")},
    )  # fmt: skip
    once, again = taught_by(panel), taught_by(twice)
    rows = every_row(once)
    assert design_effect(again, rows) == pytest.approx(2 * design_effect(once, rows), rel=0.1)
    first, second = learn(once, rows), learn(again, rows)
    assert second.weights == pytest.approx(first.weights, abs=0.01)


def test_longer_horizons_count_for_less() -> None:
    panel = planted_panel(weight=0.0, bars=600)
    near, far = (taught_by(replace(panel, horizon=h)) for h in (1, 10))
    assert design_effect(far, every_row(far)) > 5 * design_effect(near, every_row(near))


def test_too_few_settled_rows_teach_nothing() -> None:
    taught = taught_by(planted_panel(weight=0.5))
    few = learn(taught, np.arange(FEWEST_ROWS - 1))
    assert (few.spread, few.rows) == (0.0, FEWEST_ROWS - 1)
    assert np.array_equal(few.weights, taught.shipped)


def test_what_comes_after_the_last_outcome_learnt_from_changes_nothing() -> None:
    panel = planted_panel(weight=0.3, bars=700)
    rows = np.arange(500)
    last = int(taught_by(panel).ends[rows].max())
    other = planted_panel(weight=-0.3, seed=9, bars=700)
    future = np.arange(700)[:, np.newaxis] > last
    changed = replace(
        panel,
        **{name: np.where(future, getattr(other, name), getattr(panel, name))
           for name in ("open", "high", "low", "close", "volume")},
    )  # fmt: skip
    one, two = learn(taught_by(panel), rows), learn(taught_by(changed), rows)
    assert np.array_equal(one.weights, two.weights)
    assert one.spread > 0.0


def test_an_outcome_delayed_by_a_long_halt_is_not_learnt_from() -> None:
    panel = planted_panel(weight=0.0, bars=300)
    halted = {
        name: np.array(getattr(panel, name)) for name in ("open", "high", "low", "close", "volume")
    }
    for values in halted.values():
        values[100:150, 0] = np.nan
    taught = taught_by(replace(panel, **halted))
    assert np.isnan(taught.change[98:150, 0]).all()
    assert not np.isnan(taught.change[97, 0])
    assert (taught.ends - np.arange(300) <= 4).all()


def test_votes_under_the_shipped_weights_are_those_of_the_agent() -> None:
    panel = random_panel(seed=4, bars=500)
    agent = TechnicalAgent()
    taught = lesson(panel, 200, agent, agent.see(panel, 200))
    votes = agent.vote(panel, 200)
    assert np.array_equal(np.isnan(votes.log_odds), ~taught.voted)
    np.testing.assert_allclose(taught.log_odds(taught.shipped), votes.log_odds, atol=1e-12)
