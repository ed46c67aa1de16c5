"""The models of one home, and which of them votes.

The models are files (`model_files.py`). Which one votes is told by the promotions in the database,
each an event of the journal in the same transaction, so that servers and pages hear of it. Leaves
out what a model is worth: whoever promotes one has read it first (`research/lab`).
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
from storage.journal.sql_journal import Journal, Pen
from storage.models import model_tables
from storage.models.model_files import Model, ModelFiles
from storage.tables import table

SHIPPED = "shipped"
"""The policy that comes with Quorum: in force until a model is promoted, and to go back to."""


@dataclass(frozen=True, slots=True)
class Promotion:
    """`model` took over from `previous`, each an id or `SHIPPED`; `undoes` tells that the promotion
    of `previous` was rolled back. `seq` is the number of its event."""

    seq: int
    at: datetime
    model: str
    previous: str
    by: str
    undoes: bool


class Models:
    """Models in `folder`, promotions in `database`. See `ModelFiles` for what is raised of files;
    NotFoundError for a model that does not exist is raised by all that name one."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._journal = Journal(database)
        self._files = ModelFiles(folder)

    def add(self, tensors: bytes, manifest: bytes) -> str:
        """Keep a model and return its id; adding it again changes nothing."""
        return self._files.add(tensors, manifest)

    def all(self) -> tuple[Model, ...]:
        """Newest first."""
        return self._files.all()

    def path(self, identity: str) -> Path:
        return self._files.path(identity)

    def read(self, identity: str) -> tuple[bytes, bytes]:
        """Its tensors and its manifest, as they were added."""
        return self._files.read(identity)

    def delete(self, identity: str, *, voted: bool = False) -> None:
        """Throw a model away.

        Raises InputError for the model that is promoted and, unless `voted` says that this is
        meant, for one that ever was: no decision that it voted on can be verified without it.
        """
        with self._journal.pen() as pen:  # nobody promotes it meanwhile
            self._files.path(identity)
            told = _promotions(pen.connection)
            if _present(told) == identity:
                raise InputError(
                    f"The model {identity} is promoted. Promote another, or roll back, before it "
                    "is deleted."
                )
            if not voted and any(each.model == identity for each in told):
                raise InputError(
                    f"The model {identity} was promoted once: no decision that it voted on can be "
                    "verified without it. Say that this is meant (--yes) to delete it."
                )
            self._files.delete(identity)

    def promoted(self) -> str | None:
        """The id of the model that is in force; None while it is the policy that ships."""
        row = model_tables.Promotion
        newest = select(col(row.model)).order_by(col(row.seq).desc()).limit(1)
        with self._database.reading() as connection:
            return connection.scalar(newest)

    def promotions(self) -> tuple[Promotion, ...]:
        """Newest first."""
        with self._database.reading() as connection:
            return _promotions(connection)[::-1]

    def former(self) -> str | None:
        """What a roll back would promote; None where no promotion is left to be undone."""
        with self._database.reading() as connection:
            standing = _standing(_promotions(connection))
        return standing[-2] if len(standing) > 1 else None

    def promote(self, identity: str, by: str) -> Event | None:
        """Let the model, or `SHIPPED`, vote from the next cycle on; None if it does already."""
        with self._journal.pen() as pen:
            if identity != SHIPPED:
                self._files.path(identity)
            present = _present(_promotions(pen.connection))
            if identity == present:
                return None
            return _promote(pen, present, identity, by, undoes=False)

    def roll_back(self, by: str, accept: Callable[[str], object] = lambda _: None) -> Event:
        """Promote what was in force before the present model was promoted.

        `accept` is asked first, with its id: what it raises leaves everything as it is. Raises
        InputError where no promotion is left to be undone.
        """
        with self._journal.pen() as pen:
            standing = _standing(_promotions(pen.connection))
            if len(standing) < 2:
                raise InputError(
                    "No promotion is left to be rolled back: the policy that ships is in force. "
                    "Promote a model first."
                )
            *_, former, present = standing
            if former != SHIPPED:
                self._files.path(former)
            accept(former)
            return _promote(pen, present, former, by, undoes=True)


def _promote(pen: Pen, previous: str, identity: str, by: str, *, undoes: bool) -> Event:
    told = {"model": _stored(identity), "previous": _stored(previous), "by": by, "undoes": undoes}
    event = pen.write(EventKind.MODEL_PROMOTED, "live", None, told)
    row = {"seq": event.seq, "at": pen.at, "model": told["model"], "by": by, "undoes": undoes}
    pen.connection.execute(insert(model_tables.Promotion), [row])
    return event


def _stored(identity: str) -> str | None:
    return None if identity == SHIPPED else identity


def _promotions(connection: Connection) -> tuple[Promotion, ...]:
    """Oldest first."""
    told: list[Promotion] = []
    rows = table(model_tables.Promotion)
    for row in connection.execute(select(rows).order_by(rows.c.seq)):
        previous = told[-1].model if told else SHIPPED
        told.append(Promotion(row.seq, row.at, row.model or SHIPPED, previous, row.by, row.undoes))
    return tuple(told)


def _present(told: Sequence[Promotion]) -> str:
    return told[-1].model if told else SHIPPED


def _standing(told: Sequence[Promotion]) -> list[str]:
    """What was in force, one promotion upon the other, without those that were rolled back."""
    standing = [SHIPPED]
    for each in told:
        if each.undoes:
            standing.pop()
        else:
            standing.append(each.model)
    return standing
