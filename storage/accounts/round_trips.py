"""The lots and round trips of an account, matched from its entries, each read once.

Promises that lots and round trips are those of all present entries, and that entries read before
are neither read nor matched again. Leaves out how lots are matched (`domain/trading/lots.py`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, ScalarSelect, select
from sqlmodel import col

from domain.account_json import account_event_from_json
from domain.stored_names import ENTRY_KINDS
from domain.trading.account import (
    AccountEntry,
    AccountEvent,
    AccountReset,
    OrderFilled,
    OrderSubmitted,
    SplitApplied,
)
from domain.trading.lots import RoundTrip, TaxLot, match_entries, receipts_by_order
from storage.accounts import account_tables as tables

_RELEVANT_EVENTS: tuple[type[AccountEvent], ...] = (
    OrderSubmitted,
    OrderFilled,
    SplitApplied,
    AccountReset,
)
"""The events that lots and round trips follow from."""


@dataclass(frozen=True, slots=True)
class RoundTripIndex:
    """The open lots by symbol, oldest first, and the round trips in order of their end, from the
    entries up to `number`; `receipts` by order, for those that have one."""

    number: int = 0
    lots: Mapping[str, tuple[TaxLot, ...]] = field(default_factory=dict)
    round_trips: tuple[RoundTrip, ...] = ()
    receipts: Mapping[str, str] = field(default_factory=dict)

    def refresh(self, connection: Connection, account: ScalarSelect[int]) -> "RoundTripIndex":
        """Return the index with the entries since; the same object if there are none that
        matter."""
        new_entries = read_entries(connection, account, _RELEVANT_EVENTS, self.number)
        if not new_entries:
            return self
        lots, ended = match_entries(new_entries, self.lots, self.receipts)
        receipts = {**self.receipts, **receipts_by_order(new_entries)}
        return RoundTripIndex(new_entries[-1].number, lots, (*self.round_trips, *ended), receipts)


def read_entries(
    connection: Connection,
    account: ScalarSelect[int],
    kinds: Sequence[type[AccountEvent]],
    after: int = 0,
) -> tuple[AccountEntry, ...]:
    """Return entries of these kinds with a larger number, oldest first."""
    entry = tables.AccountEntryRow
    names = [name for name, kind in ENTRY_KINDS.items() if kind in kinds]
    query = select(col(entry.number), col(entry.at), col(entry.kind), col(entry.body)).where(
        col(entry.account) == account, col(entry.kind).in_(names), col(entry.number) > after
    )
    rows = sorted(connection.execute(query).all())  # in SQL, SQLite would scan the whole log
    return tuple(
        AccountEntry(number, at, account_event_from_json(kind, json.loads(body)))
        for number, at, kind, body in rows
    )
