"""A team of Ray actors, each agent in a process of its own: the only file that knows Ray.

Promises that a vote returns within its timeout whatever an agent does, and that every agent heals
by itself: Ray restarts a process that died, and the team replaces one that hangs. The panel
crosses once, through the object store, and the actors read it without a copy. A local Ray is
guarded by a token and its dashboard stays on the loopback interface; Ray's other ports listen on
all interfaces, and the token is all that protects them.
"""

import contextlib
import hashlib
import itertools
import logging
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from domain.errors import ConfigurationError
from domain.panel import Panel
from domain.votes import Agent, Votes
from orchestrator.team import AgentHealth, AgentState, Ballot, ballot, crashed

Progress = Callable[[str, int, int], None]
"""Told (what, done, total) while something takes its time."""

ROOT = Path(__file__).resolve().parents[1]
LONGEST_FOLDER = 38
"""Ray puts sockets some 65 characters below its folder, and their paths end at 103."""
REACH_SECONDS = 5.0
JOIN_SECONDS = 30.0


class RaySession:
    """This process's one connection to Ray: a Ray of its own, or somebody's cluster."""

    def __init__(self, ray: ModuleType, context: Any, environment: dict[str, str] | None) -> None:
        self.ray = ray
        self.environment = environment
        self.token = os.environ.get("RAY_AUTH_TOKEN")
        url = context.dashboard_url
        self.dashboard_url = f"http://{url}" if url else None
        self._folder = None if environment else Path(context.address_info["session_dir"])

    @classmethod
    def local(
        cls, home: Path, *, object_store_mb: int = 256, dashboard: bool = True
    ) -> "RaySession":
        """Start a Ray that belongs to this process and leaves its logs in `home`.

        Where the path of `home` is too long for Ray's sockets, they are in the temporary folder.
        """
        os.environ.update(_worker_environment())
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_enable_worker_prestart"] = "0"  # noqa: SIM112 Ray spells it so
        ray = _import_ray()
        context = ray.init(
            address="local",
            num_cpus=os.cpu_count(),
            object_store_memory=object_store_mb << 20,
            include_dashboard=dashboard,
            dashboard_host="127.0.0.1",
            log_to_driver=False,
            logging_level=logging.WARNING,
            _temp_dir=str(_folder(home)),
        )
        return cls(ray, context, None)

    @classmethod
    def join(cls, address: str, token: str | None = None) -> "RaySession":
        """Join the cluster at `address` (host:port), on which Quorum is installed as it is here.

        Raises ConfigurationError, in bounded time, where no Ray answers there.
        """
        if token:
            os.environ.update(RAY_AUTH_TOKEN=token, RAY_AUTH_MODE="token")
        ray = _import_ray()
        _reach(address)
        try:
            context = ray.init(address=address, log_to_driver=False, logging_level=logging.WARNING)
        except Exception as error:
            raise ConfigurationError(
                f"Ray at {address} (ray.address) let nobody in: {crashed(error)}. This machine "
                f"must be a node of the cluster: `ray start --address={address}`."
            ) from error
        return cls(ray, context, _worker_environment())

    def close(self) -> None:
        """Leave, and stop a Ray of our own; its logs go with it, as nothing went wrong."""
        self.ray.shutdown()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)


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
        self._chairs = [_Chair(session, agent, build, _namespace(home)) for agent in agents]
        self._welcome(progress)

    def vote(self, panel: Panel, since: int) -> tuple[Ballot, ...]:
        with self._voting:
            started = time.monotonic()
            shared = self._ray.put(panel)
            ballots: dict[str, Ballot] = {}

            def cast(chair: _Chair, votes: Votes | None, failure: str | None) -> None:
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
                waiting.pop(reference).greet()


class _Seat:
    """What runs in the actor's process. The agent is built on first use, so that a failure to
    build it is an answer like any other and not the death of the process."""

    def __init__(self, agent: str, build: Callable[[str], Agent]) -> None:
        self._name = agent
        self._build = build
        self._agent: Agent | None = None

    def hello(self) -> tuple[int, str]:
        return os.getpid(), self._present().version

    def vote(self, panel: Panel, since: int) -> tuple[int, Votes]:
        return os.getpid(), self._present().vote(panel, since)

    def _present(self) -> Agent:
        if self._agent is None:
            self._agent = self._build(self._name)
        return self._agent


class _Chair:
    """The team's side of one agent: its present actor and what is known of it."""

    def __init__(
        self, session: RaySession, agent: str, build: Callable[[str], Agent], namespace: str
    ) -> None:
        self.agent = agent
        self._ray = session.ray
        self._environment = session.environment
        self._build = build
        self._namespace = namespace
        self._lock = threading.Lock()
        self._pid: int | None = None
        self._version: str | None = None
        self._processes = 0
        self._last: Ballot | None = None
        self._actor: Any = None
        self.hello: Any = None
        self._hire()

    def question(self, panel: Any, since: int) -> Any:
        """A reference to wait for: to the votes, or to the hello of an actor not yet met."""
        return self.hello if self.hello is not None else self._actor.vote.remote(panel, since)

    def greet(self) -> str | None:
        """Meet the actor whose hello has arrived; says what is wrong with it, if anything."""
        try:
            self._meet(*self._ray.get(self.hello))
        except self._ray.exceptions.RayActorError:
            self._hire()
            return "crashed: its process died; another is starting"
        except self._ray.exceptions.RayTaskError as error:
            self.hello = self._actor.hello.remote()
            return crashed(error.cause)
        self.hello = None
        return None

    def answer(self, reference: Any) -> tuple[Votes | None, str | None]:
        """The votes that have arrived, or what went wrong, which is put right on the way."""
        try:
            pid, votes = self._ray.get(reference)
        except self._ray.exceptions.RayActorError:
            self.hello = self._actor.hello.options(max_task_retries=-1).remote()
            return None, "crashed: its process died"
        except self._ray.exceptions.RayTaskError as error:
            return None, crashed(error.cause)
        self._meet(pid, votes.version)
        return votes, None

    def overdue(self, timeout: float, start_timeout: float) -> str:
        """Say so of an actor that did not answer; replace one that will not."""
        if self.hello is None:
            self._hire()
            return f"no answer within {timeout:g} s; restarting"
        if time.monotonic() - self._hired > start_timeout:
            self._hire()
        return "restarting" if self._processes else "still starting"

    def note(self, ballot: Ballot) -> None:
        self._last = ballot

    def kill(self) -> None:
        with contextlib.suppress(Exception):  # it may be gone already, or never have been
            self._ray.kill(self._actor, no_restart=True)

    def health(self) -> AgentHealth:
        last, state = self._last, self._state()
        return AgentHealth(
            agent=self.agent,
            state=state,
            version=self._version,
            pid=self._pid if self.hello is None else None,
            restarts=max(self._processes - 1, 0),
            seconds=last.seconds if last else None,
            failure=last.failure if last else None,
        )

    def _state(self) -> AgentState:
        with self._lock:
            hello = self.hello
            if hello is not None and not self._ray.wait([hello], timeout=0)[0]:
                return "restarting" if self._processes else "starting"
        return "failing" if self._last and self._last.failure else "ready"

    def _meet(self, pid: int, version: str) -> None:
        if pid != self._pid:
            self._processes += 1
        self._pid, self._version = pid, version

    def _hire(self) -> None:
        """Put a new actor in the place of the present one, if any."""
        self.kill()
        self._hired = time.monotonic()
        self._actor = self._named_actor()
        self.hello = self._actor.hello.options(max_task_retries=-1).remote()

    def _named_actor(self) -> Any:
        """An actor of the first free name; a server beside this one may have taken some."""
        for number in itertools.count(1):
            seat = self._ray.remote(_Seat).options(
                name=f"quorum-{self.agent}" if number == 1 else f"quorum-{self.agent}-{number}",
                namespace=self._namespace,
                num_cpus=0,
                max_restarts=-1,
                scheduling_strategy="SPREAD",
                runtime_env={"env_vars": self._environment} if self._environment else None,
            )
            with contextlib.suppress(self._ray.exceptions.ActorAlreadyExistsError):
                return seat.remote(self.agent, self._build)
        raise AssertionError("itertools.count never ends")


def _namespace(home: Path) -> str:
    return f"quorum-{_short_hash(home)}"


def _short_hash(home: Path) -> str:
    return hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:8]


def _folder(home: Path) -> Path:
    inside = home.resolve() / "ray"
    if len(str(inside)) <= LONGEST_FOLDER:
        return inside
    return Path(tempfile.gettempdir()) / f"quorum-{_short_hash(home)}"


def _worker_environment() -> dict[str, str]:
    """One thread a worker, for five agents share the cores, and where to find the rooms."""
    paths = [str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(path for path in paths if path)),
        **dict.fromkeys(threads, "1"),
    }


def _import_ray() -> ModuleType:
    """Ray reads its environment when it is imported, so this is the one place that does."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    import ray

    return ray


def _reach(address: str) -> None:
    """Make sure that Ray answers at `address`: its own connecting would wait far longer."""
    host, _, port = address.rpartition(":")
    remedy = "Start it with `ray start --head` or leave ray.address unset to use a local one."
    if not host or not port.isdecimal() or "/" in host:
        raise ConfigurationError(f"ray.address {address!r} is not of the form host:port. {remedy}")
    try:
        socket.create_connection((host, int(port)), REACH_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ConfigurationError(
            f"Nothing answers at {address} (ray.address): {error}. {remedy}"
        ) from error
    check = [sys.executable, "-m", "ray.scripts.scripts", "health-check", "--address", address]
    try:
        subprocess.run(check, check=True, capture_output=True, timeout=JOIN_SECONDS)  # noqa: S603
    except (subprocess.SubprocessError, OSError) as error:
        raise ConfigurationError(
            f"What answers at {address} (ray.address) is not a Ray of this version with this token "
            f"(RAY_AUTH_TOKEN). {remedy}"
        ) from error
