"""What was traded on an account, lot by lot: its entries, read once, and what they come to.

Promises that lots and trips are those of all entries there are now, and that entries read before
are neither read nor matched again. Leaves out how lots are matched (`domain/trading/lots.py`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, ScalarSelect, select
from sqlmodel import col

from domain.trading.account import Entry, Filled, Happening, OrderPlaced, Reset, SplitApplied
from domain.trading.account_json import KINDS, happening_from_json
from domain.trading.lots import Lot, Trip, lots_and_trips, receipts_of
from storage.accounts import account_tables as tables

_MATTERS: tuple[type[Happening], ...] = (OrderPlaced, Filled, SplitApplied, Reset)
"""Kinds of entries that lots and trips follow from."""


@dataclass(frozen=True, slots=True)
class Traded:
    """By symbol the lots still held, oldest first, and the trips in order of their end, as they
    follow from the entries up to `number`; `receipts` by order, of those that have one."""

    number: int = 0
    lots: Mapping[str, tuple[Lot, ...]] = field(default_factory=dict)
    trips: tuple[Trip, ...] = ()
    receipts: Mapping[str, str] = field(default_factory=dict)

    def brought_up_to_date(self, connection: Connection, account: ScalarSelect[int]) -> "Traded":
        """Itself where nothing that matters has come since."""
        since = happenings(connection, account, _MATTERS, self.number)
        if not since:
            return self
        lots, ended = lots_and_trips(since, self.lots, self.receipts)
        receipts = {**self.receipts, **receipts_of(since)}
        return Traded(since[-1].number, lots, (*self.trips, *ended), receipts)


def happenings(
    connection: Connection,
    account: ScalarSelect[int],
    kinds: Sequence[type[Happening]],
    after: int = 0,
) -> tuple[Entry, ...]:
    """Entries of these kinds with a larger number, oldest first."""
    entry = tables.Entry
    names = [name for name, kind in KINDS.items() if kind in kinds]
    query = select(col(entry.number), col(entry.at), col(entry.kind), col(entry.body)).where(
        col(entry.account) == account, col(entry.kind).in_(names), col(entry.number) > after
    )
    rows = sorted(connection.execute(query).all())  # in SQL, SQLite would walk the whole log
    return tuple(
        Entry(number, at, happening_from_json(kind, json.loads(body)))
        for number, at, kind, body in rows
    )
