"""The shipped agents keep the promises every agent must keep."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.fundamental import FundamentalAgent
from agents.risk import RiskAgent
from agents.technical import TechnicalAgent
from domain.panel import Panel
from domain.votes import Agent
from research.lookahead.contract import check_agent
from tests.agents.random_panels import panels, random_panel

AGENTS = [TechnicalAgent(), FundamentalAgent(), RiskAgent()]


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.name)
def test_an_agent_keeps_every_promise_on_a_long_history(agent: Agent) -> None:
    check_agent(agent, random_panel(seed=7, bars=900))


@settings(max_examples=8)
@given(panel=panels(), seed=st.integers(0, 1000))
@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.name)
def test_an_agent_keeps_every_promise_on_any_panel(agent: Agent, panel: Panel, seed: int) -> None:
    check_agent(agent, panel, seed)
