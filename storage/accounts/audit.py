"""Whether an account's log is whole, and whether all other rows of the account follow from it.

Promises to find an entry that was altered, deleted, inserted or moved, a head that is not the end
of the log, a snapshot that differs from the entries, and orders, fills and equity points that do
not follow from them. Differences are reported in words and never repaired: entries are the truth,
and a difference means that somebody or something else wrote to the database.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Select, Table, select
from sqlmodel import col

from domain.account_json import account_from_json
from domain.errors import NotFoundError, VerificationError
from domain.trading.account import Account
from storage.accounts import account_tables as tables
from storage.accounts import hash_chain
from storage.accounts.account_state import ApplyEntry
from storage.accounts.hash_chain import ChainedEntry
from storage.accounts.read_models import AccountReadModels
from storage.database import Database
from storage.journal.cycle_rows import RowValues
from storage.tables import table

_MAX_LISTED = 5
"""Differences of a kind that are listed one by one."""

_NOT_DERIVED = frozenset({"account", "request"})
"""Columns that do not follow from entries."""


@dataclass(frozen=True, slots=True)
class _Head:
    """The end of the log in the account's row, and its snapshot (JSON) if there is one."""

    id: int
    number: int
    digest: str
    snapshot_number: int
    snapshot: str | None


@dataclass(slots=True)
class _Rebuilt:
    """The account and read models of the entries applied so far."""

    digest: str
    account: Account | None = None
    number: int = 0
    read_models: AccountReadModels = field(default_factory=AccountReadModels)

    def advance(self, chained: ChainedEntry, apply: ApplyEntry) -> str | None:
        """Apply the next entry. Return what is wrong with it in words, None if nothing is."""
        number = chained.number
        if number != self.number + 1:
            return f"Entry {self.number + 1} is missing: after {self.number} comes {number}."
        if not chained.follows(self.digest):
            return (
                f"Entry {number} ({chained.kind}) was altered, moved or put in: its digest does not"
                " follow from what it says and the entry before it."
            )
        try:
            entry = chained.entry()
            after = apply(self.account, entry)
            self.read_models.apply(self.account, entry, after)
        except (VerificationError, ValueError, KeyError) as wrong:
            return f"Entry {number} ({chained.kind}) cannot follow the ones before it: {wrong}"
        self.account, self.number, self.digest = after, number, chained.digest
        return None


class AccountAudit:
    """Audits the accounts of one database; `apply` returns the account after an entry
    (`trading/account/ledger.py`)."""

    def __init__(self, database: Database, apply: ApplyEntry) -> None:
        self._database = database
        self._apply = apply

    def accounts(self) -> tuple[tuple[str, str], ...]:
        """Return market and run of each account, in order."""
        market, run = col(tables.AccountRow.market), col(tables.AccountRow.run)
        with self._database.reading() as connection:
            rows = connection.execute(select(market, run).order_by(market, run)).all()
        return tuple((row.market, row.run) for row in rows)

    def verify(self, market: str, run: str) -> tuple[str, ...]:
        """Return what is wrong with the account's log or does not follow from it; empty if nothing
        is.

        Only the first break of a log is reported, because nothing is known of what comes after it.
        Raises NotFoundError if there is no account.
        """
        with self._database.reading() as connection:
            head = _head(connection, market, run)
            rebuilt = _Rebuilt(hash_chain.genesis_digest(market, run))
            problems: list[str] = []
            for chained in hash_chain.read_chain(connection, head.id, 0):
                if problem := rebuilt.advance(chained, self._apply):
                    return (*problems, problem)
                if chained.number == head.snapshot_number:
                    problems += _check_snapshot(head, rebuilt.account)
            if problem := _check_head(head, rebuilt):
                return (*problems, problem)
            return (*problems, *_check_read_models(connection, head.id, rebuilt.read_models))


def _head(connection: Connection, market: str, run: str) -> _Head:
    account, taken = tables.AccountRow, tables.AccountSnapshotRow
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


def _check_snapshot(head: _Head, rebuilt: Account | None) -> Iterator[str]:
    try:
        snapshot = account_from_json(json.loads(head.snapshot or ""))
    except (VerificationError, ValueError) as wrong:
        yield f"The snapshot cannot be read: {wrong}"
        return
    if snapshot != rebuilt:
        yield f"The snapshot is not what the {head.snapshot_number} entries up to it make."


def _check_head(head: _Head, rebuilt: _Rebuilt) -> str | None:
    if rebuilt.number < head.number:
        return f"The log ends with entry {rebuilt.number}, but the account has {head.number}."
    if rebuilt.number > head.number:
        return f"The log goes on to entry {rebuilt.number}, but the account has {head.number}."
    if rebuilt.digest != head.digest:
        return f"The account's digest is not that of its last entry, {rebuilt.number}."
    if head.snapshot_number > rebuilt.number:
        return f"The snapshot is of entry {head.snapshot_number}, which is not there."
    return None


def _check_read_models(
    connection: Connection, account: int, read_models: AccountReadModels
) -> Iterator[str]:
    orders = {state.number or 0: state.new_row() for state in read_models.orders.values()}
    for noun, rows, row_class in (
        ("order", orders, tables.StoredOrderRow),
        ("fill", {row["number"]: row for row in read_models.fills}, tables.StoredFillRow),
        ("mark", {row["number"]: row for row in read_models.equity_points}, tables.EquityPointRow),
    ):
        differences = _differences(noun, _stored_rows(connection, table(row_class), account), rows)
        listed = list(islice(differences, _MAX_LISTED))
        yield from listed
        if more := sum(1 for _ in differences):
            yield f"{more:,} more differences of {noun}s."


def _stored_rows(connection: Connection, model: Table, account: int) -> Iterator[RowValues]:
    """Yield the rows of a read model in order of number, without columns that do not follow from
    entries."""
    columns = [column for column in model.c if column.name not in _NOT_DERIVED]
    query = select(*columns).where(model.c.account == account).order_by(model.c.number)
    for row in connection.execute(query):
        yield dict(row._mapping)


def _differences(
    noun: str, stored: Iterator[RowValues], expected_rows: Mapping[int, RowValues]
) -> Iterator[str]:
    missing = dict(expected_rows)
    for row in stored:
        number = row["number"]
        expected = missing.pop(number, None)
        if expected is None:
            yield f"The {noun} of entry {number} is kept, but that entry makes none."
        elif row != expected:
            changes = _changed_columns(row, expected)
            yield f"The {noun} of entry {number} does not follow: {changes}."
    for number in missing:
        yield f"The {noun} of entry {number} is missing."


def _changed_columns(row: RowValues, expected: RowValues) -> str:
    names: Sequence[str] = [name for name in expected if row[name] != expected[name]]
    sentences = (f"{name} is {row[name]}, not {expected[name]}" for name in names if name != "body")
    return ", ".join(sentences) or "its body says something else"
