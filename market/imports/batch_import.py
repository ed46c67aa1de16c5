"""Import of files and folders into the store: each file by itself, whole or not at all.

A folder means all files in it at any depth, except hidden ones (names that begin with a dot) and
symbolic links to folders. Leaves out what a file may contain (`file_import.py`).
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from domain.errors import InputError
from market.imports.file_import import ImportReport, import_file
from market.imports.normalise import NO_OPTIONS, ReadingOptions
from market.imports.table_files import SUFFIXES, is_table_file
from market.provider import Progress
from market.store import MarketDataStore


@dataclass(frozen=True, slots=True, eq=False)
class ImportResult:
    """The result for each file, in the order given, and for each folder without any. `skipped` are
    the files in folders that are no tables by their names."""

    reports: tuple[ImportReport, ...]
    skipped: tuple[Path, ...]

    @property
    def refused(self) -> tuple[ImportReport, ...]:
        """The reports of files of which nothing was stored."""
        return tuple(report for report in self.reports if report.refused_because)


def import_paths(
    paths: Sequence[Path],
    store: MarketDataStore,
    *,
    market: str = "files",
    options: ReadingOptions = NO_OPTIONS,
    replace: bool = False,
    dry_run: bool = False,
    progress: Progress = lambda *_: None,
) -> ImportResult:
    """Store every file in `paths` once, each in its own transaction; with `dry_run` undo each.

    `progress` is called with the file's name, rows done and rows in all. A refused file is reported
    and the import goes on. Raises StorageError where nothing more can be stored; the files before
    it remain stored.
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
                    options=options,
                    replace=replace,
                    dry_run=dry_run,
                    progress=progress,
                )
            )
        except InputError as error:
            reports.append(ImportReport(file, refused_because=str(error)))
    return ImportResult(tuple(reports), tuple(skipped))


def _find_files(paths: Sequence[Path]) -> tuple[list[Path], list[Path], dict[Path, str]]:
    """The files to import, the files to skip, and the reason for each path refused at once (mostly
    folders). A path given twice, or also through a link, is found once."""
    files: dict[str, Path] = {}
    skipped: dict[str, Path] = {}
    refused: dict[Path, str] = {}
    for path in paths:
        found = [path]
        if os.path.isdir(path):  # noqa: PTH112 a name too long is not a folder, not yet an error
            found, others, closed = _list_folder(path)
            skipped |= {os.path.realpath(each): each for each in others}
            refused |= closed
            if not found and not closed:
                refused[path] = (
                    f"{path} holds no table ({', '.join(SUFFIXES)}). Name a folder that does."
                )
                found = [path]
            found += closed
        for file in found:
            files.setdefault(os.path.realpath(file), file)
    return list(files.values()), list(skipped.values()), refused


def _list_folder(folder: Path) -> tuple[list[Path], list[Path], dict[Path, str]]:
    """The importable files of a folder, its other files, and its unreadable subfolders with the
    reason."""
    files: list[Path] = []
    others: list[Path] = []
    closed: dict[Path, str] = {}

    def refuse(error: OSError) -> None:
        closed[Path(error.filename)] = f"{error.filename} cannot be read: {error.strerror}."

    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in names if not name.startswith(".")):
            file = Path(place, name)
            (files if is_table_file(file) else others).append(file)
    return files, others, closed
