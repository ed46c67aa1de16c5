"""Backtests in separate processes, so that a page can start, watch and cancel them.

A job runs the command line's own `backtest` verb: the page starts what a terminal would. Promises
that a cancelled or killed job leaves no result. Leaves out the results (`results.py`).
"""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import IO, Any, Literal, cast

from domain.errors import InputError, NotFoundError
from research.backtest.request import BacktestRequest

JobState = Literal["running", "failed", "cancelled", "done"]
MAX_RUNNING = 2
"""Most jobs that run at once; each loads its own history."""
MAX_FINISHED = 20
"""Finished jobs that are still listed."""


@dataclass(frozen=True, slots=True)
class BacktestJob:
    """The progress of a backtest: `what` it does, `done` of `total` steps (total 0: unknown).

    `seconds_left` is estimated from the steps so far. `result_id` is set once the job is done,
    `error` once it has failed.
    """

    id: str
    label: str
    what: str
    done: int
    total: int
    seconds_left: float | None
    error: str | None
    state: JobState
    result_id: str | None


class BacktestJobs:
    """The backtest jobs of this process. `command` runs the verb, which reads the request from its
    standard input. `on_change` is called, from any thread, whenever a job changes."""

    def __init__(self, command: Sequence[str], on_change: Callable[[], None]) -> None:
        self._command = tuple(command)
        self._on_change = on_change
        self._lock = threading.Lock()
        self._jobs: dict[str, BacktestJob] = {}
        self._processes: dict[str, subprocess.Popen[str]] = {}

    def start(self, request: BacktestRequest) -> str:
        """Start a backtest; return the job's id.

        Raises InputError while the maximum number of jobs is running.
        """
        with self._lock:
            if len(self._processes) >= MAX_RUNNING:
                raise InputError(
                    f"{MAX_RUNNING} backtests are running, which is as many as may. Wait for one "
                    "to end or cancel it."
                )
            process = subprocess.Popen(  # noqa: S603 our own command, the request on its input
                self._command,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            identity = f"job-{process.pid}-{int(time.time())}"
            self._processes[identity] = process
            self._jobs[identity] = BacktestJob(
                identity, request_label(request), "starting", 0, 0, None, None, "running", None
            )
            self._drop_oldest()
        threading.Thread(
            target=self._follow, args=(identity, process, request), name=identity, daemon=True
        ).start()
        return identity

    def jobs(self) -> tuple[BacktestJob, ...]:
        """Return all jobs, newest first."""
        with self._lock:
            return tuple(reversed(self._jobs.values()))

    def cancel(self, identity: str) -> None:
        """End a job; one that has ended already stays as it is. Raises NotFoundError."""
        with self._lock:
            if identity not in self._jobs:
                raise NotFoundError(f"There is no running backtest {identity[:60]!r}.")
            process = self._processes.get(identity)
            if process is None:
                return
            self._jobs[identity] = replace(self._jobs[identity], state="cancelled")
        process.terminate()

    def close(self) -> None:
        """End all jobs."""
        for job in self.jobs():
            self.cancel(job.id)

    def _follow(
        self, identity: str, process: "subprocess.Popen[str]", request: BacktestRequest
    ) -> None:
        began = time.monotonic()
        with suppress(BrokenPipeError), cast(IO[str], process.stdin) as stdin:
            stdin.write(request.model_dump_json())  # the process may have ended already
        last_line = ""
        for line in cast(IO[str], process.stderr):
            last_line = line.strip() or last_line
            if progress := _parse_progress(line):
                self._update_progress(identity, began, progress)
        output = cast(IO[str], process.stdout).read()
        code = process.wait()
        with self._lock:
            del self._processes[identity]
            job = self._jobs[identity]
            if job.state != "cancelled":
                job = _finished_job(job, code, output, last_line)
            self._jobs[identity] = replace(job, seconds_left=None)
        self._on_change()

    def _update_progress(self, identity: str, began: float, progress: dict[str, Any]) -> None:
        done, total = int(progress["done"]), int(progress["total"])
        elapsed = time.monotonic() - began
        seconds_left = elapsed / done * (total - done) if done and total else None
        with self._lock:
            job = self._jobs[identity]
            self._jobs[identity] = replace(
                job, what=str(progress["what"]), done=done, total=total, seconds_left=seconds_left
            )
        self._on_change()

    def _drop_oldest(self) -> None:
        ended = [each for each in self._jobs if each not in self._processes]
        for identity in ended[: max(len(ended) - MAX_FINISHED, 0)]:
            del self._jobs[identity]


def request_label(request: BacktestRequest) -> str:
    """Return a backtest in a few words: `AAPL, MSFT and 8 more, 2015-01-02 to 2020-12-31`."""
    shown = request.symbols if len(request.symbols) <= 3 else request.symbols[:2]
    more = len(request.symbols) - len(shown)
    names = ", ".join(shown) + (f" and {more} more" if more else "")
    return f"{names}, {request.start} to {request.end}"


def _parse_progress(line: str) -> dict[str, Any] | None:
    try:
        message = json.loads(line)
    except ValueError:
        return None
    progress = message.get("progress") if isinstance(message, dict) else None
    return progress if isinstance(progress, dict) else None


def _finished_job(job: BacktestJob, code: int, output: str, last_line: str) -> BacktestJob:
    if code == 0:
        return replace(job, state="done", what="done", result_id=json.loads(output)["id"])
    try:
        error = str(json.loads(last_line)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        error = f"It ended with exit code {code}: {last_line[:200] or 'nothing was said'}"
    return replace(job, state="failed", error=error)
