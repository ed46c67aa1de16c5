"""A team of Ray actors, each agent in a process of its own.

Promises that a vote returns within its timeout whatever an agent does, and that every agent heals
by itself (`ray_chair.py`). The panel crosses once, through the object store, and the actors read
it without a copy.
"""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from domain.panel import Panel
from domain.votes import Agent, Votes
from orchestrator.ray_session import RaySession, short_hash
from orchestrator.team.base import AgentHealth, Ballot, ballot
from orchestrator.team.supervisor import Chair

Progress = Callable[[str, int, int], None]
"""Told (what, done, total) while something takes its time."""


class RayTeam:
    """`build` makes an agent from its name; it is sent to the actors, so it must pickle.

    Actors are called `quorum-<agent>` in a namespace derived from `home`. An agent has `timeout`
    seconds for a vote and `start_timeout` to be ready, which the constructor waits for; one that is
    not ready by then abstains until it is.
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
        progress: Progress = lambda *_: None,
    ) -> None:
        self.agents = tuple(agents)
        self.dashboard_url = session.dashboard_url
        self.token = session.token
        self.session = session
        self._ray = session.ray
        self._timeout = timeout
        self._start_timeout = start_timeout
        self._voting = threading.Lock()
        self._namespace = f"quorum-{short_hash(home)}"
        self._chairs = [self._chair(agent, build) for agent in agents]
        self._welcome(progress)

    def vote(self, panel: Panel, since: int) -> tuple[Ballot, ...]:
        with self._voting:
            started = time.monotonic()
            shared = self._ray.put(panel)
            ballots: dict[str, Ballot] = {}

            def cast(chair: Chair, votes: Votes | None, failure: str | None) -> None:
                seconds = time.monotonic() - started
                if votes is not None:
                    ballots[chair.agent] = ballot(chair.agent, votes, panel, since, seconds)
                else:
                    ballots[chair.agent] = Ballot(chair.agent, None, failure, seconds)
                chair.note(ballots[chair.agent])

            waiting = {chair.question(shared, since): chair for chair in self._chairs}
            while waiting and (left := started + self._timeout - time.monotonic()) > 0:
                ready, _ = self._ray.wait(list(waiting), num_returns=1, timeout=left)
                for reference in ready:
                    chair = waiting.pop(reference)
                    if reference == chair.hello:
                        failure = chair.greet()
                        if failure is None:
                            waiting[chair.question(shared, since)] = chair
                        else:
                            cast(chair, None, failure)
                    else:
                        cast(chair, *chair.answer(reference))
            for chair in waiting.values():
                cast(chair, None, chair.overdue(self._timeout, self._start_timeout))
            return tuple(ballots[agent] for agent in self.agents)

    def health(self) -> tuple[AgentHealth, ...]:
        return tuple(chair.health() for chair in self._chairs)

    def reseat(self, agent: str, build: Callable[[str], Agent]) -> str | None:
        """The new actor is met before the former is let go, for which it has `start_timeout`."""
        chair = self._chair(agent, build)
        failure: str | None = "interrupted"
        try:
            failure = self._meet(chair)
        finally:
            if failure:
                chair.kill()
        if failure:
            return failure
        with self._voting:
            place = self.agents.index(agent)
            former, self._chairs[place] = self._chairs[place], chair
        former.kill()
        return None

    def dismiss(self) -> None:
        """Stop the actors, but stay connected to Ray."""
        for chair in self._chairs:
            chair.kill()

    def close(self) -> None:
        if self._ray.is_initialized():
            self.dismiss()
            self.session.close()

    def _chair(self, agent: str, build: Callable[[str], Agent]) -> Chair:
        return Chair(self.session, agent, build, self._namespace)

    def _meet(self, chair: Chair) -> str | None:
        """Wait for a chair's actor; says what is wrong with it, if anything."""
        ready, _ = self._ray.wait([chair.hello], timeout=self._start_timeout)
        return chair.greet() if ready else f"not ready within {self._start_timeout:g} s"

    def _welcome(self, progress: Progress) -> None:
        total, deadline = len(self._chairs), time.monotonic() + self._start_timeout
        waiting = {chair.hello: chair for chair in self._chairs}
        while waiting and (left := deadline - time.monotonic()) > 0:
            names = ", ".join(chair.agent for chair in waiting.values())
            progress(f"starting {names}", total - len(waiting), total)
            for reference in self._ray.wait(list(waiting), num_returns=1, timeout=left)[0]:
                chair = waiting.pop(reference)
                if failure := chair.greet():
                    chair.note(Ballot(chair.agent, None, failure, 0.0))
