"""The example of docs/extend/agents.md: a sixth agent, and the proof that it keeps the rules."""

from collections.abc import Mapping
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

import agents.registry as registry
from agents.base import SignalAgent
from agents.evidence import Signal
from domain.panel import Floats, Panel
from quant.per_symbol import pct_change
from research.lookahead.contract import check_agent
from tests.agents.random_panels import random_panel


# example: begin
class LeaderAgent(SignalAgent):
    """Follows the market's leader: what the benchmark did yesterday, its followers do today."""

    name = "leader"
    warmup = 2
    signals = (
        Signal("benchmark, last bar", "%", 0.0, 2.0, 0.02,
               "Large moves of the market reach its slower members a little later."),
    )  # fmt: skip

    def observe(self, panel: Panel, since: int) -> Mapping[str, Floats]:
        benchmark = np.repeat(panel.benchmark[:, np.newaxis], len(panel.symbols), axis=1)
        return {"benchmark, last bar": 100.0 * pct_change(benchmark, 1)}


# example: end


class LookaheadAgent(LeaderAgent):
    """Peeks: scales its evidence by the size of a move that has not happened yet."""

    name = "fortune_teller"

    def observe(self, panel: Panel, since: int) -> Mapping[str, Floats]:
        benchmark = np.repeat(panel.benchmark[:, np.newaxis], len(panel.symbols), axis=1)
        return {"benchmark, last bar": benchmark / np.nanmax(benchmark)}


def test_the_sixth_agent_keeps_every_promise() -> None:
    check_agent(LeaderAgent(), random_panel(seed=3))


def test_an_agent_that_looks_ahead_is_caught() -> None:
    with pytest.raises(AssertionError, match="differs in"):
        check_agent(LookaheadAgent(), random_panel(seed=3))


def test_one_line_in_the_registry_makes_it_known(monkeypatch: pytest.MonkeyPatch) -> None:
    row = EntryPoint("leader", f"{__name__}:LeaderAgent", registry.GROUP)
    monkeypatch.setitem(registry.AGENTS, "leader", row)  # type: ignore[index]
    assert registry.build("leader", registry.AgentSettings()).name == "leader"


def test_the_documentation_shows_this_very_code() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    example = source.split("# example: begin\n")[1].split("\n\n\n# example: end")[0]
    guide = Path(__file__).parents[2] / "docs" / "extend" / "agents.md"
    assert example in guide.read_text(encoding="utf-8")
