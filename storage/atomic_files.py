"""Folders that are written beside their place and become what they are by one rename.

Promises that a draft is gone when whoever made it is done, and that what a killed process left is
swept away by the next. Leaves out what is written, and the rename.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = ".draft-"


@contextmanager
def draft_folder(folder: Path) -> Iterator[Path]:
    """A folder within `folder`, gone afterwards unless it was moved away."""
    draft = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=folder))
    draft.chmod(0o755)
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def delete_folder(folder: Path) -> None:
    """Delete a folder: out of sight by one rename; if this process is killed then, the rest is
    swept away."""
    with draft_folder(folder.parent) as trash:
        folder.rename(trash / folder.name)


def remove_stale_drafts(folder: Path) -> None:
    """Drafts of processes that are no more."""
    for path in folder.glob(f"{_PREFIX}*"):
        process = path.name.removeprefix(_PREFIX).split("-")[0]
        if not (process.isdigit() and _alive(int(process))):
            shutil.rmtree(path, ignore_errors=True)


def _alive(process: int) -> bool:
    if process == 0:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
