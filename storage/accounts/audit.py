"""Whether an account's log is whole, and whether all that is kept beside it follows from it.

Promises to find an entry that was altered, deleted, inserted or moved, a head that is not the end
of the log, a snapshot that the entries do not make, and orders, fills and marks that say anything
else than the entries. Differences are told, in words, and never repaired: entries are the truth
and a difference means that somebody or something else wrote to the database.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Select, Table, select
from sqlmodel import col

from domain.errors import NotFoundError, VerificationError
from domain.trading.account import Account
from domain.trading.account_json import account_from_json
from storage.accounts import account_tables as tables
from storage.accounts import hash_chain
from storage.accounts.account_state import Apply
from storage.accounts.hash_chain import Link
from storage.accounts.read_models import ReadModels
from storage.database import Database
from storage.journal.cycle_rows import Row
from storage.tables import table

_MOST_TOLD = 5
"""Differences of a kind that are told one by one."""

_NOT_FOLLOWED = frozenset({"account", "request"})
"""Columns that no entry speaks of."""


@dataclass(frozen=True, slots=True)
class _Head:
    """What the account's row says of its log, and its snapshot (JSON) if there is one."""

    id: int
    number: int
    digest: str
    snapshot_number: int
    snapshot: str | None


@dataclass(slots=True)
class _Rebuilt:
    """What the entries walked so far come to."""

    digest: str
    account: Account | None = None
    number: int = 0
    models: ReadModels = field(default_factory=ReadModels)

    def take(self, link: Link, apply: Apply) -> str | None:
        """Go one entry further; what is wrong with it in words, None if nothing is."""
        if link.number != self.number + 1:
            return f"Entry {self.number + 1} is missing: after {self.number} comes {link.number}."
        if not link.follows(self.digest):
            return (
                f"Entry {link.number} ({link.kind}) was altered, moved or put in: its digest does"
                " not follow from what it says and the entry before it."
            )
        try:
            entry = link.entry()
            after = apply(self.account, entry)
            self.models.follow(self.account, entry, after)
        except (VerificationError, ValueError, KeyError) as wrong:
            return f"Entry {link.number} ({link.kind}) cannot follow the ones before it: {wrong}"
        self.account, self.number, self.digest = after, link.number, link.digest
        return None


class Audit:
    """Of the accounts of one database; `apply` says what an entry does
    (`trading/account/ledger.py`)."""

    def __init__(self, database: Database, apply: Apply) -> None:
        self._database = database
        self._apply = apply

    def accounts(self) -> tuple[tuple[str, str], ...]:
        """Market and run of each, in order."""
        market, run = col(tables.Account.market), col(tables.Account.run)
        with self._database.reading() as connection:
            rows = connection.execute(select(market, run).order_by(market, run)).all()
        return tuple((row.market, row.run) for row in rows)

    def verify(self, market: str, run: str) -> tuple[str, ...]:
        """What is wrong with the account's log or does not follow from it; empty if nothing is.

        Of a broken log only its first break is told: nothing can be said of what comes after.
        Raises NotFoundError where there is no account.
        """
        with self._database.reading() as connection:
            head = _head(connection, market, run)
            rebuilt = _Rebuilt(hash_chain.root(market, run))
            found: list[str] = []
            for link in hash_chain.links(connection, head.id, 0):
                if wrong := rebuilt.take(link, self._apply):
                    return (*found, wrong)
                if link.number == head.snapshot_number:
                    found += _snapshot(head, rebuilt.account)
            if wrong := _end(head, rebuilt):
                return (*found, wrong)
            return (*found, *_read_models(connection, head.id, rebuilt.models))


def _head(connection: Connection, market: str, run: str) -> _Head:
    account, taken = tables.Account, tables.Snapshot
    query: Select[*tuple[Any, ...]] = (
        select(
            col(account.id),
            col(account.number),
            col(account.digest),
            col(taken.number).label("snapshot_number"),
            col(taken.body),
        )
        .outerjoin_from(account, taken, col(taken.account) == col(account.id))
        .where(col(account.market) == market, col(account.run) == run)
    )
    found = connection.execute(query).first()
    if found is None:
        raise NotFoundError(f"There is no paper account of {market}, {run}.")
    return _Head(found.id, found.number, found.digest, found.snapshot_number or 0, found.body)


def _snapshot(head: _Head, rebuilt: Account | None) -> Iterator[str]:
    try:
        kept = account_from_json(json.loads(head.snapshot or ""))
    except (VerificationError, ValueError) as wrong:
        yield f"The snapshot cannot be read: {wrong}"
        return
    if kept != rebuilt:
        yield f"The snapshot is not what the {head.snapshot_number} entries up to it make."


def _end(head: _Head, rebuilt: _Rebuilt) -> str | None:
    if rebuilt.number < head.number:
        return f"The log ends with entry {rebuilt.number}, but the account has {head.number}."
    if rebuilt.number > head.number:
        return f"The log goes on to entry {rebuilt.number}, but the account has {head.number}."
    if rebuilt.digest != head.digest:
        return f"The account's digest is not that of its last entry, {rebuilt.number}."
    if head.snapshot_number > rebuilt.number:
        return f"The snapshot is of entry {head.snapshot_number}, which is not there."
    return None


def _read_models(connection: Connection, account: int, made: ReadModels) -> Iterator[str]:
    orders = {state.number or 0: state.new_row() for state in made.orders.values()}
    for noun, rows, kept in (
        ("order", orders, tables.Order),
        ("fill", {row["number"]: row for row in made.fills}, tables.Fill),
        ("mark", {row["number"]: row for row in made.marks}, tables.Mark),
    ):
        differences = _differences(noun, _stored(connection, table(kept), account), rows)
        told = list(islice(differences, _MOST_TOLD))
        yield from told
        if more := sum(1 for _ in differences):
            yield f"{more:,} more differences of {noun}s."


def _stored(connection: Connection, model: Table, account: int) -> Iterator[Row]:
    """Rows of a read model in order of number, without what no entry speaks of."""
    columns = [column for column in model.c if column.name not in _NOT_FOLLOWED]
    query = select(*columns).where(model.c.account == account).order_by(model.c.number)
    for row in connection.execute(query):
        yield dict(row._mapping)


def _differences(noun: str, stored: Iterator[Row], made: Mapping[int, Row]) -> Iterator[str]:
    left = dict(made)
    for row in stored:
        number = row["number"]
        expected = left.pop(number, None)
        if expected is None:
            yield f"The {noun} of entry {number} is kept, but that entry makes none."
        elif row != expected:
            yield f"The {noun} of entry {number} does not follow: {_unlike(row, expected)}."
    for number in left:
        yield f"The {noun} of entry {number} is missing."


def _unlike(row: Row, expected: Row) -> str:
    names: Sequence[str] = [name for name in expected if row[name] != expected[name]]
    said = (f"{name} is {row[name]}, not {expected[name]}" for name in names if name != "body")
    return ", ".join(said) or "its body says something else"
