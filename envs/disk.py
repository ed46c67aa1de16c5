"""Files written whole or not at all, and a lock that ends with the process that holds it."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from domain.errors import StorageError

LOCK_TIMEOUT = 0.5
"""Seconds to wait for a lock: whoever looks whether it is held holds it for an instant."""


def try_lock(file: IO[bytes]) -> bool:
    """Was the lock got, within PATIENCE?"""
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


def is_locked(lock: Path) -> bool:
    """Does anybody hold the lock?"""
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def write_atomic(path: Path, content: bytes) -> None:
    """`content` at `path`, whole or not at all."""
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
    try:
        return path.read_bytes()
    except OSError as error:
        raise StorageError(f"{path} cannot be read ({error.strerror}).") from error


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Raises StorageError for what the disk refuses."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written ({error.strerror}). Make room there or give another folder; "
            "the same command goes on where it was."
        ) from error
