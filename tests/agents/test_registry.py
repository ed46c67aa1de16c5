"""Agents are looked up by name, and a wrong name is answered with the right one."""

import pytest

from agents.registry import AGENTS, AgentSettings, build
from domain.errors import NotFoundError


def test_there_are_five_agents() -> None:
    assert list(AGENTS) == ["technical", "news", "fundamental", "risk", "rl"]


@pytest.mark.parametrize("name", ["technical", "fundamental", "risk"])
def test_an_agent_bears_the_name_it_is_registered_under(name: str) -> None:
    assert build(name, AgentSettings()).name == name


def test_a_misspelt_agent_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(NotFoundError, match=r"'techncal' is not an agent.*'technical'"):
        build("techncal", AgentSettings())
