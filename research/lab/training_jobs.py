"""Training runs that a page starts, watches, stops and goes on with; each learns in a Ray worker.

Promises that a run's folder (`envs.training.run_folder`) is written here, by the process that
started it, from the events that its worker sends back: a worker that is killed loses one stage at
most. A run that is cancelled stops at once and says so; one whose worker, Ray or server ended is
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
from envs.market_data import MarketHistory
from envs.training.arguments import TrainingArguments
from envs.training.events import RunEvaluated
from envs.training.run_folder import RunFolder, RunState
from orchestrator.team.base import describe_error
from orchestrator.team.ray_session import RaySession, home_hash
from orchestrator.team.ray_training import RayTrainingWorker, WorkerLostError
from research.lab.bars import load_bars
from research.lab.runs import BARS, create_run, open_run, run_states

MAX_RUNNING = 2
"""Runs that may go on at once, each with a processor of its own; more are refused, not queued."""
CLOSING_SECONDS = 10.0

PolicyCallback = Callable[[bytes, bytes], object]
"""Is given the two files of a policy, tensors and manifest, before its run counts as done."""


log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _ActiveRun:
    """A run that goes on in this process, or is about to and has no name yet; `end_reason` is how
    it is to end."""

    run: str = ""
    training: RayTrainingWorker | None = None
    thread: threading.Thread | None = None
    end_reason: Literal["cancelled", "closed"] | None = None

    def end(self, reason: Literal["cancelled", "closed"]) -> None:
        self.end_reason = self.end_reason or reason
        if self.training:
            self.training.stop()


class TrainingJobs:
    """`session` is the Ray that the agents vote in, None while it is starting. `on_policy` and
    `on_change` (called whenever a run moves) are called from threads of their own."""

    def __init__(
        self,
        home: Path,
        session: Callable[[], RaySession | None],
        *,
        on_policy: PolicyCallback,
        on_change: Callable[[], None],
    ) -> None:
        self._runs = home / "rl" / "runs"
        self._namespace = f"quorum-{home_hash(home)}"
        self._session = session
        self._on_policy = on_policy
        self._on_change = on_change
        self._lock = threading.Lock()
        self._active: list[_ActiveRun] = []
        self._errors: dict[str, str] = {}
        self._closed = False

    def start(self, arguments: TrainingArguments, history: Callable[[], MarketHistory]) -> str:
        """Begin a run on the bars that `history` makes; returns its id. Blocks for the seconds
        that this takes, so a server calls it off its event loop.

        Raises InputError for what cannot be trained, for one run too many and while Ray is still
        starting; whatever is raised, nothing is left of the run.
        """
        arguments.validate()
        with self._reserve(active_run := _ActiveRun()) as session:
            market = history()
            folder = create_run(self._runs, arguments, market)
            try:
                self._launch(active_run, folder, market, session)
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
        with self._reserve(active_run := _ActiveRun()) as session:
            market = load_bars(folder.path / BARS)
            self._launch(active_run, folder, market, session)

    def cancel(self, identity: str) -> None:
        """Stop a run; one that has ended stays as it is.

        Raises NotFoundError where there is no such run and InputError where another process
        trains it.
        """
        folder = open_run(self._runs, identity)
        with self._lock:
            active_run = next((each for each in self._active if each.run == identity), None)
            if active_run:
                active_run.end("cancelled")
        if not active_run and folder.state().state == "running":
            raise InputError(
                f"The run {identity} goes on in another process, a terminal's perhaps. End it "
                "there."
            )

    def states(self) -> tuple[RunState, ...]:
        """Every run of the home, newest first. One that was interrupted says why, if it was since
        this server started."""
        return tuple(
            replace(state, error=self._errors.get(state.id, ""))
            if state.state == "interrupted"
            else state
            for state in run_states(self._runs)
        )

    def close(self) -> None:
        """End all runs, which are then "interrupted", and start no more."""
        with self._lock:
            self._closed = True
            ending = tuple(self._active)
            for active_run in ending:
                active_run.end("closed")
        deadline = time.monotonic() + CLOSING_SECONDS
        for active_run in ending:
            if active_run.thread:
                active_run.thread.join(max(deadline - time.monotonic(), 0.0))

    @contextmanager
    def _reserve(self, active_run: _ActiveRun) -> Iterator[RaySession]:
        """Takes a place for a run that is about to begin; given back where it does not."""
        session = self._session()
        with self._lock:
            if session is None or self._closed:
                raise InputError(
                    "Ray, in which training runs, is not there yet or is stopping. Try again in a "
                    "moment."
                )
            if len(self._active) >= MAX_RUNNING:
                raise InputError(
                    f"{MAX_RUNNING} trainings are running, which is as many as may. Wait for one "
                    "to end or cancel it."
                )
            self._active.append(active_run)
        try:
            yield session
        except BaseException:
            self._release(active_run)
            raise

    def _release(self, active_run: _ActiveRun) -> None:
        with self._lock:
            self._active.remove(active_run)

    def _launch(
        self, active_run: _ActiveRun, folder: RunFolder, market: MarketHistory, session: RaySession
    ) -> None:
        """Start the worker and follow it; the folder is locked from here on."""
        identity = folder.path.name
        with ExitStack() as stack:
            stack.enter_context(folder.lock())
            training = RayTrainingWorker(session, identity, self._namespace)
            thread = threading.Thread(
                target=self._follow,
                args=(active_run, folder, market, training, stack.pop_all()),
                name=f"training-{identity}",
                daemon=True,
            )
        with self._lock:
            active_run.run, active_run.training, active_run.thread = identity, training, thread
            if active_run.end_reason:
                training.stop()
            self._errors.pop(identity, None)
            thread.start()

    def _follow(
        self,
        active_run: _ActiveRun,
        folder: RunFolder,
        market: MarketHistory,
        training: RayTrainingWorker,
        lock: ExitStack,
    ) -> None:
        try:
            with lock:
                self._train(active_run, folder, market, training)
        except Exception as error:  # the disk refuses even to say how it ended
            log.exception("the training run %s could not be kept", active_run.run)
            self._errors[active_run.run] = describe_error(error)
        finally:
            self._release(active_run)
            self._on_change()

    def _train(
        self,
        active_run: _ActiveRun,
        folder: RunFolder,
        market: MarketHistory,
        training: RayTrainingWorker,
    ) -> None:
        try:
            for event in training.train(folder.arguments, market, folder.checkpoints()):
                if isinstance(event, RunEvaluated):
                    self._on_policy(event.tensors, event.manifest)
                folder.record(event)
                self._on_change()
            (folder.path / BARS).unlink(missing_ok=True)
        except WorkerLostError as error:
            if active_run.end_reason == "cancelled":
                folder.cancel()
            else:
                self._errors[active_run.run] = str(error)
        except StorageError as error:
            self._errors[active_run.run] = str(error)
        except Exception as error:
            log.exception("the training run %s failed", active_run.run)
            folder.fail(describe_error(error))
        finally:
            training.stop()
