"""What every agent must keep, whatever it believes: use `check_agent(agent, panel)`."""

from domain.panel import Panel
from domain.votes import Agent
from research.lookahead.examine import examine


def check_agent(agent: Agent, panel: Panel, seed: int = 0) -> None:
    """Every promise that `quorum check` looks at, in this process."""
    report = examine(agent, panel, cuts=6, seed=seed)
    violations = [f"{each.invariant} ({each.source}): {each.message}" for each in report.violations]
    assert not violations, "\n".join(violations)
