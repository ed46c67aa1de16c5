"""A sweep as a folder: what is tried, how each configuration scored, and what is left to try.

    sweep.json   the request and every configuration with its scores
    sweep.csv    the same as a table, best first

Both are written to a temporary file and renamed whenever a configuration has ended, so a sweep that
is killed continues with the remaining ones. Nothing else is read back: Ray Tune keeps its own state
in files that could run code, and those are deleted. Leaves out training (`envs/sweep.py`).
"""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

from domain.errors import CorruptFileError, InputError
from envs.training.arguments import JsonScalar, TrainingArguments, parse_arguments
from storage.atomic_files import write_atomic
from storage.paths import refuse_unless_folder

RECORD, TABLE = "sweep.json", "sweep.csv"
TrialStatus = Literal["waiting", "done", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class Trial:
    """One configuration: its `changes` to the sweep's arguments, and its validation score after
    each stage, NaN where there was none. It is `stopped` where others were far ahead."""

    number: int
    changes: Mapping[str, JsonScalar]
    state: TrialStatus = "waiting"
    scores: tuple[float, ...] = ()
    seconds: float = 0.0
    error: str = ""

    @property
    def score(self) -> float:
        return self.scores[-1] if self.scores else math.nan

    def arguments(self, base: TrainingArguments) -> TrainingArguments:
        """Return `base` with the changes."""
        return parse_arguments({**base.to_json(), **self.changes})


class SweepFolder:
    """The folder of one sweep. `config` is everything that the scores depend on except the
    configurations."""

    def __init__(self, path: Path, config: Mapping[str, Any], trials: Sequence[Trial]) -> None:
        self.path = path
        self._config = config
        self._trials = {each.number: each for each in trials}

    @classmethod
    def create(
        cls,
        path: Path,
        config: Mapping[str, Any],
        configurations: Sequence[Mapping[str, JsonScalar]],
    ) -> Self:
        """Create the folder of a sweep, or reopen the one that the same command began.

        Raises InputError where another sweep or a file is there, CorruptFileError where what is
        there cannot be read, and StorageError where nothing can be written.
        """
        refuse_unless_folder(path, "Give another folder.")
        fresh = [Trial(number, each) for number, each in enumerate(configurations, start=1)]
        if not (path / RECORD).exists():
            folder = cls(path, config, fresh)
            folder._write()
            return folder
        existing = cls._read(path)
        if existing._config != config or [each.changes for each in existing.trials] != list(
            configurations
        ):
            raise InputError(
                f"{path} holds another sweep. Give another --out, or the command that began it to "
                "go on with it.",
                field="out",
            )
        return existing

    @property
    def trials(self) -> tuple[Trial, ...]:
        return tuple(self._trials.values())

    @property
    def waiting(self) -> tuple[Trial, ...]:
        return tuple(each for each in self.trials if each.state == "waiting")

    @property
    def ranked(self) -> tuple[Trial, ...]:
        """Best first: those that were trained to the end, then those that were stopped."""
        order = {"done": 0, "stopped": 1, "failed": 2, "waiting": 3}

        def place(each: Trial) -> tuple[int, float, int]:
            unknown = math.isnan(each.score)
            return order[each.state], math.inf if unknown else -each.score, each.number

        return tuple(sorted(self.trials, key=place))

    @property
    def best(self) -> Trial | None:
        """The best configuration; None where none was trained to the end with a score."""
        first = self.ranked[0]
        return first if first.state == "done" and not math.isnan(first.score) else None

    def state(self, number: int) -> TrialStatus:
        return self._trials[number].state

    def record(self, trial: Trial) -> None:
        """Store the result of a configuration. Raises StorageError where it cannot be written; what
        was stored before stays."""
        self._trials[trial.number] = trial
        self._write()

    def _write(self) -> None:
        record = {**self._config, "configurations": [_trial_json(each) for each in self.trials]}
        write_atomic(self.path / RECORD, (json.dumps(record, indent=2) + "\n").encode())
        write_atomic(self.path / TABLE, self._table().encode())

    def _table(self) -> str:
        names = list(dict.fromkeys(name for each in self.trials for name in each.changes))
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["number", "state", "score", "stages", "seconds", *names, "error"])
        for each in self.ranked:
            score = "" if math.isnan(each.score) else f"{each.score:.6g}"
            figures = [each.number, each.state, score, len(each.scores), f"{each.seconds:.1f}"]
            writer.writerow([*figures, *(each.changes.get(name) for name in names), each.error])
        return out.getvalue()

    @classmethod
    def _read(cls, path: Path) -> Self:
        try:
            config = json.loads((path / RECORD).read_bytes())
            trials = [_parse_trial(each) for each in config.pop("configurations")]
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise CorruptFileError(
                f"The sweep in {path} cannot be read: {RECORD} is damaged ({error!r}). Delete the "
                "folder and begin again."
            ) from error
        return cls(path, config, trials)


def _trial_json(trial: Trial) -> dict[str, Any]:
    scores = [None if math.isnan(score) else score for score in trial.scores]
    return {**asdict(trial), "scores": scores}


def _parse_trial(plain: Mapping[str, Any]) -> Trial:
    scores = tuple(math.nan if score is None else float(score) for score in plain["scores"])
    read = Trial(**{**plain, "scores": scores})
    if read.state not in ("waiting", "done", "stopped", "failed"):
        raise ValueError(f"state {read.state!r}")
    return replace(read, number=int(read.number), changes=dict(read.changes))
