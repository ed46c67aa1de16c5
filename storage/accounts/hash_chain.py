"""The chain that binds an account's entries: each digest covers the one before it.

Promises that an entry altered, deleted, inserted or moved breaks the chain there or at its head.
What it cannot see is a chain that somebody with the database in hand forged anew from the altered
entry to the end: whoever fears that keeps a head digest elsewhere and compares.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select
from sqlmodel import col

from domain.canonical import canonical_bytes
from domain.trading.account import Entry
from domain.trading.account_json import happening_from_json, happening_to_json, kind_of
from storage.accounts import account_tables as tables
from storage.journal.cycle_rows import Row, plain_text
from storage.tables import microseconds, table

_BATCH = 1_000
"""Entries read at a time, so that a long log needs little memory."""


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as it is stored."""

    number: int
    at: datetime
    recorded_at: datetime
    kind: str
    body: str
    digest: str

    def entry(self) -> Entry:
        """Raises VerificationError for a body that is not of its kind."""
        return Entry(self.number, self.at, happening_from_json(self.kind, json.loads(self.body)))

    def row(self, account: int) -> Row:
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
        """Whether its digest is what it must be after an entry with the digest `previous`."""
        return self.digest == digest(
            previous, self.number, self.at, self.recorded_at, self.kind, self.body
        )


def root(market: str, run: str) -> str:
    """What stands before the first entry: a log cannot pass for that of another account."""
    return hashlib.sha256(canonical_bytes(["account", market, run])).hexdigest()


def digest(
    previous: str, number: int, at: datetime, recorded_at: datetime, kind: str, body: str
) -> str:
    """SHA-256 in hex over three lines of ASCII, the last without an end: the previous digest;
    number, `at` and `recorded_at` (microseconds since 1970) and kind; the body as stored."""
    line = f"{number} {microseconds(at)} {microseconds(recorded_at)} {kind}"
    return hashlib.sha256(f"{previous}\n{line}\n{body}".encode("ascii")).hexdigest()


def link(previous: str, entry: Entry, recorded_at: datetime) -> Link:
    """The entry as it is stored after one with the digest `previous`."""
    kind, body = kind_of(entry.what), plain_text(happening_to_json(entry.what))
    made = digest(previous, entry.number, entry.at, recorded_at, kind, body)
    return Link(entry.number, entry.at, recorded_at, kind, body, made)


def links(
    connection: Connection, account: int, after: int, until: int | None = None
) -> Iterator[Link]:
    """In order of number, those larger than `after`, up to and including `until`."""
    entry = tables.Entry
    names = [field.name for field in fields(Link)]
    query: Select[*tuple[Any, ...]] = select(*table(entry).c[*names]).where(
        col(entry.account) == account
    )
    if until is not None:
        query = query.where(col(entry.number) <= until)
    query = query.order_by(col(entry.number)).limit(_BATCH)
    while True:
        batch = connection.execute(query.where(col(entry.number) > after)).all()
        yield from (Link(*row) for row in batch)
        if len(batch) < _BATCH:
            return
        after = batch[-1].number


def digest_of(connection: Connection, account: int, number: int) -> str:
    """The digest of an entry; empty, which no digest is, where there is none."""
    return connection.scalars(_DIGEST, {"of": account, "at": number}).first() or ""


_DIGEST = select(col(tables.Entry.digest)).where(
    col(tables.Entry.account) == bindparam("of"), col(tables.Entry.number) == bindparam("at")
)
