"""What every agent must keep, whatever it believes: use `check_everything(agent, panel)`."""

from domain.panel import Panel
from domain.votes import Agent
from research.lookahead.examine import examine


def check_everything(agent: Agent, panel: Panel, seed: int = 0) -> None:
    """Every promise that `quorum check` looks at, in this process."""
    report = examine(agent, panel, cuts=6, seed=seed)
    broken = [f"{each.promise} ({each.source}): {each.told}" for each in report.findings]
    assert not broken, "\n".join(broken)
