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
from orchestrator.ray_chair import Chair
from orchestrator.ray_session import RaySession, short_hash
from orchestrator.team import AgentHealth, Ballot, ballot

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
        self._session = session
        self._ray = session.ray
        self._timeout = timeout
        self._start_timeout = start_timeout
        self._voting = threading.Lock()
        namespace = f"quorum-{short_hash(home)}"
        self._chairs = [Chair(session, agent, build, namespace) for agent in agents]
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

    def dismiss(self) -> None:
        """Stop the actors, but stay connected to Ray."""
        for chair in self._chairs:
            chair.kill()

    def close(self) -> None:
        if self._ray.is_initialized():
            self.dismiss()
            self._session.close()

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
