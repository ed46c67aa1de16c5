"""Training runs that a page starts, watches, stops and goes on with; each learns in a Ray worker.

Promises that a run's folder (`envs.training.run_folder`) is written here, by the process that
asked, from the events that its worker sends back: a worker that is killed loses one stage at most.
A run that is cancelled stops at once and says so; one whose worker, Ray or server ended is
"interrupted" and can be gone on with, to the bytes that it would have come to. Leaves out what is
trained, on what, and where policies are kept.
"""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from domain.errors import InputError, StorageError
from envs.market_data import History
from envs.training.arguments import Arguments
from envs.training.events import Judged
from envs.training.run_folder import RunFolder, RunState
from orchestrator.ray_session import RaySession, short_hash
from orchestrator.ray_training import Training, WorkerLostError
from orchestrator.team.base import crashed
from research.lab.bars import load_bars
from research.lab.runs import BARS, begin, open_run, states_in

MOST = 2
"""Runs that may go on at once, each with a processor of its own; more are refused, not queued."""
CLOSING_SECONDS = 10.0

Finished = Callable[[bytes, bytes], object]
"""Is given the two files of a policy, tensors and manifest, before its run counts as done."""


log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Going:
    """A run that goes on in this process, or is about to and has no name yet; `wish` is how
    somebody wants it to end."""

    run: str = ""
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
        self._going: list[_Going] = []
        self._why: dict[str, str] = {}
        self._closed = False

    def start(self, arguments: Arguments, history: Callable[[], History]) -> str:
        """Begin a run on the bars that `history` makes; returns its id. Blocks for the seconds
        that this takes, so a server calls it off its event loop.

        Raises InputError for what cannot be trained, for one run too many and while Ray is still
        starting; whatever is raised, nothing is left of the run.
        """
        arguments.check()
        with self._place(going := _Going()) as session:
            market = history()
            folder = begin(self._runs, arguments, market)
            try:
                self._send_off(going, folder, market, session)
            except BaseException:
                shutil.rmtree(folder.path, ignore_errors=True)
                raise
        return folder.path.name

    def resume(self, identity: str) -> None:
        """Go on with a run that was interrupted, was cancelled or failed, from its last
        checkpoints and on its own bars.

        Raises NotFoundError where there is no such run and InputError where it goes on already or
        is done, and as `start` does.
        """
        folder = open_run(self._runs, identity)
        if folder.policy():
            raise InputError(f"The run {identity} is done. Start another to train again.")
        if folder.state().state == "running":
            raise InputError(f"The run {identity} goes on already.")
        with self._place(going := _Going()) as session:
            market = load_bars(folder.path / BARS)
            self._send_off(going, folder, market, session)

    def cancel(self, identity: str) -> None:
        """Stop a run; one that has ended stays as it is.

        Raises NotFoundError where there is no such run and InputError where another process
        trains it.
        """
        folder = open_run(self._runs, identity)
        with self._lock:
            going = next((each for each in self._going if each.run == identity), None)
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
            ending = tuple(self._going)
            for going in ending:
                going.end("closed")
        deadline = time.monotonic() + CLOSING_SECONDS
        for going in ending:
            if going.thread:
                going.thread.join(max(deadline - time.monotonic(), 0.0))

    @contextmanager
    def _place(self, going: _Going) -> Iterator[RaySession]:
        """Takes a place for a run that is about to begin; given back where it does not."""
        session = self._session()
        with self._lock:
            if session is None or self._closed:
                raise InputError(
                    "Ray, in which training runs, is not there yet or is stopping. Try again in a "
                    "moment."
                )
            if len(self._going) >= MOST:
                raise InputError(
                    f"{MOST} trainings are running, which is as many as may. Wait for one to end "
                    "or cancel it."
                )
            self._going.append(going)
        try:
            yield session
        except BaseException:
            self._leave(going)
            raise

    def _leave(self, going: _Going) -> None:
        with self._lock:
            self._going.remove(going)

    def _send_off(
        self, going: _Going, folder: RunFolder, market: History, session: RaySession
    ) -> None:
        """Hire the worker and follow it; the folder is held from here on."""
        identity = folder.path.name
        with ExitStack() as stack:
            stack.enter_context(folder.holding())
            training = Training(session, identity, self._namespace)
            thread = threading.Thread(
                target=self._follow,
                args=(going, folder, market, training, stack.pop_all()),
                name=f"training-{identity}",
                daemon=True,
            )
        with self._lock:
            going.run, going.training, going.thread = identity, training, thread
            if going.wish:
                training.stop()
            self._why.pop(identity, None)
            thread.start()

    def _follow(
        self,
        going: _Going,
        folder: RunFolder,
        market: History,
        training: Training,
        held: ExitStack,
    ) -> None:
        try:
            with held:
                self._train(going, folder, market, training)
        except Exception as error:  # the disk refuses even to say how it ended
            log.exception("the training run %s could not be kept", going.run)
            self._why[going.run] = crashed(error)
        finally:
            self._leave(going)
            self._changed()

    def _train(self, going: _Going, folder: RunFolder, market: History, training: Training) -> None:
        try:
            for event in training.events(folder.arguments, market, folder.kept()):
                if isinstance(event, Judged):
                    self._finished(event.tensors, event.manifest)
                folder.keep(event)
                self._changed()
            (folder.path / BARS).unlink(missing_ok=True)
        except WorkerLostError as error:
            if going.wish == "cancelled":
                folder.cancel()
            else:
                self._why[going.run] = str(error)
        except StorageError as error:
            self._why[going.run] = str(error)
        except Exception as error:
            log.exception("the training run %s failed", going.run)
            folder.fail(crashed(error))
        finally:
            training.stop()
