"""The contract of an agent, for its test: `check_agent(MyAgent(), random_panel(seed=3))`."""

from copy import copy
from functools import partial

from domain.panel import Panel
from domain.votes import Agent
from research.lookahead.agent_process import AgentPair, agent_pair
from research.lookahead.examine import examine


def check_agent(agent: Agent, panel: Panel, seed: int = 0) -> None:
    """Check every promise that `quorum check` looks at, in two processes that take a second or two
    to start. Raises AssertionError naming those that are broken, InputError for an agent whose
    class no other process can import."""
    with agent_pair(partial(copy, agent)) as pair:
        check_pair(pair, panel, seed)


def check_pair(pair: AgentPair, panel: Panel, seed: int = 0, cuts: int = 20) -> None:
    """Check as `check_agent` does, in processes that run already and saw none of the panel."""
    report = examine(pair, panel, cuts=cuts, seed=seed)
    if report.violations:
        raise AssertionError(
            "\n".join(
                f"{each.invariant} ({each.source}): {each.message}" for each in report.violations
            )
        )
