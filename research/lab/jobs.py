"""Training runs that a page starts, watches, stops and goes on with; each learns in a Ray worker.

Promises that a run's folder (`envs.learning.folder`) is written here, by the process that asked,
from the events that its worker sends back: a worker that is killed loses one stage at most. A run
that is cancelled stops at once and says so; one whose worker, Ray or server ended is "interrupted"
and can be gone on with, to the bytes that it would have come to. Leaves out what is trained, on
what, and where policies are kept.
"""

import logging
import re
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from domain.errors import InputError, NotFoundError, QuorumError, StorageError
from envs.learning.arguments import Arguments
from envs.learning.events import Judged
from envs.learning.folder import RUN, RunFolder, RunState
from envs.market_data import History
from orchestrator.ray_session import RaySession, short_hash
from orchestrator.ray_training import Training, WorkerLostError
from orchestrator.team import crashed
from research.lab.bars import load_bars, save_bars

MOST = 2
"""Runs that may go on at once, each with a processor of its own; more are refused, not queued."""
BARS = "bars.npz"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
CLOSING_SECONDS = 10.0

Finished = Callable[[bytes, bytes], object]
"""Is given the two files of a policy, tensors and manifest, before its run counts as done."""


log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Going:
    """A run that goes on in this process; `wish` is how somebody wants it to end."""

    training: Training | None = None
    thread: threading.Thread | None = None
    wish: Literal["cancelled", "closed"] | None = None

    def end(self, wish: Literal["cancelled", "closed"]) -> None:
        self.wish = self.wish or wish
        if self.training:
            self.training.stop()


class TrainingJobs:
    """`session` is the Ray that the agents vote in, None while it is starting. `finished` and
    `changed` (called whenever a run moves) are called from threads of their own."""

    def __init__(
        self,
        home: Path,
        session: Callable[[], RaySession | None],
        *,
        finished: Finished,
        changed: Callable[[], None],
    ) -> None:
        self._runs = home / "rl" / "runs"
        self._namespace = f"quorum-{short_hash(home)}"
        self._session = session
        self._finished = finished
        self._changed = changed
        self._lock = threading.Lock()
        self._going: dict[str, _Going] = {}
        self._why: dict[str, str] = {}
        self._closed = False

    def start(self, arguments: Arguments, history: Callable[[], History]) -> str:
        """Begin a run on the bars that `history` makes; returns its id. Blocks for the seconds
        that this takes, so a server calls it off its event loop.

        Raises InputError for what cannot be trained, for one run too many and while Ray is still
        starting; whatever is raised, nothing is left of the run.
        """
        arguments.check()
        identity, session = self._take_place(self._free_name(arguments))
        path = self._runs / identity
        try:
            market = history()
            folder = RunFolder.create(path, arguments, market)
            save_bars(path / BARS, market)
            self._send_off(identity, folder, market, session)
        except BaseException:
            self._leave_place(identity)
            shutil.rmtree(path, ignore_errors=True)
            raise
        return identity

    def resume(self, identity: str) -> None:
        """Go on with a run that was interrupted, was cancelled or failed, from its last
        checkpoints and on its own bars.

        Raises NotFoundError where there is no such run and InputError where it goes on already or
        is done, and as `start` does.
        """
        folder = self._open(identity)
        if folder.policy():
            raise InputError(f"The run {identity} is done. Start another to train again.")
        _, session = self._take_place(identity)
        try:
            market = load_bars(folder.path / BARS)
            self._send_off(identity, folder, market, session)
        except BaseException:
            self._leave_place(identity)
            raise

    def cancel(self, identity: str) -> None:
        """Stop a run; one that has ended stays as it is.

        Raises NotFoundError where there is no such run and InputError where another process
        trains it.
        """
        folder = self._open(identity)
        with self._lock:
            going = self._going.get(identity)
            if going:
                going.end("cancelled")
        if not going and folder.state().state == "running":
            raise InputError(
                f"The run {identity} goes on in another process, a terminal's perhaps. End it "
                "there."
            )

    def states(self) -> tuple[RunState, ...]:
        """Every run of the home, newest first. One that was interrupted says why, if it was since
        this server started."""
        return tuple(
            replace(state, error=self._why.get(state.id, ""))
            if state.state == "interrupted"
            else state
            for state in states_in(self._runs)
        )

    def close(self) -> None:
        """End all runs, which are then "interrupted", and start no more."""
        with self._lock:
            self._closed = True
            ending = tuple(self._going.values())
            for going in ending:
                going.end("closed")
        deadline = time.monotonic() + CLOSING_SECONDS
        for going in ending:
            if going.thread:
                going.thread.join(max(deadline - time.monotonic(), 0.0))

    def _take_place(self, identity: str) -> tuple[str, RaySession]:
        session = self._session()
        with self._lock:
            if session is None or self._closed:
                raise InputError(
                    "Ray, in which training runs, is not there yet or is stopping. Try again in a "
                    "moment."
                )
            if identity in self._going:
                raise InputError(f"The run {identity} goes on already.")
            if len(self._going) >= MOST:
                raise InputError(
                    f"{MOST} trainings are running, which is as many as may. Wait for one to end "
                    "or cancel it."
                )
            self._going[identity] = _Going()
        return identity, session

    def _leave_place(self, identity: str) -> None:
        with self._lock:
            del self._going[identity]

    def _send_off(
        self, identity: str, folder: RunFolder, market: History, session: RaySession
    ) -> None:
        """Hire the worker and follow it; the folder is held from here on."""
        going = self._going[identity]
        with ExitStack() as stack:
            stack.enter_context(folder.holding())
            training = Training(session, identity, self._namespace)
            thread = threading.Thread(
                target=self._follow,
                args=(folder, market, training, stack.pop_all()),
                name=f"training-{identity}",
                daemon=True,
            )
        with self._lock:
            going.training, going.thread = training, thread
            if going.wish:
                training.stop()
            self._why.pop(identity, None)
            thread.start()

    def _follow(
        self, folder: RunFolder, market: History, training: Training, held: ExitStack
    ) -> None:
        identity = folder.path.name
        try:
            with held:
                self._train(folder, market, training)
        except Exception as error:  # the disk refuses even to say how it ended
            log.exception("the training run %s could not be kept", identity)
            self._why[identity] = crashed(error)
        finally:
            self._leave_place(identity)
            self._changed()

    def _train(self, folder: RunFolder, market: History, training: Training) -> None:
        identity = folder.path.name
        try:
            for event in training.events(folder.arguments, market, folder.kept()):
                if isinstance(event, Judged):
                    self._finished(event.tensors, event.manifest)
                folder.keep(event)
                self._changed()
            (folder.path / BARS).unlink(missing_ok=True)
        except WorkerLostError as error:
            if self._going[identity].wish == "cancelled":
                folder.cancel()
            else:
                self._why[identity] = str(error)
        except StorageError as error:
            self._why[identity] = str(error)
        except Exception as error:
            log.exception("the training run %s failed", identity)
            folder.fail(crashed(error))
        finally:
            training.stop()

    def _open(self, identity: str) -> RunFolder:
        if not NAME.fullmatch(identity):
            raise NotFoundError(f"There is no training run {identity[:60]!r}.")
        return RunFolder.open(self._runs / identity)

    def _free_name(self, arguments: Arguments) -> str:
        """`20261121-194501-ppo-dqn`, numbered where that is taken."""
        name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{'-'.join(arguments.algo)}"
        taken = {*self._going, *(path.name for path in self._runs.glob("*"))}
        numbered = (name, *(f"{name}-{number}" for number in range(2, len(taken) + 3)))
        return next(each for each in numbered if each not in taken)


def states_in(runs: Path) -> tuple[RunState, ...]:
    """Every run that is kept in the folder `runs`, newest first; one that cannot be read has
    failed and says why."""
    states = [_state(each.parent) for each in runs.glob(f"*/{RUN}")]
    return tuple(sorted(states, key=lambda state: (state.started_at, state.id), reverse=True))


def _state(path: Path) -> RunState:
    try:
        return RunFolder.open(path).state()
    except QuorumError as error:
        begun = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return RunState(
            path.name, path.name, "failed", "", 0, 0, None, str(error), begun, {}, "", False
        )
