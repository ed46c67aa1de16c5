"""What pages and programs read of a paper account: orders, fills, equity, round trips, its log.

Every query names its market and run, is answered from an index, and is paged by the number of an
entry, so that a page stays the same while new orders arrive. The rows were written with the entries
(`account_log.py`); `audit.py` checks that they still follow from them. Only notes on round trips
are written here: they are about the account, not part of it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ScalarSelect, Select, select
from sqlmodel import col

from domain.account_json import order_from_json
from domain.errors import NotFoundError
from domain.instants import Times
from domain.panel import Floats
from domain.trading.account import AccountEntry, AccountEvent
from domain.trading.lots import RoundTrip, TaxLot
from domain.trading.orders import OPEN_STATUSES, Order, OrderSource, OrderStatus
from storage.accounts import account_tables as tables
from storage.accounts.round_trips import RoundTripIndex, read_entries
from storage.accounts.trade_notes import load_notes, save_note
from storage.database import Database
from storage.journal.sql_journal import utc_now
from storage.tables import seq_within_range, table

Query = Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class BlotterOrder:
    """An order as it is now; `number` is that of the entry that placed it, `updated_at` the time
    of the market at which it last changed."""

    number: int
    order: Order
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class BlotterFill:
    """See `domain.trading.account.OrderFilled`; `number` is that of its entry, `source` its
    order's."""

    number: int
    at: datetime
    order: str
    symbol: str
    units: float
    price: float
    commission: float
    slippage: float
    moment: str
    source: OrderSource
    charged: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class EquityCurve:
    """The equity curve. All arrays are (K,), a row of bars each, oldest first: the number of its
    entry, when it closed, equity and cash in currency, and the value of positions, long and short
    together, as a share of equity (NaN where that is not known)."""

    numbers: NDArray[np.int64]
    times: Times
    equity: Floats
    cash: Floats
    exposure: Floats


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An entry as it is stored: `at` in the time of the market, `recorded_at` by the clock, `body`
    plain JSON; `digest` binds it to all before it (`storage/accounts/hash_chain.py`)."""

    number: int
    at: datetime
    recorded_at: datetime
    kind: str
    body: Mapping[str, Any]
    digest: str


class SqlBlotter:
    """The read side of one account. An account that is not open yet has nothing."""

    def __init__(self, database: Database, market: str, run: str) -> None:
        self._database = database
        self._market, self._run = market, run
        self._trades = RoundTripIndex()

    def orders(
        self,
        *,
        open_only: bool = False,
        symbols: Sequence[str] = (),
        status: OrderStatus | None = None,
        source: OrderSource | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> tuple[BlotterOrder, ...]:
        """Return orders, newest first, of `symbols` if some are named. The page after one that
        ended with `number` starts `before` that."""
        order = tables.StoredOrderRow
        query = self._orders()
        if open_only:
            query = query.where(col(order.number).in_(self._open()))
        if symbols:
            query = query.where(col(order.symbol).in_(symbols))
        for column, value in ((order.status, status), (order.source, source)):
            if value is not None:
                query = query.where(col(column) == str(value))
        with self._database.reading() as connection:
            rows = connection.execute(_page(query, order.number, before, limit)).all()
        return tuple(map(_blotter_order, rows))

    def order(self, id: str) -> BlotterOrder:
        with self._database.reading() as connection:
            query = self._orders().where(col(tables.StoredOrderRow.id) == id)
            found = _is_valid_id(id) and connection.execute(query).first()
        if not found:
            raise NotFoundError(
                f"There is no order {id[:60]!r} in the paper account of {self._market},"
                f" {self._run}. `quorum orders` lists them."
            )
        return _blotter_order(found)

    def fills(
        self,
        *,
        order: str | None = None,
        symbol: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        before: int | None = None,
        limit: int = 500,
    ) -> tuple[BlotterFill, ...]:
        """Return fills, newest first, of bars that closed from `since` up to but not at `until`."""
        if order is not None and not _is_valid_id(order):
            return ()
        fill = tables.StoredFillRow
        names = [field.name for field in fields(BlotterFill)]
        query: Query = select(*table(fill).c[*names]).where(col(fill.account) == self._account())
        for column, value in ((fill.order, order), (fill.symbol, symbol)):
            if value is not None:
                query = query.where(col(column) == value)
        if since is not None:
            query = query.where(col(fill.at) >= since)
        if until is not None:
            query = query.where(col(fill.at) < until)
        with self._database.reading() as connection:
            rows = connection.execute(_page(query, fill.number, before, limit)).all()
        return tuple(
            BlotterFill(**{**row._mapping, "source": OrderSource(row.source)}) for row in rows
        )

    def curve(self) -> EquityCurve:
        """Return the equity curve; instants stay microseconds, as the driver gives them, which is
        fast."""
        point = tables.EquityPointRow
        names = ("number", "at", "equity", "cash", "exposure")
        query: Query = select(*table(point).c[*names]).where(col(point.account) == self._account())
        query = query.order_by(col(point.number))
        with self._database.reading() as connection:
            cursor: Any = connection.execute(query).cursor
            rows = cursor.fetchall()
        numbers, at, *figures = list(zip(*rows, strict=True)) or [()] * 5
        equity, cash, exposure = (np.array(each, np.float64) for each in figures)
        times = np.array(at, np.int64).astype("datetime64[us]")
        return EquityCurve(np.array(numbers, np.int64), times, equity, cash, exposure)

    def entries(self, after: int = 0, limit: int = 500) -> tuple[AuditEntry, ...]:
        """Return the log's entries in order, starting after the number `after`."""
        entry = tables.AccountEntryRow
        names = [field.name for field in fields(AuditEntry)]
        query: Query = select(*table(entry).c[*names]).where(
            col(entry.account) == self._account(), col(entry.number) > seq_within_range(after)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(col(entry.number)).limit(limit)).all()
        return tuple(AuditEntry(**{**row._mapping, "body": json.loads(row.body)}) for row in rows)

    def account_entries(self, *kinds: type[AccountEvent]) -> tuple[AccountEntry, ...]:
        """Return all entries of these kinds, oldest first."""
        with self._database.reading() as connection:
            return read_entries(connection, self._account(), kinds)

    def lots(self) -> Mapping[str, tuple[TaxLot, ...]]:
        """Return the open lots by symbol, oldest first."""
        return self._refresh_trades().lots

    def round_trips(self) -> tuple[RoundTrip, ...]:
        """Return closed round trips in order of their end, with people's notes on them."""
        with self._database.reading() as connection:
            notes_by_trip = load_notes(connection, self._account())
        trips = self._refresh_trades().round_trips
        return tuple(
            _with_note(trip, *notes_by_trip[trip.id]) if trip.id in notes_by_trip else trip
            for trip in trips
        )

    def annotate(self, trip_id: str, note: str, tags: Sequence[str]) -> None:
        """Replace `note` and `tags` of the round trip with that id.

        Raises NotFoundError if there is none, InputError for a note or tags that are too long.
        """
        if trip_id not in {trip.id for trip in self._refresh_trades().round_trips}:
            raise NotFoundError(f"There is no closed trade {trip_id[:60]!r} in this account.")
        with self._database.writing() as connection:
            account = connection.scalars(select(self._account())).one()
            save_note(connection, account, trip_id, note, tags, utc_now())

    def _refresh_trades(self) -> RoundTripIndex:
        with self._database.reading() as connection:
            self._trades = self._trades.refresh(connection, self._account())
        return self._trades

    def _orders(self) -> Query:
        order = tables.StoredOrderRow
        return select(col(order.number), col(order.body), col(order.updated_at)).where(
            col(order.account) == self._account()
        )

    def _open(self) -> Select[int]:
        """Select the numbers of the open orders. In a query of its own, SQLite finds them by their
        status instead of scanning all orders."""
        order = tables.StoredOrderRow
        return select(col(order.number)).where(
            col(order.account) == self._account(), col(order.status).in_(sorted(OPEN_STATUSES))
        )

    def _account(self) -> ScalarSelect[int]:
        here = {"market": self._market, "run": self._run}
        return select(col(tables.AccountRow.id)).filter_by(**here).scalar_subquery()


def _with_note(trip: RoundTrip, note: str, tags: tuple[str, ...]) -> RoundTrip:
    return replace(trip, note=note, tags=tags)


def _page(query: Query, number: int, before: int | None, limit: int) -> Query:
    if before is not None:
        query = query.where(col(number) < seq_within_range(before))
    return query.order_by(col(number).desc()).limit(limit)


def _blotter_order(row: Any) -> BlotterOrder:
    return BlotterOrder(row.number, order_from_json(json.loads(row.body)), row.updated_at)


def _is_valid_id(id: str) -> bool:
    """Whether a database can compare the id at all: a zero byte, for one, is not valid text to
    it."""
    return id.isascii() and id.isprintable()
