"""What every agent must keep, whatever it believes: use `check_agent(agent, panel)`."""

from research.lookahead.contract import check_everything

__all__ = ["check_everything"]
