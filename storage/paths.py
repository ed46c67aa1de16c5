"""Paths that people name, refused before anything is read or written where something else is there
than is wanted.

A special file (a device, a pipe, a socket) is known by its type alone: opening one can wait for
ever. Leaves out what a file holds, and what is not there: its reader or writer says so.
"""

import stat
from pathlib import Path

from domain.errors import InputError


def parse_path(text: str) -> Path:
    """Return the path that `text` names. Raises InputError for an empty one, which would be the
    working directory."""
    if not text.strip():
        raise InputError("A path is empty. Name a file or a folder.")
    return Path(text)


def refuse_unless_file(path: Path, remedy: str) -> None:
    """Raise InputError, ending with `remedy`, where a folder or a special file is at `path`."""
    mode = _mode(path)
    if mode is None or stat.S_ISREG(mode):
        return
    what = "a folder, no file" if stat.S_ISDIR(mode) else "no regular file"
    raise InputError(f"{path} is {what}. {remedy}")


def refuse_unless_folder(path: Path, remedy: str) -> None:
    """Raise InputError, ending with `remedy`, where a file of any type is at `path`."""
    mode = _mode(path)
    if mode is None or stat.S_ISDIR(mode):
        return
    what = "a file, no folder" if stat.S_ISREG(mode) else "no regular file and no folder"
    raise InputError(f"{path} is {what}. {remedy}")


def _mode(path: Path) -> int | None:
    """Return the mode of what is at `path`; None where nothing is or the system does not tell."""
    try:
        return path.stat().st_mode
    except OSError:
        return None
