"""The chain that binds an account's entries: each digest covers the one before it.

Promises that an entry altered, deleted, inserted or moved breaks the chain there or at its head. It
cannot detect a chain that somebody with access to the database rebuilt from the altered entry to
the end: to guard against that, store a head digest elsewhere and compare.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select
from sqlmodel import col

from domain.account_json import account_event_from_json, account_event_to_json, kind_of
from domain.canonical import canonical_bytes
from domain.instants import to_microseconds
from domain.trading.account import AccountEntry
from storage.accounts import account_tables as tables
from storage.journal.cycle_rows import RowValues, plain_json_text
from storage.tables import table

_BATCH = 1_000
"""Entries read at a time, so that a long log needs little memory."""


@dataclass(frozen=True, slots=True)
class ChainedEntry:
    """An entry as it is stored."""

    number: int
    at: datetime
    recorded_at: datetime
    kind: str
    body: str
    digest: str

    def entry(self) -> AccountEntry:
        """Decode the entry. Raises VerificationError for a body that does not match its kind."""
        return AccountEntry(
            self.number, self.at, account_event_from_json(self.kind, json.loads(self.body))
        )

    def row(self, account: int) -> RowValues:
        return {
            "account": account,
            "number": self.number,
            "at": self.at,
            "recorded_at": self.recorded_at,
            "kind": self.kind,
            "body": self.body,
            "digest": self.digest,
        }

    def follows(self, previous: str) -> bool:
        """Return whether its digest is what it must be after an entry with the digest
        `previous`."""
        return self.digest == entry_digest(
            previous, self.number, self.at, self.recorded_at, self.kind, self.body
        )


def genesis_digest(market: str, run: str) -> str:
    """Return the digest before the first entry, so that a log cannot pass for that of another
    account."""
    return hashlib.sha256(canonical_bytes(["account", market, run])).hexdigest()


def entry_digest(
    previous: str, number: int, at: datetime, recorded_at: datetime, kind: str, body: str
) -> str:
    """Return SHA-256 in hex over three lines of ASCII, the last without a line end: the
    previous digest; number, `at` and `recorded_at` (microseconds since 1970) and kind; the body
    as stored."""
    line = f"{number} {to_microseconds(at)} {to_microseconds(recorded_at)} {kind}"
    return hashlib.sha256(f"{previous}\n{line}\n{body}".encode("ascii")).hexdigest()


def chain_entry(previous: str, entry: AccountEntry, recorded_at: datetime) -> ChainedEntry:
    """Return the entry as it is stored after one with the digest `previous`."""
    kind, body = kind_of(entry.event), plain_json_text(account_event_to_json(entry.event))
    made = entry_digest(previous, entry.number, entry.at, recorded_at, kind, body)
    return ChainedEntry(entry.number, entry.at, recorded_at, kind, body, made)


def read_chain(
    connection: Connection, account: int, after: int, until: int | None = None
) -> Iterator[ChainedEntry]:
    """Yield entries in order of number, those larger than `after`, up to and including `until`."""
    entry = tables.AccountEntryRow
    names = [field.name for field in fields(ChainedEntry)]
    query: Select[*tuple[Any, ...]] = select(*table(entry).c[*names]).where(
        col(entry.account) == account
    )
    if until is not None:
        query = query.where(col(entry.number) <= until)
    query = query.order_by(col(entry.number)).limit(_BATCH)
    while True:
        batch = connection.execute(query.where(col(entry.number) > after)).all()
        yield from (ChainedEntry(*row) for row in batch)
        if len(batch) < _BATCH:
            return
        after = batch[-1].number


def stored_digest(connection: Connection, account: int, number: int) -> str:
    """Return the digest of an entry; empty, which no digest is, if there is none."""
    return connection.scalars(_DIGEST, {"of": account, "at": number}).first() or ""


_DIGEST = select(col(tables.AccountEntryRow.digest)).where(
    col(tables.AccountEntryRow.account) == bindparam("of"),
    col(tables.AccountEntryRow.number) == bindparam("at"),
)
