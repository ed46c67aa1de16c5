"""The models of one home, and which of them votes.

The models are files (`model_files.py`). The promotions in the database decide which one votes; each
is an event of the journal in the same uow, so that servers and pages are notified. Leaves
out how good a model is: `research/lab` checks that before a promotion.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, insert, select
from sqlmodel import col

from domain.errors import InputError
from domain.events import Event, EventKind
from storage.database import Database
from storage.journal.sql_journal import SqlJournal, SqlUnitOfWork
from storage.models import model_tables
from storage.models.model_files import ModelFiles, StoredModel
from storage.tables import table

SHIPPED = "shipped"
"""The policy that comes with Quorum: in force until a model is promoted, and again after a roll
back to it."""


@dataclass(frozen=True, slots=True)
class ModelPromotion:
    """`model` took over from `previous`, each an id or `SHIPPED`; `undoes` is whether the
    promotion of `previous` was rolled back. `seq` is the number of its event."""

    seq: int
    at: datetime
    model: str
    previous: str
    by: str
    undoes: bool


class ModelRegistry:
    """Models in `folder`, promotions in `database`. File errors are those of `ModelFiles`; every
    method that names a model raises NotFoundError if it does not exist."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._journal = SqlJournal(database)
        self._files = ModelFiles(folder)

    def add(self, tensors: bytes, manifest: bytes) -> str:
        """Store a model and return its id; adding it again changes nothing."""
        return self._files.add(tensors, manifest)

    def models(self) -> tuple[StoredModel, ...]:
        """Return the models, newest first."""
        return self._files.models()

    def path(self, identity: str) -> Path:
        return self._files.path(identity)

    def read(self, identity: str) -> tuple[bytes, bytes]:
        """Return its tensors and its manifest, as they were added."""
        return self._files.read(identity)

    def delete(self, identity: str, *, allow_promoted: bool = False) -> None:
        """Delete a model.

        Raises InputError for the promoted model and, unless `allow_promoted`, for one that ever was
        promoted: no decision that it voted on can be verified without it.
        """
        with self._journal.unit_of_work() as uow:  # nobody promotes it meanwhile
            self._files.path(identity)
            promotions = _promotions(uow.connection)
            if _active_model(promotions) == identity:
                raise InputError(
                    f"The model {identity} is promoted. Promote another, or roll back, before it "
                    "is deleted."
                )
            if not allow_promoted and any(promotion.model == identity for promotion in promotions):
                raise InputError(
                    f"The model {identity} was promoted once: no decision that it voted on can be "
                    "verified without it. Say that this is meant (--yes) to delete it."
                )
            self._files.delete(identity)

    def active_model(self) -> str | None:
        """Return the id of the model in force; None while it is the policy that ships."""
        row = model_tables.PromotionRow
        newest = select(col(row.model)).order_by(col(row.seq).desc()).limit(1)
        with self._database.reading() as connection:
            return connection.scalar(newest)

    def promotions(self) -> tuple[ModelPromotion, ...]:
        """Return the promotions, newest first."""
        with self._database.reading() as connection:
            return _promotions(connection)[::-1]

    def previous_model(self) -> str | None:
        """Return what a roll back would promote; None if no promotion is left to undo."""
        with self._database.reading() as connection:
            stack = _promotion_stack(_promotions(connection))
        return stack[-2] if len(stack) > 1 else None

    def promote(self, identity: str, by: str) -> Event | None:
        """Let the model, or `SHIPPED`, vote from the next cycle on; None if it does already."""
        with self._journal.unit_of_work() as uow:
            if identity != SHIPPED:
                self._files.path(identity)
            active = _active_model(_promotions(uow.connection))
            if identity == active:
                return None
            return _promote(uow, active, identity, by, undoes=False)

    def roll_back(self, by: str, validate: Callable[[str], object] = lambda _: None) -> Event:
        """Promote what was in force before the present model was promoted.

        `validate` is called first, with its id; if it raises, nothing changes. Raises InputError if
        no promotion is left to undo.
        """
        with self._journal.unit_of_work() as uow:
            stack = _promotion_stack(_promotions(uow.connection))
            if len(stack) < 2:
                raise InputError(
                    "No promotion is left to be rolled back: the policy that ships is in force. "
                    "Promote a model first."
                )
            *_, previous, active = stack
            if previous != SHIPPED:
                self._files.path(previous)
            validate(previous)
            return _promote(uow, active, previous, by, undoes=True)


def _promote(uow: SqlUnitOfWork, previous: str, identity: str, by: str, *, undoes: bool) -> Event:
    payload = {
        "model": _stored_id(identity),
        "previous": _stored_id(previous),
        "by": by,
        "undoes": undoes,
    }
    event = uow.append(EventKind.MODEL_PROMOTED, "live", None, payload)
    row = {
        "seq": event.seq,
        "at": uow.recorded_at,
        "model": payload["model"],
        "by": by,
        "undoes": undoes,
    }
    uow.connection.execute(insert(model_tables.PromotionRow), [row])
    return event


def _stored_id(identity: str) -> str | None:
    return None if identity == SHIPPED else identity


def _promotions(connection: Connection) -> tuple[ModelPromotion, ...]:
    """Return the promotions, oldest first."""
    promotions: list[ModelPromotion] = []
    rows = table(model_tables.PromotionRow)
    for row in connection.execute(select(rows).order_by(rows.c.seq)):
        previous = promotions[-1].model if promotions else SHIPPED
        promotions.append(
            ModelPromotion(row.seq, row.at, row.model or SHIPPED, previous, row.by, row.undoes)
        )
    return tuple(promotions)


def _active_model(promotions: Sequence[ModelPromotion]) -> str:
    return promotions[-1].model if promotions else SHIPPED


def _promotion_stack(promotions: Sequence[ModelPromotion]) -> list[str]:
    """Return the models in force, one promotion on top of the other, without those that were rolled
    back."""
    stack = [SHIPPED]
    for each in promotions:
        if each.undoes:
            stack.pop()
        else:
            stack.append(each.model)
    return stack
