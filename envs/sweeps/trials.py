"""A sweep as a folder: what is tried, how each configuration did, and so what is left to try.

    sweep.json   what was asked for and every configuration with its scores
    sweep.csv    the same as a table, best first

Both are written beside their place and moved there after every configuration that ended, so a
sweep that is killed goes on with those that have not. Nothing else is read back: Ray Tune keeps
its own state in files that could run code, and those are thrown away. Leaves out trying
(`sweep.py`).
"""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

from domain.errors import DamagedError, InputError
from envs.disk import write_whole
from envs.training.arguments import Arguments, Plain, arguments_of

RECORD, TABLE = "sweep.json", "sweep.csv"
Word = Literal["waiting", "done", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class Tried:
    """One configuration: what it changes of the sweep's arguments, and its validation score after
    each stage, NaN where there was none. It is `stopped` where others were ahead by far."""

    number: int
    changes: Mapping[str, Plain]
    state: Word = "waiting"
    scores: tuple[float, ...] = ()
    seconds: float = 0.0
    error: str = ""

    @property
    def score(self) -> float:
        return self.scores[-1] if self.scores else math.nan

    def arguments(self, base: Arguments) -> Arguments:
        """`base` with the changes."""
        return arguments_of({**base.plain(), **self.changes})


class SweepFolder:
    """`asked` is all that the scores depend on beside the configurations."""

    def __init__(self, path: Path, asked: Mapping[str, Any], tried: Sequence[Tried]) -> None:
        self.path = path
        self._asked = asked
        self._tried = {each.number: each for each in tried}

    @classmethod
    def create(
        cls, path: Path, asked: Mapping[str, Any], configurations: Sequence[Mapping[str, Plain]]
    ) -> Self:
        """The folder of a sweep: a new one, or the one that was begun by the same command.

        Raises InputError where another sweep is there, DamagedError where what is there
        cannot be read, and StorageError where nothing can be written.
        """
        fresh = [Tried(number, each) for number, each in enumerate(configurations, start=1)]
        if not (path / RECORD).exists():
            folder = cls(path, asked, fresh)
            folder._write()
            return folder
        there = cls._read(path)
        if there._asked != asked or [each.changes for each in there.tried] != list(configurations):
            raise InputError(
                f"{path} holds another sweep. Give another --out, or the command that began it to "
                "go on with it.",
                field="out",
            )
        return there

    @property
    def tried(self) -> tuple[Tried, ...]:
        return tuple(self._tried.values())

    @property
    def waiting(self) -> tuple[Tried, ...]:
        return tuple(each for each in self.tried if each.state == "waiting")

    @property
    def ranked(self) -> tuple[Tried, ...]:
        """Best first: those that were tried to the end, then those that were stopped."""
        order = {"done": 0, "stopped": 1, "failed": 2, "waiting": 3}

        def place(each: Tried) -> tuple[int, float, int]:
            unknown = math.isnan(each.score)
            return order[each.state], math.inf if unknown else -each.score, each.number

        return tuple(sorted(self.tried, key=place))

    @property
    def best(self) -> Tried | None:
        """None where no configuration was tried to the end with a score."""
        first = self.ranked[0]
        return first if first.state == "done" and not math.isnan(first.score) else None

    def state(self, number: int) -> Word:
        return self._tried[number].state

    def keep(self, tried: Tried) -> None:
        """Raises StorageError where that is not possible; what was kept before stays."""
        self._tried[tried.number] = tried
        self._write()

    def _write(self) -> None:
        record = {**self._asked, "configurations": [_plain(each) for each in self.tried]}
        write_whole(self.path / RECORD, (json.dumps(record, indent=2) + "\n").encode())
        write_whole(self.path / TABLE, self._table().encode())

    def _table(self) -> str:
        names = list(dict.fromkeys(name for each in self.tried for name in each.changes))
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
            asked = json.loads((path / RECORD).read_bytes())
            tried = [_tried(each) for each in asked.pop("configurations")]
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise DamagedError(
                f"The sweep in {path} cannot be read: {RECORD} is damaged ({error!r}). Delete the "
                "folder and begin again."
            ) from error
        return cls(path, asked, tried)


def _plain(tried: Tried) -> dict[str, Any]:
    scores = [None if math.isnan(score) else score for score in tried.scores]
    return {**asdict(tried), "scores": scores}


def _tried(plain: Mapping[str, Any]) -> Tried:
    scores = tuple(math.nan if score is None else float(score) for score in plain["scores"])
    read = Tried(**{**plain, "scores": scores})
    if read.state not in ("waiting", "done", "stopped", "failed"):
        raise ValueError(f"state {read.state!r}")
    return replace(read, number=int(read.number), changes=dict(read.changes))
