"""One agent of the Ray team: the actor it runs in, and its supervisor in this process.

Promises that an agent recovers by itself: Ray restarts a process that died, and the supervisor
replaces one that hangs. Leaves out when to request votes (`ray_team.py`).
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from domain.panel import Panel
from domain.votes import Agent, Votes
from orchestrator.team.base import AgentHealth, AgentState, AgentVoteResult, describe_error
from orchestrator.team.ray_session import RaySession


class _AgentActor:
    """The part that runs in the actor's process. The agent is built on first use, so that a failure
    to build it is returned like any other instead of ending the process."""

    def __init__(self, agent: str, build: Callable[[str], Agent]) -> None:
        self._name = agent
        self._build = build
        self._agent: Agent | None = None

    def ping(self) -> tuple[int, str]:
        return os.getpid(), self._built_agent().version

    def vote(self, panel: Panel, since: int) -> tuple[int, Votes]:
        return os.getpid(), self._built_agent().vote(panel, since)

    def _built_agent(self) -> Agent:
        if self._agent is None:
            self._agent = self._build(self._name)
        return self._agent


class AgentSupervisor:
    """The team's side of one agent: its present actor and what is known of it."""

    def __init__(
        self, session: RaySession, agent: str, build: Callable[[str], Agent], namespace: str
    ) -> None:
        self.agent = agent
        self._session = session
        self._ray = session.ray
        self._build = build
        self._namespace = namespace
        self._lock = threading.Lock()
        self._pid: int | None = None
        self._version: str | None = None
        self._processes = 0
        self._last: AgentVoteResult | None = None
        self._actor: Any = None
        self.pending_ping: Any = None
        self._start_actor()

    def request_vote(self, panel: Any, since: int) -> Any:
        """Return a reference to wait for: to the votes, or to the ping of an actor that is
        starting."""
        if self.pending_ping is not None:
            return self.pending_ping
        return self._actor.vote.remote(panel, since)

    def on_ready(self) -> str | None:
        """Process the answer to the ping. Return what is wrong with the actor in words, None if
        nothing is."""
        try:
            self._update_process(*self._ray.get(self.pending_ping))
        except self._ray.exceptions.RayActorError:
            self._start_actor()
            return "crashed: its process died; another is starting"
        except self._ray.exceptions.RayTaskError as error:
            self.pending_ping = self._actor.ping.remote()
            return describe_error(error.cause)
        self.pending_ping = None
        return None

    def collect_vote(self, reference: Any) -> tuple[Votes | None, str | None]:
        """Return the votes that have arrived, or what went wrong; start a dead actor again."""
        try:
            pid, votes = self._ray.get(reference)
        except self._ray.exceptions.RayActorError:
            self.pending_ping = self._actor.ping.options(max_task_retries=-1).remote()
            return None, "crashed: its process died"
        except self._ray.exceptions.RayTaskError as error:
            return None, describe_error(error.cause)
        self._update_process(pid, votes.version)
        return votes, None

    def on_timeout(self, timeout: float, start_timeout: float) -> str:
        """Say what to report of an actor that did not answer; replace one that hangs."""
        if self.pending_ping is None:
            self._start_actor()
            return f"no answer within {timeout:g} s; restarting"
        if time.monotonic() - self._started_at > start_timeout:
            self._start_actor()
        return "restarting" if self._processes else "still starting"

    def record(self, result: AgentVoteResult) -> None:
        self._last = result

    def kill(self) -> None:
        with contextlib.suppress(Exception):  # it may be gone already, or never have been
            self._ray.kill(self._actor, no_restart=True)

    def health(self) -> AgentHealth:
        last, state = self._last, self._state()
        return AgentHealth(
            agent=self.agent,
            state=state,
            version=self._version,
            pid=self._pid if self.pending_ping is None else None,
            restarts=max(self._processes - 1, 0),
            seconds=last.seconds if last else None,
            failure=last.failure if last else None,
        )

    def _state(self) -> AgentState:
        with self._lock:
            pending = self.pending_ping
            if pending is not None and not self._ray.wait([pending], timeout=0)[0]:
                return "restarting" if self._processes else "starting"
        return "failing" if self._last and self._last.failure else "ready"

    def _update_process(self, pid: int, version: str) -> None:
        if pid != self._pid:
            self._processes += 1
        self._pid, self._version = pid, version

    def _start_actor(self) -> None:
        """Start a new actor in place of the present one, if any."""
        self.kill()
        self._started_at = time.monotonic()
        self._actor = self._session.start_actor(
            _AgentActor,
            self.agent,
            self._build,
            name=f"quorum-{self.agent}",
            namespace=self._namespace,
            num_cpus=0,
            max_restarts=-1,
            scheduling_strategy="SPREAD",
        )
        self.pending_ping = self._actor.ping.options(max_task_retries=-1).remote()
