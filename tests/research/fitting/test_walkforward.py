"""Votes of refitted agents are votes like any others, and nothing in them was known too late."""

from collections.abc import Callable

import numpy as np
import pytest

from agents.registry import AgentSettings, build
from agents.technical import TechnicalAgent
from domain.errors import InputError
from domain.panel import Panel
from domain.votes import Agent, Votes
from research.fitting.fit import build_sample
from research.fitting.walkforward import (
    cross_validate,
    estimate_skill,
    out_of_sample_log_odds,
    refit_walk,
    skill_difference,
    walk_forward_votes,
)
from research.lookahead.random_panel import random_panel
from tests.orchestrator.sample_agents import MomentumAgent
from tests.research.fitting.planted_signal import VolumeAgent, planted_panel

SINCE, WINDOW, STEP = 500, 400, 150


def builder(agent: Agent) -> Callable[[str], Agent]:
    return lambda name: agent


def walk_of(agent: Agent, panel: Panel) -> Votes:
    [result] = walk_forward_votes(panel, SINCE, WINDOW, STEP, [agent.name], builder(agent))
    assert result.votes is not None, result.failure
    return result.votes


def test_each_step_votes_as_the_agent_of_its_weights_to_the_last_bit() -> None:
    panel, agent = planted_panel(weight=0.3, bars=1000), VolumeAgent()
    votes = walk_of(agent, panel)
    begin = SINCE - WINDOW
    sample = build_sample(panel, begin, agent, agent.observe(panel, begin))
    steps = refit_walk(sample, WINDOW, WINDOW, STEP)
    assert [step.test.start for step in steps] == [400, 550, 700, 850]
    assert any(step.fitted.prior_std > 0.0 for step in steps)
    for step in steps:
        weights = dict(zip(sample.names, step.fitted.weights.tolist(), strict=True))
        alone = agent.with_weights(weights).vote(panel, begin).log_odds[step.test]
        rows = slice(step.test.start - WINDOW, step.test.stop - WINDOW)
        assert np.array_equal(votes.log_odds[rows], alone, equal_nan=True)


@pytest.mark.parametrize("agent", [VolumeAgent(), TechnicalAgent()], ids=lambda a: a.name)
def test_a_later_end_changes_no_earlier_vote(agent: Agent) -> None:
    panel = planted_panel(weight=0.4, bars=1000)
    votes_at_once = walk_of(agent, panel)
    for rows in (SINCE + 1, 700, 851):
        part = walk_of(agent, panel.head(rows))
        assert np.array_equal(part.log_odds, votes_at_once.log_odds[: rows - SINCE], equal_nan=True)


@pytest.mark.parametrize("name", ["technical", "news", "fundamental", "risk", "rl"])
def test_every_agent_walks_and_its_reasons_add_up(name: str) -> None:
    panel = random_panel(seed=8, bars=620)
    agent = build(name, AgentSettings(news_model="lexicon"))
    votes, plain = walk_of(agent, panel), agent.vote(panel, SINCE)
    assert votes.version.startswith("walk-forward ")
    assert np.array_equal(np.isnan(votes.log_odds), np.isnan(plain.log_odds))
    assert np.array_equal(votes.cap, plain.cap)
    assert np.array_equal(votes.known_at, plain.known_at)
    spoken = np.argwhere(~np.isnan(votes.log_odds))
    assert len(spoken)
    for row, col in spoken[:: len(spoken) // 20 + 1].tolist():
        total = 0.0
        for reason in votes.reasons(row, col):
            total += reason.log_odds
        assert total == votes.log_odds[row, col]
        assert [r.name for r in votes.reasons(row, col)] == [
            r.name for r in plain.reasons(row, col)
        ]


def test_an_agent_without_weights_votes_as_it_is() -> None:
    panel, agent = random_panel(seed=8, bars=520), MomentumAgent("plain")
    votes = walk_of(agent, panel)
    assert votes.version == agent.version
    assert np.array_equal(votes.log_odds, agent.vote(panel, SINCE).log_odds, equal_nan=True)


def test_a_walk_without_a_past_is_refused() -> None:
    with pytest.raises(InputError, match="both sides of bar 0"):
        walk_forward_votes(planted_panel(0.0), 0, 100, 50, ["volume"], builder(VolumeAgent()))


def test_refitting_pays_where_there_is_something_to_learn_and_says_so() -> None:
    panel, agent = planted_panel(weight=0.5), VolumeAgent()
    sample = build_sample(panel, 0, agent, agent.observe(panel, 0))
    votes = out_of_sample_log_odds(sample, refit_walk(sample, SINCE, WINDOW, STEP))
    assert np.isnan(votes[:SINCE]).all()
    skill = estimate_skill(sample, votes)
    assert skill.brier_skill.low > 0.0
    assert skill.rank_ic.low > 0.05
    assert skill.relative_hits.low > 0.5
    assert skill.brier_skill.n == (~np.isnan(votes) & ~np.isnan(sample.change)).sum()
    shipped = sample.log_odds(sample.shipped)
    assert skill_difference(sample, votes, shipped).low > 0.0
    assert skill_difference(sample, shipped, votes).high < 0.0


def test_skill_is_one_less_the_ratio_of_brier_scores() -> None:
    panel, agent = planted_panel(weight=0.5, bars=400), VolumeAgent({"volume": 0.5})
    sample = build_sample(panel, 0, agent, agent.observe(panel, 0))
    votes = agent.vote(panel).log_odds
    up = (sample.change > 0.0)[~np.isnan(sample.change)]
    probability, base = (
        1 / (1 + np.exp(-x[~np.isnan(sample.change)])) for x in (votes, sample.base_log_odds)
    )
    expected = 1 - ((probability - up) ** 2).mean() / ((base - up) ** 2).mean()
    assert estimate_skill(sample, votes).brier_skill.value == pytest.approx(expected)


def test_crossing_gives_as_many_histories_as_there_are_paths() -> None:
    sample = {}
    for weight in (0.0, 0.5):
        panel, agent = planted_panel(weight, seed=2, bars=900), VolumeAgent()
        sample[weight] = cross_validate(
            build_sample(panel, 0, agent, agent.observe(panel, 0)), 6, 2
        )
    for crossed in sample.values():
        assert crossed.brier_skill.n == 5
        assert crossed.brier_skill.low <= crossed.brier_skill.value <= crossed.brier_skill.high
    assert sample[0.5].brier_skill.low > 0.01
    assert sample[0.5].rank_ic.low > 0.05
    assert abs(sample[0.0].brier_skill.value) < 0.005
