"""The shipped agents keep the promises every agent must keep."""

from collections.abc import Iterator
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.registry import AgentSettings, build
from domain.panel import Panel
from research.lookahead.agent_process import AgentPair, agent_pair
from research.lookahead.contract import check_pair
from tests.agents.random_panels import panels, random_panel


@pytest.fixture(scope="module", params=["technical", "fundamental", "risk", "news", "rl"])
def pair(request: pytest.FixtureRequest) -> Iterator[AgentPair]:
    lexicon = AgentSettings(news_model="lexicon")
    with agent_pair(partial(build, request.param, lexicon)) as pair:
        yield pair


def test_an_agent_keeps_every_promise_on_a_long_history(pair: AgentPair) -> None:
    check_pair(pair, random_panel(seed=7, bars=700))


@settings(max_examples=6)
@given(panel=panels(), seed=st.integers(0, 1000))
def test_an_agent_keeps_every_promise_on_any_panel(
    pair: AgentPair, panel: Panel, seed: int
) -> None:
    check_pair(pair, panel, seed, cuts=4)
