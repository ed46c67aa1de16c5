"""Replacing an agent's model while the engine runs.

Before every cycle the active model is put in place; another process may have promoted it. A model
that cannot vote is refused, in words, and the old one keeps voting; the new one is tried again at
the next cycle. Leaves out where agents run (`base.py`) and what a model's name stands for.
"""

from collections.abc import Callable
from dataclasses import replace

from domain.errors import QuorumError
from domain.votes import Agent
from orchestrator.team.base import AgentHealth, Team

BuildAgent = Callable[[str], Agent]
"""Makes an agent from its name."""


class ModelRollout:
    """Keeps the model of one agent up to date. `desired` names the model that should vote as
    `agent`; `factory_for` returns the function that builds agents with it. `refusal` says why it
    does not vote yet; None if it does."""

    def __init__(
        self, agent: str, desired: Callable[[], str], factory_for: Callable[[str], BuildAgent]
    ) -> None:
        self.agent = agent
        self.refusal: str | None = None
        self._desired = desired
        self._factory_for = factory_for
        self._active: str | None = None

    def initial_factory(self) -> BuildAgent:
        """Return the function that builds a team with the present desired model."""
        self._active = self._desired()
        return self._factory_for(self._active)

    def refresh(self, team: Team) -> bool:
        """Replace the agent's model if another one is desired by now. Return whether the model or
        `refusal` changed."""
        if self.agent not in team.agents:
            return False
        desired, before = self._desired(), (self._active, self.refusal)
        self.refusal = None
        if desired != self._active:
            failure = self._replace(team, desired)
            if failure is None:
                self._active = desired
            else:
                self.refusal = (
                    f"{desired} was not made active, so the former model votes on: {failure}"
                )
        return (self._active, self.refusal) != before

    def annotate(self, health: AgentHealth) -> AgentHealth:
        """Return the agent's health with the refusal as its failure, unless it has a failure
        already."""
        if self.refusal is None or health.agent != self.agent:
            return health
        return replace(health, failure=health.failure or self.refusal)

    def _replace(self, team: Team, desired: str) -> str | None:
        try:
            return team.replace_agent(self.agent, self._factory_for(desired))
        except QuorumError as error:
            return str(error)
