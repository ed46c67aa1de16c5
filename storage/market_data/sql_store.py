"""The market data store in the database: bars, news, filings, earnings, actions.

Implements the protocol of `market/store.py`, which states the promises. Text that no database can
hold (zero bytes, halves of surrogate pairs) is stored with U+FFFD in its place. Leaves out fetching
and checking.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import MappingProxyType

import numpy as np
import pandas as pd
from sqlalchemy import ColumnElement, Connection, func, or_, select, update
from sqlmodel import col

from domain.instants import from_microseconds
from domain.store_reports import FetchStatus, WriteReport
from domain.symbols import AssetClass, asset_class
from domain.timeframe import Timeframe
from storage.database import Database, insert_missing
from storage.market_data import market_facts
from storage.market_data.market_facts import (
    ACTIONS,
    BARS,
    CORRECTIONS,
    EARNINGS,
    FACT_KINDS,
    FILINGS,
    NEWS,
    FactKind,
)
from storage.tables import BarRow, SeriesRow


class SqlMarketDataStore:
    """One database's market data. A transaction belongs to the thread that opened it.

    `by_class` names the market from which symbols of a class are read, whichever market a caller
    names; writes go to the market that the caller names.
    """

    def __init__(
        self, database: Database, by_class: Mapping[AssetClass, str] = MappingProxyType({})
    ) -> None:
        self._database = database
        self._by_class = by_class
        self._open = threading.local()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all writes inside succeed together, or none of them if the block raises."""
        with self._writing():
            yield

    def symbols(self, market: str, timeframe: Timeframe | None = None) -> list[str]:
        has_bars = select(col(BarRow.at)).where(col(BarRow.series) == col(SeriesRow.id)).exists()
        query = select(col(SeriesRow.market), col(SeriesRow.symbol)).where(
            col(SeriesRow.market).in_({market, *self._by_class.values()}), has_bars
        )
        if timeframe is not None:
            query = query.where(col(SeriesRow.what) == _bars(timeframe))
        with self._reading() as connection:
            found = connection.execute(query).all()
        return sorted({symbol for of, symbol in found if of == self._market_of(market, symbol)})

    def span(
        self, market: str, symbol: str, timeframe: Timeframe
    ) -> tuple[datetime, datetime] | None:
        at = col(BarRow.at)
        series = select(col(SeriesRow.id)).where(*self._named(market, (symbol,), _bars(timeframe)))
        ends = select(func.min(at), func.max(at)).where(
            col(BarRow.series) == series.scalar_subquery()
        )
        with self._reading() as connection:
            found = connection.execute(ends.group_by(col(BarRow.series))).first()
        if found is None:
            return None
        first, last = found
        return from_microseconds(first), from_microseconds(last)

    def read_many(
        self,
        market: str,
        symbols: Sequence[str],
        source: str,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pd.DataFrame:
        named = select(col(SeriesRow.symbol), col(SeriesRow.id)).where(
            *self._named(market, symbols, source)
        )
        with self._reading() as connection:
            ids = dict(connection.execute(named).tuples().all())
            known = [number for number, symbol in enumerate(symbols) if symbol in ids]
            series = [ids[symbols[number]] for number in known]
            index, frame = market_facts.read_facts(
                connection, FACT_KINDS[source.split()[0]], series, start, end
            )
        names = pd.Index(list(symbols), dtype="str")
        rows = pd.Categorical.from_codes(np.array(known, np.int32)[index], names)
        frame.insert(0, "symbol", pd.Series(rows))
        return frame

    def bars(
        self,
        market: str,
        symbol: str,
        timeframe: Timeframe,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pd.DataFrame:
        frame = self.read_many(market, (symbol,), _bars(timeframe), start, end)
        return frame.drop(columns="symbol")

    def put_bars(
        self,
        market: str,
        symbol: str,
        timeframe: Timeframe,
        frame: pd.DataFrame,
        replace: bool = False,
    ) -> WriteReport:
        return self._put(BARS, market, symbol, _bars(timeframe), frame, replace)

    def news(
        self, market: str, symbol: str, start: datetime | None = None, end: datetime | None = None
    ) -> pd.DataFrame:
        frame = self.read_many(market, (symbol,), "news", start, end)
        return frame.astype({"symbol": "str"})

    def put_news(
        self, market: str, symbol: str, frame: pd.DataFrame, replace: bool = False
    ) -> WriteReport:
        return self._put(NEWS, market, symbol, "news", frame, replace)

    def filings(
        self, market: str, symbol: str, start: datetime | None = None, end: datetime | None = None
    ) -> pd.DataFrame:
        frame = self.read_many(market, (symbol,), "filings", start, end)
        return frame.astype({"symbol": "str"})

    def put_filings(
        self, market: str, symbol: str, frame: pd.DataFrame, replace: bool = False
    ) -> WriteReport:
        return self._put(FILINGS, market, symbol, "filings", frame, replace)

    def put_earnings(
        self, market: str, symbol: str, frame: pd.DataFrame, replace: bool = False
    ) -> WriteReport:
        return self._put(EARNINGS, market, symbol, "earnings", frame, replace)

    def put_actions(
        self, market: str, symbol: str, frame: pd.DataFrame, replace: bool = False
    ) -> WriteReport:
        return self._put(ACTIONS, market, symbol, "actions", frame, replace)

    def put_corrections(
        self, market: str, symbol: str, timeframe: Timeframe, frame: pd.DataFrame
    ) -> WriteReport:
        what = f"corrections {timeframe}"
        read_from = self._market_of(market, symbol)
        return self._put(CORRECTIONS, read_from, symbol, what, frame, replace=True)

    def last_fetch(self, market: str, symbol: str, source: str) -> FetchStatus | None:
        return self.last_fetches(market, (symbol,), source).get(symbol)

    def last_fetches(
        self, market: str, symbols: Sequence[str], source: str
    ) -> dict[str, FetchStatus]:
        attempts = select(
            col(SeriesRow.symbol),
            col(SeriesRow.fetched_at),
            col(SeriesRow.error),
            col(SeriesRow.succeeded_at),
        ).where(*self._named(market, symbols, source))
        with self._reading() as connection:
            found = connection.execute(attempts).all()
        return {
            symbol: FetchStatus(at, error, succeeded_at)
            for symbol, at, error, succeeded_at in found
            if at is not None
        }

    def record_fetch(
        self, market: str, symbol: str, source: str, at: datetime, error: str | None = None
    ) -> None:
        values = {"fetched_at": at, "error": error}
        if error is None:
            values["succeeded_at"] = at
        with self._writing() as connection:
            series = _locked(connection, market, symbol, source)
            connection.execute(update(SeriesRow).where(col(SeriesRow.id) == series).values(values))

    def _put(
        self,
        kind: FactKind,
        market: str,
        symbol: str,
        what: str,
        frame: pd.DataFrame,
        replace: bool,
    ) -> WriteReport:
        with self._writing() as connection:
            series = _locked(connection, market, symbol, what)
            return market_facts.merge_facts(connection, kind, series, frame, replace)

    def _named(
        self, market: str, symbols: Sequence[str], what: str
    ) -> tuple[ColumnElement[bool], ...]:
        """Return conditions for the series to read `what` of the symbols from, at most one a
        symbol."""
        by_market: dict[str, list[str]] = {market: []}
        for symbol in symbols:
            by_market.setdefault(self._market_of(market, symbol), []).append(symbol)
        named = (
            (col(SeriesRow.market) == of) & col(SeriesRow.symbol).in_(those)
            for of, those in by_market.items()
        )
        return or_(*named), col(SeriesRow.what) == what

    def _market_of(self, market: str, symbol: str) -> str:
        return self._by_class.get(asset_class(symbol), market)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        if (current := self._current) is not None:
            yield current
        else:
            with self._database.reading() as connection:
                yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        if (current := self._current) is not None:
            yield current
            return
        with self._database.writing() as connection:
            self._open.connection = connection
            try:
                yield connection
            finally:
                self._open.connection = None

    @property
    def _current(self) -> Connection | None:
        """The transaction open in this thread, so that a read or write inside it sees the writes
        before it."""
        return getattr(self._open, "connection", None)


def _bars(timeframe: Timeframe) -> str:
    return f"bars {timeframe}"


def _locked(connection: Connection, market: str, symbol: str, what: str) -> int:
    """Return the series, made if needed and locked until the transaction ends."""
    named = {"market": market, "symbol": symbol, "what": what}
    insert_missing(connection, SeriesRow, [named])
    query = select(col(SeriesRow.id)).filter_by(**named).with_for_update()
    return connection.scalars(query).one()
