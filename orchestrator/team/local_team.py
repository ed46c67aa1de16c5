"""A team in this process, one agent after the other: for tests, backtests and `--in-process`.

An exception is a failure of that agent alone. There is no protection against an agent that hangs:
Python cannot stop a thread, so the Ray team uses processes.
"""

import os
import time
from collections.abc import Callable, Sequence

from domain.panel import Panel
from domain.votes import Agent
from orchestrator.team.base import AgentHealth, AgentVoteResult, describe_error, validate_votes


class LocalTeam:
    """Agents in this process. `build` makes an agent from its name; one that cannot be built is
    tried again at every vote.

    The constructor raises nothing for an agent that cannot be built: that, too, is a failure in
    words.
    """

    dashboard_url: str | None = None
    token: str | None = None

    def __init__(self, agents: Sequence[str], build: Callable[[str], Agent]) -> None:
        self.agents = tuple(agents)
        self._build = build
        self._replacements: dict[str, Callable[[str], Agent]] = {}
        self._built: dict[str, Agent] = {}
        self._last: dict[str, AgentVoteResult] = {}
        for name in self.agents:
            self._try_to_build(name)

    def vote(self, panel: Panel, since: int) -> tuple[AgentVoteResult, ...]:
        results = tuple(self._vote(name, panel, since) for name in self.agents)
        self._last = {result.agent: result for result in results}
        return results

    def health(self) -> tuple[AgentHealth, ...]:
        return tuple(self._health(name) for name in self.agents)

    def replace_agent(self, agent: str, build: Callable[[str], Agent]) -> str | None:
        try:
            self._built[agent] = build(agent)
        except Exception as error:
            return describe_error(error)
        self._replacements[agent] = build
        self._last.pop(agent, None)
        return None

    def close(self) -> None:
        self._built.clear()

    def _try_to_build(self, name: str) -> None:
        try:
            self._built[name] = self._replacements.get(name, self._build)(name)
        except Exception as error:
            self._last[name] = AgentVoteResult(name, None, describe_error(error), 0.0)

    def _vote(self, name: str, panel: Panel, since: int) -> AgentVoteResult:
        started = time.perf_counter()
        if name not in self._built:
            self._try_to_build(name)
        if name not in self._built:
            return self._last[name]
        try:
            votes = self._built[name].vote(panel, since)
        except Exception as error:
            return AgentVoteResult(name, None, describe_error(error), time.perf_counter() - started)
        return validate_votes(name, votes, panel, since, time.perf_counter() - started)

    def _health(self, name: str) -> AgentHealth:
        agent, last = self._built.get(name), self._last.get(name)
        failure = last.failure if last else None
        return AgentHealth(
            agent=name,
            state="failing" if failure else "ready",
            version=agent.version if agent else None,
            pid=os.getpid() if agent else None,
            restarts=0,
            seconds=last.seconds if last else None,
            failure=failure,
        )
