"""The contract of an agent, for its test: `check_agent(MyAgent(), random_panel(seed=3))`."""

from domain.panel import Panel
from domain.votes import Agent
from research.lookahead.examine import examine


def check_agent(agent: Agent, panel: Panel, seed: int = 0) -> None:
    """Every promise that `quorum check` looks at, in this process. Raises AssertionError naming
    those that are broken."""
    report = examine(agent, panel, cuts=6, seed=seed)
    if report.violations:
        raise AssertionError(
            "\n".join(
                f"{each.invariant} ({each.source}): {each.message}" for each in report.violations
            )
        )
