"""The protocol of the market data store, without its implementation.

`storage/market_data/sql_store.py` implements `MarketDataStore` over the database. Facts of two
markets never mix: every method names its market. Frames are the tidy tables of `market/provider.py`
(`BAR_COLUMNS` and its neighbours): UTC instants (`datetime64[us, UTC]`), float64 figures, int64
fiscal years and quarters. Empty means that nothing is stored, and then the frame still has its
columns and dtypes.

Every range is half-open, `start <= at < end`, over `at` (bars, actions) or `known_at` (news,
filings, earnings); None leaves that side open. Frames are sorted by that instant and then by the
rest of the fact's identity, so that two reads of the same facts are equal to the last bit. A
failing disk or database raises StorageError.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

import pandas as pd

from domain.store_reports import FetchStatus, WriteReport
from domain.timeframe import Timeframe


class MarketDataStore(Protocol):
    """Bars, news, filings, earnings and corporate actions of several markets.

    A put takes the provider's frame, with columns and rows in any order and at most one row per
    identity, and is atomic by itself. The identity of a fact within (market, symbol) is: a bar's
    timeframe and `at`; a headline's `known_at`, `headline` and `source`; a filing's `known_at`,
    `fiscal_year` and `fiscal_quarter`; an announcement's `known_at`; an action's `at` and `kind`.
    Two figures are the same if they are equal or both NaN.
    """

    def transaction(self) -> AbstractContextManager[None]:
        """Commit every put and recorded fetch of the block together, or none if it raises."""
        ...

    def symbols(self, market: str, timeframe: Timeframe | None = None) -> list[str]:
        """Symbols with bars of `timeframe` (None: of any), sorted."""
        ...

    def span(
        self, market: str, symbol: str, timeframe: Timeframe
    ) -> tuple[datetime, datetime] | None:
        """Opening instants of the first and the last stored bar; None without bars."""
        ...

    def read_many(
        self,
        market: str,
        symbols: Sequence[str],
        source: str,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pd.DataFrame:
        """Read one source of many symbols at once; `source` is named as in `last_fetch`.

        The column `symbol` is a categorical of `symbols`, which must be distinct; the others are
        those of the method for one symbol. Rows are sorted by `symbols`, then as for one symbol.
        """
        ...

    def bars(
        self,
        market: str,
        symbol: str,
        timeframe: Timeframe,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pd.DataFrame:
        """`BAR_COLUMNS` in order of `at`."""
        ...

    def put_bars(
        self,
        market: str,
        symbol: str,
        timeframe: Timeframe,
        frame: pd.DataFrame,
        replace: bool = False,
    ) -> WriteReport: ...

    def news(
        self,
        market: str,
        symbol: str,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pd.DataFrame:
        """`NEWS_COLUMNS` in order of `known_at`, `headline`, `source`."""
        ...

    def put_news(
        self, market: str, symbol: str, frame: pd.DataFrame, replace: bool = False
    ) -> WriteReport: ...

    def filings(
        self,
        market: str,
        symbol: str,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pd.DataFrame:
        """`FILING_COLUMNS` in order of `known_at`, `fiscal_year`, `fiscal_quarter`."""
        ...

    def put_filings(
        self, market: str, symbol: str, frame: pd.DataFrame, replace: bool = False
    ) -> WriteReport: ...

    def put_earnings(
        self, market: str, symbol: str, frame: pd.DataFrame, replace: bool = False
    ) -> WriteReport: ...

    def put_actions(
        self, market: str, symbol: str, frame: pd.DataFrame, replace: bool = False
    ) -> WriteReport: ...

    def put_corrections(
        self, market: str, symbol: str, timeframe: Timeframe, frame: pd.DataFrame
    ) -> WriteReport:
        """Store corrections of bars (`CORRECTION_COLUMNS`) in the place of those with the same
        `last` and `kind`. One whose factors are NaN corrects nothing."""
        ...

    def last_fetch(self, market: str, symbol: str, source: str) -> FetchStatus | None:
        """The last attempt to fetch `source`: 'news', 'filings', 'earnings', 'actions', or 'bars
        1d' (bars and their timeframe). None without any attempt, as in the market of files."""
        ...

    def last_fetches(
        self, market: str, symbols: Sequence[str], source: str
    ) -> Mapping[str, FetchStatus]:
        """`last_fetch` of each of `symbols`, without those that were never fetched."""
        ...

    def record_fetch(
        self, market: str, symbol: str, source: str, at: datetime, error: str | None = None
    ) -> None:
        """Record an attempt made at `at`; an `error` leaves `succeeded_at` as it was."""
        ...
