"""What a database holds of its runs, for comparing two of them, and what may never be wrong in one.

Two homes with the same facts in which the same was played hold the same, however often one of them
was killed: every row of every table, but for stamps of the wall clock and what is made from those.
Bulk facts are left out, and the snapshots of an account, whose times are nobody's promise.

Where an outage was recorded in events of its own, everything after them has other numbers: `apart`
from those numbers, and from those events, the same is still the same.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Table, text
from sqlmodel import select

from storage import tables
from storage.database import Database

EXCLUDED_TABLES = ("series", "bar", "headline", "filing", "announcement", "action", "snapshot")
WALL_CLOCK_COLUMNS = {
    "head": {"epoch"},
    "event": {"at"},
    "cycle": {"recorded_at"},
    "outcome": {"settled_at"},
    "account": {"digest"},
    "entry": {"recorded_at", "digest"},
}
"""By table, the columns that hold the wall clock, or are made from one that does."""
SEQUENCE_COLUMNS = {"seq", "last_seq", "cycle", "decision"}
"""Columns that number events, or name what has such a number."""
OUTAGE_EVENTS = ("engine.changed", "agent.changed")
TRADING_TABLES = ("entry", "orders", "fill", "mark")
Dump = dict[str, list[tuple[Any, ...]]]


def dump(database: Database, *, without_outages: bool = False) -> Dump:
    """The rows of each table in the order of their keys, which are numbers of events where it is
    not `without_outages` from those."""
    with database.reading() as connection:
        return {
            each.name: _rows(connection, each, without_outages)
            for each in tables.metadata.sorted_tables
            if each.name not in EXCLUDED_TABLES
        }


def differences(one: Dump, other: Dump) -> list[str]:
    """Where the two are not the same, in words: the first row of each table that differs."""
    return [
        f"{name}: {len(one[name])} rows and {len(other[name])}; "
        f"{_first_difference(one[name], other[name])}"
        for name in one
        if one[name] != other[name]
    ]


def find_faults(database: Database) -> list[str]:
    """What is lost, twice or half there, in words; empty where nothing is."""
    with database.reading() as connection:
        return [fault for question, fault in _FAULT_QUERIES if connection.scalar(text(question))]


_FAULT_QUERIES = (
    ("SELECT count(*) - max(seq) FROM event", "an event's number is missing"),
    ("SELECT (SELECT max(seq) FROM event) - last_seq FROM head", "the head is not the last event"),
    (
        "SELECT count(*) - count(DISTINCT cast(account AS text) || ' ' || key) FROM orders",
        "an order's key is there twice",
    ),
    (
        "SELECT count(*) - count(DISTINCT cast(account AS text) || ' ' || id) FROM orders",
        "an order is there twice",
    ),
    (
        "SELECT count(*) FROM account WHERE number <>"
        " (SELECT count(*) FROM entry WHERE entry.account = account.id)"
        " OR number <> (SELECT max(number) FROM entry WHERE entry.account = account.id)",
        "an entry's number is missing",
    ),
    (
        "SELECT (SELECT count(*) FROM fill) - (SELECT count(*) FROM entry WHERE kind = 'filled')",
        "the fills are not those of the entries",
    ),
    (
        "SELECT (SELECT count(*) FROM orders)"
        " - (SELECT count(*) FROM entry WHERE kind = 'order placed')",
        "the orders are not those of the entries",
    ),
    (
        "SELECT (SELECT count(*) FROM fill)"
        " - (SELECT count(*) FROM event WHERE kind = 'order.filled')",
        "the events of fills are not as many as the fills",
    ),
)
"""Each answers zero where all is well (or null, where there is nothing)."""


def _rows(connection: Connection, table: Table, without_outages: bool) -> list[tuple[Any, ...]]:
    left_out = WALL_CLOCK_COLUMNS.get(table.name, set()) | (
        SEQUENCE_COLUMNS if without_outages else set()
    )
    columns = [each for each in table.columns if each.name not in left_out]
    query = select(*columns).order_by(*table.primary_key.columns)
    if without_outages and table.name == "event":
        query = query.where(table.c.kind.not_in(OUTAGE_EVENTS))
    return [tuple(row) for row in connection.execute(query)]


def _first_difference(one: list[tuple[Any, ...]], other: list[tuple[Any, ...]]) -> str:
    def pairs() -> Iterator[str]:
        for left, right in zip(one, other, strict=False):
            if left != right:
                yield f"{str(left)[:300]} is not {str(right)[:300]}"
        yield "one is the beginning of the other"

    return next(pairs())
