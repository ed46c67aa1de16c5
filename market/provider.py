"""The one protocol of the market: who can bring bars, news, filings and quotes.

Frames are tidy pandas tables, one row a fact, UTC instants. Empty means that there is nothing;
a ProviderError means that one could not look.
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
"""Called while something takes long: what is being done, how much is done, and of how much."""


@dataclass(frozen=True, slots=True)
class Quote:
    """A snapshot of now; it never enters the past."""

    symbol: str
    at: datetime
    price: float
    previous_close: float | None
    currency: str
    name: str


class Provider(Protocol):
    """Methods block, may raise ProviderError (try again later; RateLimitedError: much later) or
    UnknownSymbolError."""

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
