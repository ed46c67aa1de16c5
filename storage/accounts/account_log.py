"""Paper accounts as they are written: what happened becomes entries, read models and events.

Promises that a change is one transaction under the journal's pen, whole or not at all; that a
request is carried out once, however often it comes; and that the account handed to whoever acts
is the one its entries lead to. Leaves out what an entry does to an account
(`trading/account/ledger.py`, handed in as `apply`), whether something may happen, reading for pages
(`blotter.py`) and proving the log (`audit.py`).

The account this process has seen last is kept in memory and only brought up to date
(`standing.py`), so that a change costs no more with a long past.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlmodel import col

from domain.errors import InputError
from domain.events import EventKind
from domain.trading.account import Account, Entry, Happening
from domain.trading.account_json import account_to_json, order_from_json
from domain.trading.orders import Order
from domain.trading.transactions import Act, Booked, Request
from storage.accounts import account_tables as tables
from storage.accounts import hash_chain
from storage.accounts.account_state import Apply, Standing, stand
from storage.accounts.hash_chain import Link
from storage.accounts.read_models import ReadModels, equity
from storage.database import Database, insert_missing
from storage.journal.cycle_rows import plain_text
from storage.journal.sql_journal import Journal, Pen, Told, utc_now
from storage.tables import table

SNAPSHOT_EVERY = 500
"""Entries between two snapshots: what a process that has seen nothing yet has to apply at most."""


class Accounts:
    """The accounts of one database. `now` stamps what is recorded."""

    def __init__(
        self, database: Database, apply: Apply, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._database = database
        self._journal = Journal(database, now)
        self._apply = apply
        self._seen: dict[tuple[str, str], Standing] = {}

    def account(self, market: str, run: str) -> Account | None:
        """As it stands; None if nobody opened it. Raises VerificationError for a broken log."""
        with self._database.reading() as connection:
            standing = self._standing(connection, market, run)
        return standing.account if standing else None

    def transact(
        self, market: str, run: str, at: datetime, act: Act, *, request: Request | None = None
    ) -> Booked:
        """Let happen what `act` says, in a transaction of its own: see `book`."""
        with self._journal.pen() as pen:
            return self.book(pen, market, run, at, act, request=request)

    def book(
        self,
        pen: Pen,
        market: str,
        run: str,
        at: datetime,
        act: Act,
        *,
        request: Request | None = None,
    ) -> Booked:
        """Let happen what `act` says of the account as it stands, in the pen's transaction; `at`
        is the time of the market. If `act` raises, nothing has happened.

        For what follows from a cycle, hand this to `Journal.record(..., then=...)`:
        `lambda pen: accounts.book(pen, market, run, as_of, act).events`. Its orders then exist if
        and only if the cycle is recorded, and the same cycle again places nothing.

        With a `request`, one of the orders that `act` places must have its key. If an order of
        that key is there already, `act` is not called and the order is returned, so checks of
        what may expire belong into `act`; InputError if the key was used for something else.
        Raises VerificationError for an account whose log is broken, ValueError where nothing
        opened it.
        """
        before = self._standing(pen.connection, market, run)
        if before and request and (placed := _placed(pen.connection, before.id, request)):
            return Booked(_opened(before, market, run), (), (), placed)
        happenings = act(before.account if before else None)
        if before is None:
            before = _new(pen.connection, market, run)
        batch = _Batch(before)
        for what in happenings:
            batch.add(self._apply, at, what, pen.at)
        account = _opened(batch.standing, market, run)
        if not batch.entries:
            return Booked(account, (), (), None)
        order = _write(pen.connection, batch, account, request)
        events = pen.tell(run, _told(market, at, account, batch.models))
        self._seen[market, run] = batch.standing
        return Booked(account, tuple(batch.entries), events, order)

    def _standing(self, connection: Connection, market: str, run: str) -> Standing | None:
        known = self._seen.get((market, run))
        standing = stand(connection, market, run, self._apply, known)
        if standing:
            self._seen[market, run] = standing
        return standing


@dataclass(slots=True)
class _Batch:
    """What one transaction adds to an account that stood as `before`."""

    before: Standing
    standing: Standing = field(init=False)
    entries: list[Entry] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    models: ReadModels = field(default_factory=ReadModels)

    def __post_init__(self) -> None:
        self.standing = self.before

    def add(
        self, apply: Apply, at: datetime, what: Happening | Entry, recorded_at: datetime
    ) -> None:
        stood = self.standing
        entry = what if isinstance(what, Entry) else Entry(stood.number + 1, at, what)
        account = apply(stood.account, entry)
        link = hash_chain.link(stood.digest, entry, recorded_at)
        self.models.follow(stood.account, entry, account)
        self.entries.append(entry)
        self.links.append(link)
        self.standing = Standing(stood.id, entry.number, link.digest, account)


def _opened(standing: Standing, market: str, run: str) -> Account:
    if standing.account is None:
        raise ValueError(f"Nothing opened the account of {market}, {run}.")
    return standing.account


def _new(connection: Connection, market: str, run: str) -> Standing:
    root = hash_chain.root(market, run)
    row = {"market": market, "run": run, "number": 0, "digest": root}
    id = connection.scalars(insert(tables.Account).values(row).returning(col(tables.Account.id)))
    return Standing(id.one(), 0, root, None)


def _placed(connection: Connection, account: int, request: Request) -> Order | None:
    """The order of the request if it was carried out; InputError if another one had its key."""
    found = connection.execute(_BY_KEY, {"of": account, "asked": request.key}).first()
    if found is None:
        return None
    placed = order_from_json(json.loads(found.body))
    if found.request != request.digest:
        raise InputError(
            f"The key {request.key[:60]!r} was used for another order: {placed.side}"
            f" {placed.quantity:g} {placed.symbol} at {placed.placed_at:%Y-%m-%d %H:%M:%S} UTC."
            " Give every new order a key of its own, and repeat a key only with the same order."
        )
    return placed


def _write(
    connection: Connection, batch: _Batch, account: Account, request: Request | None
) -> Order | None:
    """Entries, read models and the head, which is `account`; returns the order of the request."""
    id, models = batch.before.id, batch.models
    placed, changed, asked = [], [], None
    for state in models.orders.values():
        if state.number is None:
            changed.append({"of": id, "which": state.order.id, **state.row()})
            continue
        known = request.digest if request and state.order.key == request.key else None
        placed.append({**state.new_row(), "account": id, "request": known})
        asked = state.order if known else asked
    if request and asked is None:
        raise ValueError(f"None of the orders placed has the key {request.key!r}.")
    for rows, statement in (
        ([each.row(id) for each in batch.links], insert(tables.Entry)),
        (placed, insert(tables.Order)),
        (changed, _CHANGE),
        ([{**row, "account": id} for row in models.fills], insert(tables.Fill)),
        ([{**row, "account": id} for row in models.marks], insert(tables.Mark)),
    ):
        if rows:
            connection.execute(statement, rows)
    number, digest = batch.standing.number, batch.standing.digest
    connection.execute(_HEAD, {"of": id, "number": number, "digest": digest})
    if number // SNAPSHOT_EVERY > batch.before.number // SNAPSHOT_EVERY:
        _take_snapshot(connection, id, account)
    return asked


def _take_snapshot(connection: Connection, id: int, account: Account) -> None:
    row = {"number": account.number, "body": plain_text(account_to_json(account))}
    insert_missing(connection, tables.Snapshot, [{"account": id, **row}])
    connection.execute(update(tables.Snapshot).filter_by(account=id).values(row))


_BY_KEY = select(col(tables.Order.request), col(tables.Order.body)).where(
    col(tables.Order.account) == bindparam("of"), col(tables.Order.key) == bindparam("asked")
)
_CHANGE = update(table(tables.Order)).where(
    table(tables.Order).c.account == bindparam("of"), table(tables.Order).c.id == bindparam("which")
)
_HEAD = update(table(tables.Account)).where(table(tables.Account).c.id == bindparam("of"))
"""What they set is whatever they are given besides."""


def _told(market: str, at: datetime, account: Account, made: ReadModels) -> list[Told]:
    """Fills, the orders as they stand after all of it, and the account."""
    told: list[Told] = [
        (EventKind.ORDER_FILLED, fill["symbol"], {**fill, "market": market}) for fill in made.fills
    ]
    for state in made.orders.values():
        payload = {**state.json, "market": market}
        told.append((EventKind.ORDER_CHANGED, state.order.symbol, payload))
    figures = {
        "market": market,
        "at": at,
        "number": account.number,
        "equity": equity(account),
        "cash": account.cash,
        "standing": account.guard.standing,
        "mode": account.mode,
    }
    return [*told, (EventKind.ACCOUNT_CHANGED, None, figures)]
