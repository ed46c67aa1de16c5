"""The worked example of docs/agents.md: a sixth agent, and the proof that it keeps the rules."""

from pathlib import Path

import numpy as np
import pytest

import agents.registry as registry
from agents.evidence import Signal, base_rate_term, terms
from domain.panel import Panel
from domain.votes import Votes, cast
from quant.columns import change
from tests.agents.panels import random_panel
from tests.agents.properties import check_everything


# example: begin
class LeaderAgent:
    """Follows the market's leader: what the benchmark did yesterday, its followers do today."""

    name = "leader"
    version = "1"
    warmup = 2

    SIGNAL = Signal(
        "benchmark, last bar", "%", 0.0, 2.0, 0.02,
        "Large moves of the market reach its slower members a little later.",
    )  # fmt: skip

    def vote(self, panel: Panel, since: int = 0) -> Votes:
        benchmark = np.repeat(panel.benchmark[:, np.newaxis], len(panel.symbols), axis=1)
        observed = {self.SIGNAL.name: 100.0 * change(benchmark, 1)}
        blind = np.isnan(observed[self.SIGNAL.name][since:])
        return cast(
            panel,
            since,
            agent=self.name,
            version=self.version,
            terms=[base_rate_term(panel, since), *terms([self.SIGNAL], observed, since)],
            silent=[(blind, "the benchmark is unknown")],
        )


# example: end


class FortuneTeller(LeaderAgent):
    """Peeks: scales its evidence by the size of a move that has not happened yet."""

    name = "fortune teller"

    def vote(self, panel: Panel, since: int = 0) -> Votes:
        benchmark = np.repeat(panel.benchmark[:, np.newaxis], len(panel.symbols), axis=1)
        observed = {self.SIGNAL.name: benchmark / np.nanmax(benchmark)}
        return cast(
            panel, since, agent=self.name, version=self.version,
            terms=[base_rate_term(panel, since), *terms([self.SIGNAL], observed, since)],
        )  # fmt: skip


def test_the_sixth_agent_keeps_every_promise() -> None:
    check_everything(LeaderAgent(), random_panel(seed=3))


def test_an_agent_that_looks_ahead_is_caught() -> None:
    with pytest.raises(AssertionError, match="differs in"):
        check_everything(FortuneTeller(), random_panel(seed=3))


def test_one_line_in_the_registry_makes_it_known(monkeypatch: pytest.MonkeyPatch) -> None:
    with_sixth = {**registry.AGENTS, "leader": lambda _: LeaderAgent()}
    monkeypatch.setattr(registry, "AGENTS", with_sixth)
    assert registry.build("leader", registry.AgentSettings()).name == "leader"


def test_the_documentation_shows_this_very_code() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    example = source.split("# example: begin\n")[1].split("\n\n\n# example: end")[0]
    guide = Path(__file__).parents[2] / "docs" / "agents.md"
    assert example in guide.read_text(encoding="utf-8")
