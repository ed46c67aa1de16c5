"""Models as files: a folder each, named after its bytes, there whole or not at all.

A folder holds `policy.safetensors` (numbers only) and `manifest.json`. It is written as a draft and
moved to its place by one rename, so a killed write leaves nothing that could be mistaken for a
model; the next write removes what it did leave. Leaves out what the files contain, and which model
votes (`model_registry.py`).
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path

from domain.errors import NotFoundError, StorageError, VerificationError
from domain.model_files import MANIFEST_FILE, TENSORS_FILE, model_id
from storage.atomic_files import delete_folder, draft_folder, remove_stale_drafts


@dataclass(frozen=True, slots=True)
class StoredModel:
    """`added_at` is when its files were written here."""

    id: str
    folder: Path
    added_at: datetime


class ModelFiles:
    """The models in `folder`, which is made when the first is added."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, tensors: bytes, manifest: bytes) -> str:
        """Store a model and return its id. One that exists already stays; if its files are damaged,
        they are replaced.

        Raises StorageError if nothing can be written; nothing is stored then.
        """
        identity = model_id(tensors, manifest)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            remove_stale_drafts(self._folder)
            if not self._is_whole(identity):
                self._write(identity, tensors, manifest)
        except OSError as error:
            raise StorageError(
                f"The model cannot be kept in {self._folder}: {error.strerror}. It must be a "
                "folder that can be written, on a disk with space; nothing was kept."
            ) from None
        return identity

    def models(self) -> tuple[StoredModel, ...]:
        """Return the models, newest first."""
        found = []
        for path in self._folder.glob(f"[!.]*/{MANIFEST_FILE}"):
            with suppress(OSError):  # deleted meanwhile
                at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                found.append(StoredModel(path.parent.name, path.parent, at))
        return tuple(sorted(found, key=lambda model: (model.added_at, model.id), reverse=True))

    def path(self, identity: str) -> Path:
        """Return the model's folder. Raises NotFoundError, naming the nearest id, if there is
        none."""
        known = [model.id for model in self.models()]
        if identity not in known:
            raise NotFoundError(
                f"There is no model {identity[:60]!r}{_nearest(identity, known)} "
                "`quorum rl models` lists those that there are."
            )
        return self._folder / identity

    def read(self, identity: str) -> tuple[bytes, bytes]:
        """Return its tensors and its manifest, as they were added.

        Raises NotFoundError for a model that does not exist, StorageError for one that cannot be
        read and VerificationError if its files are not those that were added.
        """
        folder = self.path(identity)
        try:
            tensors = (folder / TENSORS_FILE).read_bytes()
            manifest = (folder / MANIFEST_FILE).read_bytes()
        except OSError as error:
            raise StorageError(
                f"The model {identity} cannot be read: {error.filename}: {error.strerror}. "
                f"{_REMEDY}"
            ) from None
        if model_id(tensors, manifest) != identity:
            raise VerificationError(
                f"The model {identity} is damaged: its files are not those that were added. "
                f"{_REMEDY}"
            )
        return tensors, manifest

    def delete(self, identity: str) -> None:
        """Delete a model. Raises NotFoundError, and StorageError if it may not be deleted."""
        self.path(identity)
        try:
            delete_folder(self._folder / identity)
        except OSError as error:
            raise StorageError(
                f"The model {identity} cannot be deleted: {error.strerror}. Make {self._folder} "
                "writable."
            ) from None

    def _write(self, identity: str, tensors: bytes, manifest: bytes) -> None:
        with draft_folder(self._folder) as draft_path:
            _write_synced(draft_path / TENSORS_FILE, tensors)
            _write_synced(draft_path / MANIFEST_FILE, manifest)
            _sync(draft_path)
            if (self._folder / identity).exists():
                delete_folder(self._folder / identity)  # it is damaged
            try:
                draft_path.rename(self._folder / identity)
            except OSError:
                if not self._is_whole(identity):  # or another process added the same
                    raise
            _sync(self._folder)

    def _is_whole(self, identity: str) -> bool:
        folder = self._folder / identity
        try:
            contents = (folder / TENSORS_FILE).read_bytes(), (folder / MANIFEST_FILE).read_bytes()
        except OSError:
            return False
        return model_id(*contents) == identity


_REMEDY = "Restore its folder from a copy, or delete it with `quorum rl delete`."


def _write_synced(path: Path, content: bytes) -> None:
    """Write a file and flush it to the disk before it is renamed: a power failure leaves no model
    without its bytes."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _nearest(identity: str, known: Sequence[str]) -> str:
    near = get_close_matches(identity, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else "."
