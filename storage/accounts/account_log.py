"""Paper accounts as they are written: what happened becomes entries, read models and events.

Promises that a change is one transaction of the journal, whole or not at all; that a request is
carried out once, however often it arrives; and that the account passed to a command is the one its
entries lead to. Leaves out what an entry does to an account (`trading/account/ledger.py`, passed in
as `apply`), whether something may happen, reading for pages (`blotter.py`) and checking the log
(`audit.py`).

This process keeps the account it has last seen in memory and only brings it up to date
(`account_state.py`), so that a change takes no longer when the log is long.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlmodel import col

from domain.account_json import account_to_json, order_from_json
from domain.errors import InputError
from domain.events import EventKind
from domain.trading.account import Account, AccountEntry, AccountEvent
from domain.trading.orders import Order
from domain.trading.transactions import AccountCommand, ClientRequest, TransactionResult
from storage.accounts import account_tables as tables
from storage.accounts import hash_chain
from storage.accounts.account_state import ApplyEntry, StoredAccount, load_account
from storage.accounts.hash_chain import ChainedEntry
from storage.accounts.read_models import AccountReadModels, known_equity
from storage.database import Database, insert_missing
from storage.journal.cycle_rows import plain_json_text
from storage.journal.sql_journal import EventDraft, SqlJournal, SqlUnitOfWork, utc_now
from storage.tables import table

SNAPSHOT_EVERY = 500
"""Entries between two snapshots: the most that a process without a cached account has to apply."""


class SqlAccountLog:
    """The accounts of one database. `now` stamps what is recorded."""

    def __init__(
        self, database: Database, apply: ApplyEntry, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._database = database
        self._journal = SqlJournal(database, now)
        self._apply = apply
        self._cache: dict[tuple[str, str], StoredAccount] = {}

    def account(self, market: str, run: str) -> Account | None:
        """Return the account now; None if it was never opened. Raises VerificationError for a
        broken log."""
        with self._database.reading() as connection:
            stored = self._load(connection, market, run)
        return stored.account if stored else None

    def transact(
        self,
        market: str,
        run: str,
        at: datetime,
        command: AccountCommand,
        *,
        request: ClientRequest | None = None,
    ) -> TransactionResult:
        """Carry out `command` in a transaction of its own: see `transact_within`."""
        with self._journal.unit_of_work() as uow:
            return self.transact_within(uow, market, run, at, command, request=request)

    def transact_within(
        self,
        uow: SqlUnitOfWork,
        market: str,
        run: str,
        at: datetime,
        command: AccountCommand,
        *,
        request: ClientRequest | None = None,
    ) -> TransactionResult:
        """Carry out `command` on the account now, within `uow`; `at` is market time. If
        `command` raises, nothing has happened.

        For what follows from a cycle, call this from the cycle's unit of work. Its
        orders then exist if and only if the cycle is recorded, and recording the same cycle again
        places nothing.

        With a `request`, one of the orders that `command` places must have its key. If an order of
        that key exists already, `command` is not called and the order is returned, so checks of
        anything that may expire belong in `command`. Raises InputError if the key was used for
        something else, VerificationError for an account whose log is broken, ValueError if nothing
        opened the account.
        """
        before = self._load(uow.connection, market, run)
        if before and request:
            existing = _find_requested_order(uow.connection, before.id, request)
            if existing:
                return TransactionResult(_require_opened(before, market, run), (), (), existing)
        account_events = command(before.account if before else None)
        if before is None:
            before = _insert_account(uow.connection, market, run)
        batch = _Batch(before)
        for event in account_events:
            batch.add(self._apply, at, event, uow.recorded_at)
        account = _require_opened(batch.after, market, run)
        if not batch.entries:
            return TransactionResult(account, (), (), None)
        order = _write(uow.connection, batch, account, request)
        events = uow.append_all(run, _event_drafts(market, at, account, batch.read_models))
        self._cache[market, run] = batch.after
        return TransactionResult(account, tuple(batch.entries), events, order)

    def _load(self, connection: Connection, market: str, run: str) -> StoredAccount | None:
        cached = self._cache.get((market, run))
        stored = load_account(connection, market, run, self._apply, cached)
        if stored:
            self._cache[market, run] = stored
        return stored


@dataclass(slots=True)
class _Batch:
    """What one transaction adds to an account; `before` is the account it starts from."""

    before: StoredAccount
    after: StoredAccount = field(init=False)
    entries: list[AccountEntry] = field(default_factory=list)
    chained: list[ChainedEntry] = field(default_factory=list)
    read_models: AccountReadModels = field(default_factory=AccountReadModels)

    def __post_init__(self) -> None:
        self.after = self.before

    def add(
        self,
        apply: ApplyEntry,
        at: datetime,
        event: AccountEvent | AccountEntry,
        recorded_at: datetime,
    ) -> None:
        previous = self.after
        entry = (
            event
            if isinstance(event, AccountEntry)
            else AccountEntry(previous.number + 1, at, event)
        )
        account = apply(previous.account, entry)
        chained = hash_chain.chain_entry(previous.digest, entry, recorded_at)
        self.read_models.apply(previous.account, entry, account)
        self.entries.append(entry)
        self.chained.append(chained)
        self.after = StoredAccount(previous.id, entry.number, chained.digest, account)


def _require_opened(stored: StoredAccount, market: str, run: str) -> Account:
    if stored.account is None:
        raise ValueError(f"Nothing opened the account of {market}, {run}.")
    return stored.account


def _insert_account(connection: Connection, market: str, run: str) -> StoredAccount:
    root = hash_chain.genesis_digest(market, run)
    row = {"market": market, "run": run, "number": 0, "digest": root}
    id = connection.scalars(
        insert(tables.AccountRow).values(row).returning(col(tables.AccountRow.id))
    )
    return StoredAccount(id.one(), 0, root, None)


def _find_requested_order(
    connection: Connection, account: int, request: ClientRequest
) -> Order | None:
    """Return the order of the request if it was carried out. Raises InputError if another request
    used its key."""
    found = connection.execute(_BY_KEY, {"of": account, "request_key": request.key}).first()
    if found is None:
        return None
    placed = order_from_json(json.loads(found.body))
    if found.request != request.digest:
        raise InputError(
            f"The key {request.key[:60]!r} was used for another order: {placed.side}"
            f" {placed.quantity:g} {placed.symbol} at {placed.submitted_at:%Y-%m-%d %H:%M:%S} UTC."
            " Give every new order a key of its own, and repeat a key only with the same order."
        )
    return placed


def _write(
    connection: Connection, batch: _Batch, account: Account, request: ClientRequest | None
) -> Order | None:
    """Write entries, read models and the head, which is `account`. Return the order of the
    request."""
    id, read_models = batch.before.id, batch.read_models
    inserted, updated, requested = [], [], None
    for state in read_models.orders.values():
        if state.number is None:
            updated.append({"of": id, "which": state.order.id, **state.row()})
            continue
        known = request.digest if request and state.order.key == request.key else None
        inserted.append({**state.new_row(), "account": id, "request": known})
        requested = state.order if known else requested
    if request and requested is None:
        raise ValueError(f"None of the orders placed has the key {request.key!r}.")
    for rows, statement in (
        ([entry.row(id) for entry in batch.chained], insert(tables.AccountEntryRow)),
        (inserted, insert(tables.StoredOrderRow)),
        (updated, _CHANGE),
        ([{**row, "account": id} for row in read_models.fills], insert(tables.StoredFillRow)),
        (
            [{**row, "account": id} for row in read_models.equity_points],
            insert(tables.EquityPointRow),
        ),
    ):
        if rows:
            connection.execute(statement, rows)
    number, digest = batch.after.number, batch.after.digest
    connection.execute(_HEAD, {"of": id, "number": number, "digest": digest})
    if number // SNAPSHOT_EVERY > batch.before.number // SNAPSHOT_EVERY:
        _take_snapshot(connection, id, account)
    return requested


def _take_snapshot(connection: Connection, id: int, account: Account) -> None:
    row = {"number": account.entry_count, "body": plain_json_text(account_to_json(account))}
    insert_missing(connection, tables.AccountSnapshotRow, [{"account": id, **row}])
    connection.execute(update(tables.AccountSnapshotRow).filter_by(account=id).values(row))


_BY_KEY = select(col(tables.StoredOrderRow.request), col(tables.StoredOrderRow.body)).where(
    col(tables.StoredOrderRow.account) == bindparam("of"),
    col(tables.StoredOrderRow.key) == bindparam("request_key"),
)
_CHANGE = update(table(tables.StoredOrderRow)).where(
    table(tables.StoredOrderRow).c.account == bindparam("of"),
    table(tables.StoredOrderRow).c.id == bindparam("which"),
)
_HEAD = update(table(tables.AccountRow)).where(table(tables.AccountRow).c.id == bindparam("of"))
"""These updates set every column that they are given."""


def _event_drafts(
    market: str, at: datetime, account: Account, read_models: AccountReadModels
) -> list[EventDraft]:
    """Return events for the fills, the orders as they are afterwards, and the account."""
    drafts: list[EventDraft] = [
        (EventKind.ORDER_FILLED, fill["symbol"], {**fill, "market": market})
        for fill in read_models.fills
    ]
    for state in read_models.orders.values():
        payload = {**state.json, "market": market}
        drafts.append((EventKind.ORDER_CHANGED, state.order.symbol, payload))
    summary = {
        "market": market,
        "at": at,
        "number": account.entry_count,
        "equity": known_equity(account),
        "cash": account.cash,
        "standing": account.risk.trading_state,
        "mode": account.mode,
    }
    return [*drafts, (EventKind.ACCOUNT_CHANGED, None, summary)]
