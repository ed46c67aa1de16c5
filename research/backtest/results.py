"""Stored backtests: one folder each, complete or absent.

A backtest is written into a draft folder beside the results and becomes a result by one rename. A
later backtest deletes the drafts that killed ones left. Leaves out the content of the files
(`report.py`).
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from domain.errors import NotFoundError, StorageError
from domain.instants import Times
from domain.panel import Floats
from storage.atomic_files import delete_folder, draft_folder, remove_stale_drafts

RESULT, TEAR_SHEET, EQUITY = "result.json", "tearsheet.html", "equity.parquet"
VOTES, DECISIONS, FILLS = "votes.parquet", "decisions.parquet", "fills.parquet"
FILES = (RESULT, TEAR_SHEET, EQUITY, VOTES, DECISIONS, FILLS)
"""Files of a result that may be downloaded."""

_SUMMARY = "summary.json"
_AXIS = "known_at"


@dataclass(frozen=True, slots=True)
class BacktestSummary:
    """The summary of a result. `headline` maps a metric to its value and interval."""

    id: str
    made_at: datetime
    label: str
    market: str
    simulated: bool
    start: str
    end: str
    symbols: tuple[str, ...]
    agents: tuple[str, ...]
    headline: Mapping[str, Mapping[str, float | None]]


class BacktestStore:
    """The results in one folder, which is created with the first result."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def draft_folder(self) -> Iterator[Path]:
        """Provide a folder to write a result into; it is deleted afterwards in every case.

        Raises StorageError where nothing can be written.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            remove_stale_drafts(self._folder)
            with draft_folder(self._folder) as folder:
                yield folder
        except OSError as error:
            raise _unwritable_error(self._folder, error) from None

    def save(self, draft_folder: Path, summary: BacktestSummary) -> Path:
        """Turn the draft into the result `summary.id`; return its folder.

        An id names an instant and an outcome: a result already stored under it has the same
        content.
        """
        fields = {**_summary_fields(summary), "made_at": summary.made_at.isoformat()}
        (draft_folder / _SUMMARY).write_text(json.dumps(fields, allow_nan=False))
        folder = self._folder / summary.id
        try:
            draft_folder.rename(folder)
        except OSError:
            if not (folder / _SUMMARY).exists():
                raise
        return folder

    def summaries(self) -> tuple[BacktestSummary, ...]:
        """Return all summaries, newest first."""
        found = []
        for path in self._folder.glob(f"[!.]*/{_SUMMARY}"):
            with suppress(
                OSError, ValueError, KeyError, TypeError
            ):  # deleted meanwhile, or written by another program
                found.append(_parse_summary(json.loads(path.read_text())))
        return tuple(sorted(found, key=lambda each: (each.made_at, each.id), reverse=True))

    def read(self, identity: str) -> dict[str, Any]:
        """Return the whole of `result.json`. Raises StorageError where it is damaged."""
        path = self.file(identity, RESULT)
        try:
            read: dict[str, Any] = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise StorageError(
                f"{path} cannot be read: {error}. Restore it from a copy, or `quorum backtest "
                f"delete {identity}` and run it again."
            ) from None
        return read

    def equity(self, identity: str) -> tuple[Times, dict[str, Floats]]:
        """Return (K,) instants and the equity of every strategy at them, by name."""
        table = pq.read_table(self.file(identity, EQUITY))
        curves = {
            name: table[name].to_numpy().astype(np.float64)
            for name in table.column_names
            if name != _AXIS
        }
        return table[_AXIS].to_numpy().astype("datetime64[us]"), curves

    def file(self, identity: str, name: str) -> Path:
        """Return the path of a file. Raises NotFoundError for a result that does not exist and for
        a file that results do not have."""
        if name not in FILES:
            raise NotFoundError(f"A backtest has no file {name[:40]!r}. It has {', '.join(FILES)}.")
        return self._result(identity) / name

    def delete(self, identity: str) -> None:
        delete_folder(self._result(identity))

    def _result(self, identity: str) -> Path:
        known = {path.parent.name for path in self._folder.glob(f"[!.]*/{_SUMMARY}")}
        if identity not in known:
            raise NotFoundError(
                f"There is no backtest {identity[:60]!r}. `quorum backtest list` names those that "
                "there are."
            )
        return self._folder / identity


def _summary_fields(summary: BacktestSummary) -> dict[str, Any]:
    return {name: getattr(summary, name) for name in BacktestSummary.__slots__}


def _parse_summary(fields: Mapping[str, Any]) -> BacktestSummary:
    return BacktestSummary(
        **{
            **fields,
            "made_at": datetime.fromisoformat(fields["made_at"]),
            "symbols": tuple(fields["symbols"]),
            "agents": tuple(fields["agents"]),
        }
    )


def _unwritable_error(folder: Path, error: OSError) -> StorageError:
    return StorageError(
        f"The backtest cannot be kept in {folder}: {error.strerror}. It must be a folder that can "
        "be written, on a disk with space; nothing was kept."
    )
