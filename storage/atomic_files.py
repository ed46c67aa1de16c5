"""Files and folders that appear whole or not at all, and locks that end with their process.

Three parts. *Whole-file writes*: a file is written under another name and renamed. *File locks*:
one process at a time; a killed process holds none. *Drafts of folders*: a folder is filled under a
hidden name next to its final place and moved there by one rename. A draft is removed when the
process that made it is done, and the drafts of a killed process are removed by the next. Leaves out
what is written.
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from domain.errors import StorageError

LOCK_TIMEOUT = 0.5
"""Seconds to wait for a lock: a process that checks the lock holds it for an instant."""

_DRAFT_PREFIX = ".draft-"


def write_atomic(path: Path, content: bytes) -> None:
    """Write `content` to `path`, whole or not at all, and make its folder if needed.

    Raises StorageError for an error of the disk.
    """
    temporary = path.with_name(f".{path.name}.new")
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


def read_file(path: Path) -> bytes:
    """Return a file's content. Raises StorageError for a file that cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise StorageError(f"{path} cannot be read ({error.strerror}).") from error


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn errors of the disk within the block into StorageError, naming `path`."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written ({error.strerror}). Make room there or give another folder; "
            "the same command goes on where it was."
        ) from error


def try_lock(file: IO[bytes]) -> bool:
    """Lock the open file for this process. Return whether that succeeded within LOCK_TIMEOUT."""
    until = time.monotonic() + LOCK_TIMEOUT
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(LOCK_TIMEOUT / 20)
        else:
            return True


def is_locked(path: Path) -> bool:
    """Return whether a process has locked the file; a file that does not exist is not locked."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


@contextmanager
def draft_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder within `folder`, removed afterwards unless it was moved away."""
    draft = Path(tempfile.mkdtemp(prefix=f"{_DRAFT_PREFIX}{os.getpid()}-", dir=folder))
    draft.chmod(0o755)
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def delete_folder(folder: Path) -> None:
    """Delete a folder. One rename hides it first; if the process is killed then, the next removes
    the rest."""
    with draft_folder(folder.parent) as trash:
        folder.rename(trash / folder.name)


def remove_stale_drafts(folder: Path) -> None:
    """Remove the drafts in `folder` whose processes have ended."""
    for path in folder.glob(f"{_DRAFT_PREFIX}*"):
        pid = path.name.removeprefix(_DRAFT_PREFIX).split("-")[0]
        if not (pid.isdigit() and _is_running(int(pid))):
            shutil.rmtree(path, ignore_errors=True)


def _is_running(pid: int) -> bool:
    if pid == 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
