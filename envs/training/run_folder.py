"""A training run as a folder: its arguments, progress, checkpoints and results.

    run.json                        arguments, data and its digest; written once
    progress.csv                    a row per stage: member, steps, seconds, scores
    tensorboard/<member>/           the same for TensorBoard
    checkpoints/<member>.safetensors
    held-out.json                   equity paths of the test period
    policy/                         what `envs.policies.files` reads
    ended.json                      how it ended; without it and without a lock: interrupted
    run.lock                        held by the process that trains

Every file is written whole or not at all (`storage/atomic_files.py`), so that a run that is killed
leaves the previous file or the new one. Leaves out the learning (`run.py`).
"""

import csv
import io
import json
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self, get_args

from domain.errors import CorruptFileError, InputError, NotFoundError
from domain.model_files import MANIFEST_FILE
from envs.market_data import MarketHistory
from envs.training.arguments import JsonScalar, TrainingArguments, parse_arguments
from envs.training.events import HeldOutPaths, RunEvaluated, StageCompleted, TrainingEvent
from storage.atomic_files import is_locked, read_file, storage_errors, try_lock, write_atomic
from storage.paths import refuse_unless_folder

RUN, ENDED, LOCK = "run.json", "ended.json", "run.lock"
PROGRESS, HELD_OUT, CHECKPOINTS, TENSORBOARD = (
    "progress.csv", "held-out.json", "checkpoints", "tensorboard",
)  # fmt: skip
POLICY = "policy"
RunStatus = Literal["running", "done", "failed", "cancelled", "interrupted"]


def policy_folder(folder: Path) -> Path:
    """Return where the policy of `folder` is; `folder` is a policy's own folder or that of its run.

    Raises InputError for a file, and for a run that has no policy yet.
    """
    refuse_unless_folder(folder, "Name the folder of a policy or of a training run.")
    inside = folder / POLICY
    if (inside / MANIFEST_FILE).exists():
        return inside
    if (folder / RUN).exists():
        raise InputError(
            f"The run in {folder} is not done, so there is no policy of it yet. Wait for it, or go "
            "on with it."
        )
    return folder


@dataclass(frozen=True, slots=True)
class RunState:
    """A summary of a run. `what` is the member in training ("ppo-0, 1 of 5"), `done` and `total`
    are environment steps; `seconds_left` is None where the pace is unknown or nothing is left.
    `error` is empty unless the run failed."""

    id: str
    label: str
    state: RunStatus
    what: str
    done: int
    total: int
    seconds_left: float | None
    error: str
    started_at: datetime
    arguments: Mapping[str, JsonScalar]
    data: str
    simulated: bool


@dataclass(frozen=True, slots=True)
class StageProgress:
    """The columns of progress.csv, one row per stage; an unknown score is NaN."""

    member: tuple[str, ...]
    steps: tuple[int, ...]
    seconds: tuple[float, ...]
    scores: Mapping[str, tuple[float, ...]]


class RunFolder:
    """The folder of one run. Reading never waits; only the holder of its `lock` writes."""

    def __init__(self, path: Path, run_json: Mapping[str, Any]) -> None:
        self.path = path
        self._run_json = run_json

    @classmethod
    def create(cls, path: Path, arguments: TrainingArguments, market: MarketHistory) -> Self:
        """Create the folder of a run, or reopen the one that the same command began.

        Raises InputError where another run or a file is there, and StorageError where nothing can
        be written.
        """
        refuse_unless_folder(path, "Give another folder.")
        run_json = {
            "arguments": arguments.to_json(),
            "data": market.name,
            "simulated": market.simulated,
            "data_digest": market.digest,
            "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        if not (path / RUN).exists():
            write_atomic(path / RUN, (json.dumps(run_json, indent=2) + "\n").encode())
            return cls(path, run_json)
        existing = cls.open(path)
        existing._check_same_run(run_json)
        return existing

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the folder of an existing run.

        Raises NotFoundError where there is none, CorruptFileError where it cannot be read.
        """
        try:
            run_json = json.loads((path / RUN).read_bytes())
            datetime.fromisoformat(run_json["started_at"])
            parse_arguments(run_json["arguments"])
            for name, kind in (("data", str), ("simulated", bool), ("data_digest", str)):
                if not isinstance(run_json[name], kind):
                    raise TypeError(f"{name} is {run_json[name]!r}")
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFoundError(f"{path} holds no training run.") from error
        except (OSError, ValueError, TypeError, KeyError, InputError) as error:
            raise CorruptFileError(
                f"The training run in {path} cannot be read: {RUN} is damaged ({error}). Delete "
                "the folder and train again."
            ) from error
        return cls(path, run_json)

    @property
    def arguments(self) -> TrainingArguments:
        return parse_arguments(self._run_json["arguments"])

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the run's lock: meanwhile its state is "running", and no other process can write to
        it.

        Raises InputError where another process holds it, StorageError where nothing can be written.
        """
        with storage_errors(self.path):
            file = (self.path / LOCK).open("ab")
        with file:
            if not try_lock(file):
                raise InputError(
                    f"Another process is training into {self.path}. Wait for it, or give another "
                    "folder."
                )
            if self._status()[0] != "done":
                with storage_errors(self.path):
                    (self.path / ENDED).unlink(missing_ok=True)
            yield

    def record(self, event: TrainingEvent) -> None:
        """Store an event. Raises StorageError where that is not possible; what was stored before
        stays."""
        if isinstance(event, RunEvaluated):
            write_atomic(self.path / POLICY / "policy.safetensors", event.tensors)
            write_atomic(self.path / POLICY / "manifest.json", event.manifest)
            write_atomic(self.path / HELD_OUT, event.held_out)
            self._write_end("done")
            return
        self._add_row(event)
        write_atomic(self.path / CHECKPOINTS / f"{event.member}.safetensors", event.checkpoint)
        self._write_tensorboard(event)

    def checkpoints(self) -> Mapping[str, bytes]:
        """Return the last checkpoint of every member that has one."""
        found = sorted((self.path / CHECKPOINTS).glob("*.safetensors"))
        return {each.stem: read_file(each) for each in found}

    def fail(self, error: str) -> None:
        self._write_end("failed", error)

    def cancel(self) -> None:
        self._write_end("cancelled")

    def state(self) -> RunState:
        arguments, progress = self.arguments, self.progress()
        last = dict(zip(progress.member, progress.steps, strict=True))
        status, error = self._status()
        total = arguments.steps * len(arguments.members)
        names = [f"{algo}-{seed}" for algo, seed in arguments.members]
        # A member that ended early counts in full: the next one has begun, or the run is done.
        index = names.index(progress.member[-1]) if progress.member else 0
        done = arguments.steps * index + (last[progress.member[-1]] if last else 0)
        done = total if status == "done" else min(done, total)
        seconds, steps = sum(progress.seconds), sum(last.values())
        has_pace = status in ("running", "interrupted") and seconds > 0 and steps > 0
        return RunState(
            id=self.path.name,
            label=arguments.label(self._run_json["data"]),
            state=status,
            what=f"{progress.member[-1]}, {index + 1} of {len(names)}" if last else "",
            done=done,
            total=total,
            seconds_left=seconds / steps * (total - done) if has_pace else None,
            error=error,
            started_at=datetime.fromisoformat(self._run_json["started_at"]),
            arguments=self._run_json["arguments"],
            data=self._run_json["data"],
            simulated=self._run_json["simulated"],
        )

    def progress(self) -> StageProgress:
        """Return the stored stages so far. Raises CorruptFileError where they cannot be read."""
        try:
            names, rows = self._progress_rows()
            known = {f"{algo}-{seed}" for algo, seed in self.arguments.members}
            if unknown := {row[0] for row in rows} - known:
                raise ValueError(f"{min(unknown)[:40]!r} is no member of this run")
            return StageProgress(
                member=tuple(row[0] for row in rows),
                steps=tuple(int(row[1]) for row in rows),
                seconds=tuple(float(row[2]) for row in rows),
                scores={
                    name: tuple(float(row[3 + place]) for row in rows)
                    for place, name in enumerate(names[3:])
                },
            )
        except (ValueError, IndexError) as error:
            raise CorruptFileError(
                f"The training run in {self.path} cannot be read: {PROGRESS} is damaged ({error}). "
                "Delete the folder and train again."
            ) from error

    def held_out(self) -> HeldOutPaths | None:
        """Return the equity of the test period; None before the run is done."""
        path = self.path / HELD_OUT
        return HeldOutPaths.decode(read_file(path), str(path)) if path.exists() else None

    def policy(self) -> Path | None:
        """Return the policy's folder; None before the run is done."""
        return self.path / POLICY if self._status()[0] == "done" else None

    def _check_same_run(self, run_json: Mapping[str, Any]) -> None:
        """Raises InputError unless `run_json` describes this folder's own run."""
        expected = {**self._run_json["arguments"], "data": self._run_json["data_digest"]}
        given = {**run_json["arguments"], "data": run_json["data_digest"]}
        same_by_digest = {"bars", "symbols"}
        different = [
            name
            for name in given
            if expected.get(name) != given[name] and name not in same_by_digest
        ]
        if different:
            name = different[0]
            raise InputError(
                f"{self.path} holds a run with {name} {expected.get(name)}, and this one has "
                f"{given[name]}. Give another folder, or the same command to go on."
            )

    def _status(self) -> tuple[RunStatus, str]:
        """Return the status, and the error of a failed run."""
        try:
            ended = json.loads((self.path / ENDED).read_bytes())
            if ended["state"] not in get_args(RunStatus):
                raise ValueError(ended["state"])
            return ended["state"], str(ended["error"])
        except (OSError, ValueError, TypeError, KeyError):
            return ("running" if is_locked(self.path / LOCK) else "interrupted"), ""

    def _write_end(self, state: RunStatus, error: str = "") -> None:
        write_atomic(self.path / ENDED, json.dumps({"state": state, "error": error}).encode())

    def _progress_rows(self) -> tuple[list[str], list[list[str]]]:
        """Return the header and the complete rows of progress.csv."""
        try:
            text = (self.path / PROGRESS).read_text()
        except FileNotFoundError:
            return [], []
        names, *rows = list(csv.reader(io.StringIO(text[: text.rfind("\n") + 1])))
        return names, rows

    def _add_row(self, event: StageCompleted) -> None:
        """Add a row for a stage; it is written before the checkpoint, so an existing row of the
        stage or a later one belongs to a lost checkpoint and is replaced."""
        names, rows = self._progress_rows()
        names = names or ["member", "steps", "seconds", *event.scores]
        rows = [row for row in rows if row[0] != event.member or int(row[1]) < event.steps]
        scores = [f"{event.scores[name]:.6g}" for name in names[3:]]
        rows.append([event.member, str(event.steps), f"{event.seconds:.3f}", *scores])
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows([names, *rows])
        write_atomic(self.path / PROGRESS, out.getvalue().encode())

    def _write_tensorboard(self, event: StageCompleted) -> None:
        """Append each stage to one file per member, so that TensorBoard keeps reading it."""
        from tensorboard.compat.proto.event_pb2 import Event as Point
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.record_writer import RecordWriter

        path = self.path / TENSORBOARD / event.member / "events.out.tfevents.quorum"
        now = time.time()
        points = [Point(wall_time=now, file_version="brain.Event:2")] * (not path.exists())
        for name, value in event.scores.items():
            if math.isfinite(value):
                summary = Summary(value=[Summary.Value(tag=name, simple_value=value)])
                points.append(Point(wall_time=now, step=event.steps, summary=summary))
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                records = RecordWriter(file)
                for point in points:
                    records.write(point.SerializeToString())
