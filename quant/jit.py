"""Numba compilation with a cache, once per machine and version of the sources.

Promises never to run stale code: numba notices a change of a function's own file but not of the
functions that it calls, so compiled code is kept in a folder named after all sources of its
package. Compiled functions may therefore call each other across the files of one package. Where
that folder is not writable, numba's own cache is used: such sources do not change either.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., object])
config: Any = numba.config


def cached_njit(function: Function) -> Function:
    """Compile `function` with strict IEEE arithmetic in the order written (no fastmath)."""
    with _cache_beside(Path(function.__code__.co_filename).parent):
        return cast(Function, numba.njit(cache=True)(function))


@contextmanager
def _cache_beside(sources: Path) -> Iterator[None]:
    """Set numba's documented `NUMBA_CACHE_DIR` for functions decorated in the block."""
    before = config.CACHE_DIR
    config.CACHE_DIR = _cache_folder(sources, before)
    try:
        yield
    finally:
        config.CACHE_DIR = before


@cache
def _cache_folder(sources: Path, user_cache: str) -> str:
    """The folder of code compiled from `sources`, within `user_cache` if set. Deletes the folders
    of older versions of the sources."""
    digest = hashlib.sha256()
    for file in sorted(sources.glob("*.py")):
        stat = file.stat()
        digest.update(f"{file} {stat.st_mtime_ns} {stat.st_size}\n".encode())
    base = Path(user_cache) if user_cache else sources / "__pycache__"
    package = f"numba-{sources.name}-{hashlib.sha256(str(sources).encode()).hexdigest()[:8]}"
    folder = base / f"{package}-{digest.hexdigest()[:16]}"
    try:
        if not folder.exists():
            for old in base.glob(f"{package}-*"):
                shutil.rmtree(old, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return user_cache
    return str(folder)
