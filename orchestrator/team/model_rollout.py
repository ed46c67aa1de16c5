"""Who votes in a seat whose occupant can be replaced while the engine runs.

Before every cycle the seat is offered to whatever is wanted in it by then; somebody else's process
may have wanted it. What cannot vote is refused, in words, and the former votes on; it is tried
again at the next cycle. Leaves out where agents live (`team.py`) and what a name stands for.
"""

from collections.abc import Callable
from dataclasses import replace

from domain.errors import QuorumError
from domain.votes import Agent
from orchestrator.team.base import AgentHealth, Team

Build = Callable[[str], Agent]
"""Makes an agent from its name."""


class Seating:
    """`wanted` names what should vote in the seat of `agent`, and `builder` gives what builds the
    team with it. `refusal` says why it does not vote yet; None where it does."""

    def __init__(
        self, agent: str, wanted: Callable[[], str], builder: Callable[[str], Build]
    ) -> None:
        self.agent = agent
        self.refusal: str | None = None
        self._wanted = wanted
        self._builder = builder
        self._seated: str | None = None

    def open(self) -> Build:
        """Builds a team as it is wanted now."""
        self._seated = self._wanted()
        return self._builder(self._seated)

    def renew(self, team: Team) -> bool:
        """Seat what is wanted by now, if it is another; whether that or `refusal` changed."""
        if self.agent not in team.agents:
            return False
        wanted, before = self._wanted(), (self._seated, self.refusal)
        self.refusal = None
        if wanted != self._seated:
            failure = self._seat(team, wanted)
            if failure is None:
                self._seated = wanted
            else:
                self.refusal = f"{wanted} was not seated, so the former votes on: {failure}"
        return (self._seated, self.refusal) != before

    def told(self, health: AgentHealth) -> AgentHealth:
        """The agent's health with the refusal, where it says nothing worse."""
        if self.refusal is None or health.agent != self.agent:
            return health
        return replace(health, failure=health.failure or self.refusal)

    def _seat(self, team: Team, wanted: str) -> str | None:
        try:
            return team.reseat(self.agent, self._builder(wanted))
        except QuorumError as error:
            return str(error)
