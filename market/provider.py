"""The protocol of a market data provider: bars, news, filings, earnings, actions and quotes.

Frames are tidy pandas tables: one fact a row, instants in UTC. An empty frame means that there is
nothing; a ProviderError means that the provider could not be reached.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import pandas as pd

from domain.timeframe import Timeframe

BAR_COLUMNS = ["at", "open", "high", "low", "close", "volume", "adj_close"]
"""`at` is the bar's *opening* instant (midnight UTC of the session's date for `1d`); prices are
split-adjusted as traded, `adj_close` also dividend-adjusted (equal to close where unknown)."""

NEWS_COLUMNS = ["symbol", "known_at", "headline", "summary", "source", "url", "relevance"]
LISTED_ONLY_RELEVANCE = 0.3
"""Relevance of a headline that was found under a symbol but does not name the company."""

FILING_COLUMNS = [
    "symbol", "known_at", "fiscal_year", "fiscal_quarter",
    "revenue", "operating_income", "net_income", "shares",
]  # fmt: skip
EARNINGS_COLUMNS = ["symbol", "known_at", "eps_estimate", "eps_actual"]
ACTION_COLUMNS = ["symbol", "at", "kind", "value"]
"""Corporate actions: kind 'split' (value 4.0 for four-for-one) or 'dividend' (value per share)."""

Progress = Callable[[str, int, int], None]
"""Callback of a long operation: what is being done, how much is done, and the total."""


@dataclass(frozen=True, slots=True)
class Quote:
    """The current price of a symbol; it is never stored as history."""

    symbol: str
    at: datetime
    price: float
    previous_close: float | None
    currency: str
    name: str


class Provider(Protocol):
    """A source of market data.

    Methods block. They may raise ProviderError (retry later), RateLimitedError (retry much later)
    or UnknownSymbolError.
    """

    @property
    def name(self) -> str: ...
    @property
    def simulated(self) -> bool: ...
    def bars(
        self, symbol: str, timeframe: Timeframe, start: datetime, end: datetime
    ) -> pd.DataFrame: ...
    def actions(self, symbol: str, start: datetime, end: datetime) -> pd.DataFrame: ...
    def news(self, symbol: str, start: datetime, end: datetime) -> pd.DataFrame: ...
    def filings(self, symbol: str) -> pd.DataFrame: ...
    def earnings(self, symbol: str) -> pd.DataFrame: ...
    def quote(self, symbol: str) -> Quote: ...
