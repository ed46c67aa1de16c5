"""The store of a market's data: what may be asked of it, not how it is kept.

`storage/market_data/sql_store.py` implements `MarketDataStore` over the database. Facts of two
markets never mix: every method names its market. Frames are the tidy tables of `market/provider.py`
(`BAR_COLUMNS` and its neighbours): UTC instants (`datetime64[us, UTC]`), float64 figures, int64
fiscal years and quarters. Empty means that nothing is stored, and then the frame still has its
columns and dtypes.

Everywhere a range is half-open, `start <= at < end`, over `at` (bars, actions) or `known_at`
(news, filings, earnings); None leaves that side open. Frames read are in order of that instant and
then of the rest of the fact's identity, so that two reads of the same facts are equal to the last
bit. A failing disk or database raises StorageError.
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

    A put takes the provider's frame (its columns in any order, its rows too), at most one row an
    identity, and is atomic by itself. The identity of a fact within (market, symbol) is: a bar's
    timeframe and `at`; a headline's `known_at`, `headline` and `source`; a filing's `known_at`,
    `fiscal_year` and `fiscal_quarter`; an announcement's `known_at`; an action's `at` and `kind`.
    Two figures are the same if they are equal or both NaN.
    """

    def transaction(self) -> AbstractContextManager[None]:
        """All puts and notes inside succeed together, or none of them if the block raises."""
        ...

    def symbols(self, market: str, timeframe: Timeframe | None = None) -> list[str]:
        """Symbols with bars (of that timeframe, or of any), sorted."""
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
        """What is stored of many symbols, read at once; `source` is named as in `last_fetch`.

        `symbol` is a categorical of `symbols`, which are distinct; the other columns are those of
        the read of one symbol. The rows are in order of `symbols`, then as for one symbol.
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

    def last_fetch(self, market: str, symbol: str, source: str) -> FetchStatus | None:
        """The last attempt to fetch `source`: 'news', 'filings', 'earnings', 'actions', or 'bars
        1d' (bars and their timeframe). None if it was never tried, as in a market of files."""
        ...

    def last_fetches(
        self, market: str, symbols: Sequence[str], source: str
    ) -> Mapping[str, FetchStatus]:
        """`last_fetch` of many symbols, without those for which it was never tried."""
        ...

    def record_fetch(
        self, market: str, symbol: str, source: str, at: datetime, error: str | None = None
    ) -> None:
        """Records an attempt made at `at`; an `error` leaves `succeeded_at` as it was."""
        ...
