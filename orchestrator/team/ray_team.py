"""A team of Ray actors, each agent in a process of its own.

Promises that a vote returns within its timeout whatever an agent does, and that every agent
recovers by itself (`supervisor.py`). The panel is put into the object store once, and the actors
read it without a copy.
"""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from domain.panel import Panel
from domain.votes import Agent, Votes
from orchestrator.team.base import AgentHealth, AgentVoteResult, validate_votes
from orchestrator.team.ray_session import RaySession, home_hash
from orchestrator.team.supervisor import AgentSupervisor

ProgressCallback = Callable[[str, int, int], None]
"""Called with (what, done, total) during something slow."""


class RayTeam:
    """Agents in Ray actors. `build` makes an agent from its name; it is sent to the actors, so it
    must pickle.

    Actors are called `quorum-<agent>` in a namespace derived from `home`. An agent has `timeout`
    seconds for a vote and `start_timeout` seconds to be ready, which the constructor waits for; an
    agent that is not ready by then abstains until it is.
    """

    def __init__(
        self,
        session: RaySession,
        agents: Sequence[str],
        build: Callable[[str], Agent],
        *,
        home: Path,
        timeout: float = 30.0,
        start_timeout: float = 120.0,
        on_progress: ProgressCallback = lambda *_: None,
    ) -> None:
        self.agents = tuple(agents)
        self.dashboard_url = session.dashboard_url
        self.token = session.token
        self.session = session
        self._ray = session.ray
        self._timeout = timeout
        self._start_timeout = start_timeout
        self._lock = threading.Lock()
        self._namespace = f"quorum-{home_hash(home)}"
        self._supervisors = [self._supervise(agent, build) for agent in agents]
        self._wait_for_all(on_progress)

    def vote(self, panel: Panel, since: int) -> tuple[AgentVoteResult, ...]:
        with self._lock:
            started = time.monotonic()
            shared = self._ray.put(panel)
            results: dict[str, AgentVoteResult] = {}

            def record(
                supervisor: AgentSupervisor, votes: Votes | None, failure: str | None
            ) -> None:
                agent, seconds = supervisor.agent, time.monotonic() - started
                if votes is None:
                    results[agent] = AgentVoteResult(agent, None, failure, seconds)
                else:
                    results[agent] = validate_votes(agent, votes, panel, since, seconds)
                supervisor.record(results[agent])

            waiting = {
                supervisor.request_vote(shared, since): supervisor
                for supervisor in self._supervisors
            }
            while waiting and (remaining := started + self._timeout - time.monotonic()) > 0:
                ready, _ = self._ray.wait(list(waiting), num_returns=1, timeout=remaining)
                for reference in ready:
                    supervisor = waiting.pop(reference)
                    if reference == supervisor.pending_ping:
                        failure = supervisor.on_ready()
                        if failure is None:
                            waiting[supervisor.request_vote(shared, since)] = supervisor
                        else:
                            record(supervisor, None, failure)
                    else:
                        record(supervisor, *supervisor.collect_vote(reference))
            for supervisor in waiting.values():
                record(supervisor, None, supervisor.on_timeout(self._timeout, self._start_timeout))
            return tuple(results[agent] for agent in self.agents)

    def health(self) -> tuple[AgentHealth, ...]:
        return tuple(supervisor.health() for supervisor in self._supervisors)

    def replace_agent(self, agent: str, build: Callable[[str], Agent]) -> str | None:
        """Replace an agent. The new actor must answer within `start_timeout` seconds before the old
        one is stopped."""
        supervisor = self._supervise(agent, build)
        failure: str | None = "interrupted"
        try:
            failure = self._wait_until_ready(supervisor)
        finally:
            if failure:
                supervisor.kill()
        if failure:
            return failure
        with self._lock:
            index = self.agents.index(agent)
            previous, self._supervisors[index] = self._supervisors[index], supervisor
        previous.kill()
        return None

    def stop_actors(self) -> None:
        """Stop the actors, but stay connected to Ray."""
        for supervisor in self._supervisors:
            supervisor.kill()

    def close(self) -> None:
        if self._ray.is_initialized():
            self.stop_actors()
            self.session.close()

    def _supervise(self, agent: str, build: Callable[[str], Agent]) -> AgentSupervisor:
        return AgentSupervisor(self.session, agent, build, self._namespace)

    def _wait_until_ready(self, supervisor: AgentSupervisor) -> str | None:
        """Wait for a supervisor's actor. Return what is wrong with it in words, None if nothing
        is."""
        ready, _ = self._ray.wait([supervisor.pending_ping], timeout=self._start_timeout)
        return supervisor.on_ready() if ready else f"not ready within {self._start_timeout:g} s"

    def _wait_for_all(self, on_progress: ProgressCallback) -> None:
        total, deadline = len(self._supervisors), time.monotonic() + self._start_timeout
        waiting = {supervisor.pending_ping: supervisor for supervisor in self._supervisors}
        while waiting and (remaining := deadline - time.monotonic()) > 0:
            names = ", ".join(supervisor.agent for supervisor in waiting.values())
            on_progress(f"starting {names}", total - len(waiting), total)
            for reference in self._ray.wait(list(waiting), num_returns=1, timeout=remaining)[0]:
                supervisor = waiting.pop(reference)
                if failure := supervisor.on_ready():
                    supervisor.record(AgentVoteResult(supervisor.agent, None, failure, 0.0))
