"""Files and folders brought into the store: each file by itself, whole or not at all.

A folder stands for the files in it at any depth, without hidden ones (whose names begin with a dot)
and without folders that are only linked to. Leaves out what a file may hold
(`file_import.py`).
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from domain.errors import InputError
from domain.timeframe import Timeframe
from market.imports.file_import import SUFFIXES, ImportReport, import_file
from market.provider import Progress
from market.store import MarketDataStore


@dataclass(frozen=True, slots=True, eq=False)
class ImportResult:
    """What became of each file, in the order in which they were named, and of each folder that had
    none. `skipped` are the other files of the folders: neither .csv nor .parquet."""

    reports: tuple[ImportReport, ...]
    skipped: tuple[Path, ...]

    @property
    def refused(self) -> tuple[ImportReport, ...]:
        """Those of which nothing was stored."""
        return tuple(report for report in self.reports if report.refused_because)


def import_paths(
    paths: Sequence[Path],
    store: MarketDataStore,
    *,
    market: str = "files",
    timeframe: Timeframe | None = None,
    replace: bool = False,
    progress: Progress = lambda *_: None,
) -> ImportResult:
    """Stores every file that `paths` name, each in a transaction of its own and each once.

    `progress` is given a file's name and its rows. A file that is refused is reported and the
    others go on. Raises StorageError where nothing more can be stored; the files before are stored
    then.
    """
    files, skipped, refused = _find_files(paths)
    reports = []
    for file in files:
        if reason := refused.get(file):
            reports.append(ImportReport(file, refused_because=reason))
            continue
        try:
            reports.append(
                import_file(
                    file,
                    store,
                    market=market,
                    timeframe=timeframe,
                    replace=replace,
                    progress=progress,
                )
            )
        except InputError as error:
            reports.append(ImportReport(file, refused_because=str(error)))
    return ImportResult(tuple(reports), tuple(skipped))


def _find_files(paths: Sequence[Path]) -> tuple[list[Path], list[Path], dict[Path, str]]:
    """The files to import, those that are skipped, and why some of the former (folders, mostly)
    are refused at once. What is named twice, or linked to, is found once."""
    files: dict[str, Path] = {}
    skipped: dict[str, Path] = {}
    refused: dict[Path, str] = {}
    for path in paths:
        found = [path]
        if os.path.isdir(path):  # noqa: PTH112 a name too long is no folder, and no error yet
            found, others, closed = _list_folder(path)
            skipped |= {os.path.realpath(each): each for each in others}
            refused |= closed
            if not found and not closed:
                refused[path] = f"{path} holds no .csv or .parquet file. Name one that does."
                found = [path]
            found += closed
        for file in found:
            files.setdefault(os.path.realpath(file), file)
    return list(files.values()), list(skipped.values()), refused


def _list_folder(folder: Path) -> tuple[list[Path], list[Path], dict[Path, str]]:
    """Files of a folder that can be imported, its other files, and the folders in it that cannot be
    looked into, with the reason."""
    files: list[Path] = []
    others: list[Path] = []
    closed: dict[Path, str] = {}

    def refuse(error: OSError) -> None:
        closed[Path(error.filename)] = f"{error.filename} cannot be read: {error.strerror}."

    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in names if not name.startswith(".")):
            file = Path(place, name)
            (files if file.suffix.lower() in SUFFIXES else others).append(file)
    return files, others, closed
