"""Loops compiled by numba, once per machine and version of their sources.

Promises that no loop runs stale: numba notices a change of a loop's own file but not of one that it
calls, so compiled code is kept in a folder named after all sources of its package. Loops may therefore
call each other across the files of one package. Where nothing can be written there, numba's own
cache is used: such sources do not change either.
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
    """`function` as machine code, strict IEEE arithmetic in the order written (no fastmath)."""
    with _cache_beside(Path(function.__code__.co_filename).parent):
        return cast(Function, numba.njit(cache=True)(function))


@contextmanager
def _cache_beside(sources: Path) -> Iterator[None]:
    """Numba's documented `NUMBA_CACHE_DIR`, for what is decorated within."""
    before = config.CACHE_DIR
    config.CACHE_DIR = _cache_folder(sources, before)
    try:
        yield
    finally:
        config.CACHE_DIR = before


@cache
def _cache_folder(sources: Path, user_cache: str) -> str:
    """Where code compiled from `sources` is kept, within the folder that the user has chosen; that
    of older sources goes."""
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
