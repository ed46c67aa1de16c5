"""Votes of refitted agents are votes like any others, and nothing in them was known too late."""

from collections.abc import Callable

import numpy as np
import pytest

from agents.registry import AgentSettings, build
from agents.technical import TechnicalAgent
from domain.errors import InputError
from domain.panel import Panel
from domain.votes import Agent, Votes
from research.fitting.fit import lesson
from research.fitting.walkforward import (
    ahead,
    cross_validate,
    skills,
    walk,
    walk_forward_ballots,
    walked,
)
from tests.agents.panels import random_panel
from tests.orchestrator.agents_for_tests import Momentum
from tests.research.planted import VolumeAgent, planted_panel

SINCE, WINDOW, STEP = 500, 400, 150


def builder(agent: Agent) -> Callable[[str], Agent]:
    return lambda name: agent


def walk_of(agent: Agent, panel: Panel) -> Votes:
    [ballot] = walk_forward_ballots(panel, SINCE, WINDOW, STEP, [agent.name], builder(agent))
    assert ballot.votes is not None, ballot.failure
    return ballot.votes


def test_each_step_votes_as_the_agent_of_its_weights_to_the_last_bit() -> None:
    panel, agent = planted_panel(weight=0.3, bars=1000), VolumeAgent()
    votes = walk_of(agent, panel)
    begin = SINCE - WINDOW
    taught = lesson(panel, begin, agent, agent.see(panel, begin))
    steps = walk(taught, WINDOW, WINDOW, STEP)
    assert [step.test.start for step in steps] == [400, 550, 700, 850]
    assert any(step.learnt.spread > 0.0 for step in steps)
    for step in steps:
        weights = dict(zip(taught.names, step.learnt.weights.tolist(), strict=True))
        alone = agent.tuned(weights).vote(panel, begin).log_odds[step.test]
        rows = slice(step.test.start - WINDOW, step.test.stop - WINDOW)
        assert np.array_equal(votes.log_odds[rows], alone, equal_nan=True)


@pytest.mark.parametrize("agent", [VolumeAgent(), TechnicalAgent()], ids=lambda a: a.name)
def test_a_later_end_changes_no_earlier_vote(agent: Agent) -> None:
    panel = planted_panel(weight=0.4, bars=1000)
    whole = walk_of(agent, panel)
    for rows in (SINCE + 1, 700, 851):
        part = walk_of(agent, panel.head(rows))
        assert np.array_equal(part.log_odds, whole.log_odds[: rows - SINCE], equal_nan=True)


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
    panel, agent = random_panel(seed=8, bars=520), Momentum("plain")
    votes = walk_of(agent, panel)
    assert votes.version == agent.version
    assert np.array_equal(votes.log_odds, agent.vote(panel, SINCE).log_odds, equal_nan=True)


def test_a_walk_without_a_past_is_refused() -> None:
    with pytest.raises(InputError, match="both sides of bar 0"):
        walk_forward_ballots(planted_panel(0.0), 0, 100, 50, ["volume"], builder(VolumeAgent()))


def test_refitting_pays_where_there_is_something_to_learn_and_says_so() -> None:
    panel, agent = planted_panel(weight=0.5), VolumeAgent()
    taught = lesson(panel, 0, agent, agent.see(panel, 0))
    votes = walked(taught, walk(taught, SINCE, WINDOW, STEP))
    assert np.isnan(votes[:SINCE]).all()
    found = skills(taught, votes)
    assert found.brier_skill.low > 0.0
    assert found.rank_ic.low > 0.05
    assert found.relative_hits.low > 0.5
    assert found.brier_skill.n == (~np.isnan(votes) & ~np.isnan(taught.change)).sum()
    shipped = taught.log_odds(taught.shipped)
    assert ahead(taught, votes, shipped).low > 0.0
    assert ahead(taught, shipped, votes).high < 0.0


def test_skill_is_one_less_the_ratio_of_brier_scores() -> None:
    panel, agent = planted_panel(weight=0.5, bars=400), VolumeAgent({"volume": 0.5})
    taught = lesson(panel, 0, agent, agent.see(panel, 0))
    votes = agent.vote(panel).log_odds
    up = (taught.change > 0.0)[~np.isnan(taught.change)]
    probability, base = (
        1 / (1 + np.exp(-x[~np.isnan(taught.change)])) for x in (votes, taught.base)
    )
    expected = 1 - ((probability - up) ** 2).mean() / ((base - up) ** 2).mean()
    assert skills(taught, votes).brier_skill.value == pytest.approx(expected)


def test_crossing_gives_as_many_histories_as_there_are_paths() -> None:
    taught = {}
    for weight in (0.0, 0.5):
        panel, agent = planted_panel(weight, seed=2, bars=900), VolumeAgent()
        taught[weight] = cross_validate(lesson(panel, 0, agent, agent.see(panel, 0)), 6, 2)
    for crossed in taught.values():
        assert crossed.brier_skill.n == 5
        assert crossed.brier_skill.low <= crossed.brier_skill.value <= crossed.brier_skill.high
    assert taught[0.5].brier_skill.low > 0.01
    assert taught[0.5].rank_ic.low > 0.05
    assert abs(taught[0.0].brier_skill.value) < 0.005
