"""Agents are looked up by name, declare what they are, and a wrong name is answered with the right
one."""

from pathlib import Path

import pytest

from agents.registry import (
    AGENTS,
    AgentSettings,
    build,
    describe_agent,
    policy_agent,
    required_to_open,
)
from domain.errors import ConfigurationError, NotFoundError
from settings import load_settings
from web.assets import ICONS

SETTINGS = AgentSettings(news_model="lexicon")


@pytest.mark.parametrize("name", AGENTS)
def test_an_agent_bears_the_name_it_is_registered_under(name: str) -> None:
    assert build(name, SETTINGS).name == name


@pytest.mark.parametrize("name", AGENTS)
def test_an_agent_declares_its_label_its_icon_and_what_it_does(name: str) -> None:
    declared = describe_agent(name)
    assert declared.label
    assert declared.icon in ICONS
    assert declared.description.endswith(".")


def test_every_label_is_another() -> None:
    assert len({describe_agent(name).label for name in AGENTS}) == len(AGENTS)


def test_the_agent_that_caps_losses_is_required_to_open_and_forecasts_their_quantile() -> None:
    assert "risk" in required_to_open()
    assert describe_agent("risk").forecasts_quantile
    assert not describe_agent("technical").forecasts_quantile


def test_one_agent_votes_with_the_policies_of_the_lab() -> None:
    assert policy_agent() == "rl"


def test_an_agent_of_an_old_record_is_known_by_its_name() -> None:
    declared = describe_agent("long_gone")
    assert (declared.label, declared.required_to_open) == ("Long gone", False)


def test_a_misspelt_agent_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(NotFoundError, match=r"'techncal' is not an agent.*'technical'"):
        build("techncal", AgentSettings())


def test_the_settings_name_the_agents_that_vote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUORUM_HOME", str(tmp_path))
    assert load_settings().agents.names == tuple(AGENTS)
    named = load_settings({"agents": {"enabled": ["risk", "news", "risk"]}})
    assert named.agents.names == ("risk", "news")
    with pytest.raises(ConfigurationError, match=r"'techncal' is not an agent.*'technical'"):
        load_settings({"agents": {"enabled": ["techncal"]}})
    with pytest.raises(ConfigurationError, match="name at least one agent"):
        load_settings({"agents": {"enabled": []}})
