"""Fitted weights change exactly the votes they should; a file that does not fit is refused."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.coefficients import Coefficients, WeightSkill, load_coefficients
from agents.evidence import TunableAgent
from agents.news import NewsAgent
from agents.registry import AGENTS, AgentSettings, build
from agents.rl import RlAgent
from agents.sentiment import LexiconScorer
from agents.technical import TechnicalAgent
from domain.errors import ConfigurationError
from domain.votes import Evidence
from research.lookahead.contract import check_agent
from tests.agents.random_panels import random_panel

PANEL = random_panel(seed=11, bars=420)
PLAIN = AgentSettings(news_model="lexicon")
TUNABLE = list(AGENTS)


def coefficients(
    weights: Mapping[str, Mapping[str, float]], versions: Mapping[str, str] | None = None
) -> Coefficients:
    known = {name: build(name, PLAIN).version for name in weights if name in AGENTS}
    return Coefficients(
        weights=weights,
        versions=known if versions is None else versions,
        symbols=("AAPL", "MSFT"),
        first=datetime(2011, 1, 3, 21, tzinfo=UTC),
        last=datetime(2018, 12, 31, 21, tzinfo=UTC),
        timeframe="1d",
        horizon=5,
        panel="ab" * 32,
        spread=dict.fromkeys(weights, 0.02),
        shipped_record={name: WeightSkill((0.001, -0.002, 0.003), (0.01, None, None), 900)
                        for name in weights},
        fitted_record={},
        made_at=datetime(2020, 1, 1, tzinfo=UTC),
    )  # fmt: skip


def settings_of(weights: Mapping[str, Mapping[str, float]], folder: Path, **changes: Any):
    path = folder / "fitted.json"
    path.write_bytes(coefficients(weights, **changes).to_bytes())
    return AgentSettings(news_model="lexicon", coefficients=path)


def altered(agent: TunableAgent[Any]) -> dict[str, float]:
    return {name: 0.5 * weight for name, weight in agent.default_weights.items()}


def test_a_file_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    written = coefficients({"technical": {"RSI 14": -0.0123456789012345678}, "risk": {}})
    (tmp_path / "fitted.json").write_bytes(written.to_bytes())
    assert load_coefficients(tmp_path / "fitted.json") == written


@pytest.mark.parametrize("name", TUNABLE)
def test_shipped_weights_given_as_fitted_ones_give_the_same_votes(name: str) -> None:
    agent = build(name, PLAIN)
    assert isinstance(agent, TunableAgent)
    same = agent.with_weights(agent.default_weights)
    assert same.version.startswith(agent.version + "+")
    plain, tuned = agent.vote(PANEL), same.vote(PANEL)
    assert np.array_equal(plain.log_odds, tuned.log_odds, equal_nan=True)
    assert np.array_equal(plain.cap, tuned.cap)


@pytest.mark.parametrize("name", TUNABLE)
def test_evidence_grows_with_the_weights_and_the_base_rate_does_not(
    name: str, tmp_path: Path
) -> None:
    agent = build(name, PLAIN)
    assert isinstance(agent, TunableAgent)
    half = build(name, settings_of({name: altered(agent)}, tmp_path))
    plain, tuned = agent.vote(PANEL), half.vote(PANEL)
    before, after = (v.log_odds - v.evidence[0].log_odds for v in (plain, tuned))
    spoken = ~np.isnan(before)
    assert spoken.any()
    assert np.array_equal(plain.evidence[0].log_odds, tuned.evidence[0].log_odds, equal_nan=True)
    np.testing.assert_allclose(after[spoken], 0.5 * before[spoken], atol=1e-12)
    assert half.version != agent.version
    assert tuned.version == half.version


@pytest.mark.parametrize("name", TUNABLE)
def test_each_row_can_be_weighed_on_its_own(name: str) -> None:
    """A schedule of weights votes, row by row, as the agent of that row's weights does."""
    agent = build(name, PLAIN)
    assert isinstance(agent, TunableAgent)
    since = 300
    rows = len(PANEL.known_at) - since
    late = np.arange(rows)[:, np.newaxis] >= 50
    schedule = {k: np.where(late, 0.5 * w, w) for k, w in agent.default_weights.items()}
    votes = agent.vote_with_weights(PANEL, since, agent.observe(PANEL, since), schedule)
    early, later = agent.vote(PANEL, since), agent.with_weights(altered(agent)).vote(PANEL, since)
    expected = np.where(late, later.log_odds, early.log_odds)
    assert np.array_equal(votes.log_odds, expected, equal_nan=True)

    def by_label(terms: tuple[Evidence, ...]) -> list[str]:
        return [term.name for term in terms]

    assert by_label(votes.evidence) == by_label(early.evidence)


@pytest.mark.parametrize("name", ["technical", "news"])
def test_a_fitted_agent_keeps_every_promise(name: str) -> None:
    agent = build(name, PLAIN)
    assert isinstance(agent, TunableAgent)
    check_agent(agent.with_weights(altered(agent)), random_panel(seed=5, bars=200))


def test_agents_without_coefficients_in_the_file_stay_as_they_ship(tmp_path: Path) -> None:
    settings = settings_of({"technical": {"RSI 14": -0.1}}, tmp_path)
    assert build("risk", settings).version == "2"
    assert build("technical", settings).version != "1"


def test_equal_weights_have_equal_versions_and_others_have_others() -> None:
    versions = {TechnicalAgent({"RSI 14": w}).version for w in (-0.1, -0.1, -0.2)}
    assert len(versions) == 2
    assert NewsAgent(LexiconScorer(), {"all headlines": 0.1}).version.startswith("1 lexicon")
    assert RlAgent.load().with_weights({"the policy's evidence": 0.1}).version.startswith("rl/3+")


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"techncal": {"RSI 14": 0.1}}, r"'techncal' is no agent; did you mean 'technical'"),
        ({"technical": {"RSI 41": 0.1}}, r"'RSI 41' is no signal of .*did you mean 'RSI 14'"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(
    weights: dict[str, dict[str, float]], message: str, tmp_path: Path
) -> None:
    settings = settings_of(weights, tmp_path)
    with pytest.raises(ConfigurationError, match=message):
        build("technical", settings)


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), 1.5, -2.0, True, "0.1", None])
def test_a_weight_that_no_evidence_is_worth_is_refused(weight: Any, tmp_path: Path) -> None:
    stored = json.loads(coefficients({"technical": {"RSI 14": 0.1}}).to_bytes())
    stored["weights"]["technical"]["RSI 14"] = weight
    path = tmp_path / "fitted.json"
    path.write_text(json.dumps(stored))
    with pytest.raises(ConfigurationError, match=r"fitted\.json.*RSI 14.*quorum fit"):
        load_coefficients(path)


def test_coefficients_of_what_an_agent_no_longer_sees_are_refused(tmp_path: Path) -> None:
    settings = settings_of({"risk": {}}, tmp_path, versions={"risk": "0"})
    with pytest.raises(ConfigurationError, match=r"version '0' sees; this is '2'.*quorum fit"):
        build("risk", settings)


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"format": 2}', '{"format": 1}', '{"format": 1, "weights": 3}']
)
def test_a_file_of_something_else_is_refused(body: str, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(body)
    with pytest.raises(ConfigurationError, match=r"other\.json.*quorum fit"):
        load_coefficients(path)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.json cannot be read: No such file"):
        load_coefficients(tmp_path / "nowhere.json")
