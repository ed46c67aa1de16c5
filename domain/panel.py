"""The only input of an agent: everything known about N symbols at the close of T bars.

A panel holds symbols of one calendar and one timeframe. Prices are split- and dividend-adjusted
in one consistent scale per symbol: ratios are right, levels are not, so agents use ratios only
(a test doubles every price and demands the same votes). A panel has no clock and no knowledge of
the present; `head` cuts it to what was known at an earlier bar, events included.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from domain.instants import Times, to_datetime
from domain.timeframe import Timeframe

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class News:
    """M headlines in order of `known_at`, columns of equal length.

    `symbol` (M,) indexes `Panel.symbols`. `known_at` (M,) is when a reader could first have read
    it: the publication instant, or the end of the day for a headline stamped with a day only.
    `relevance` (M,) in [0, 1]: 1.0 where the text names the company, lower for a list it is on.
    """

    symbol: Ints
    known_at: Times
    headline: tuple[str, ...]
    source: tuple[str, ...]
    relevance: Floats

    def head(self, count: int) -> "News":
        return News(
            self.symbol[:count], self.known_at[:count], self.headline[:count],
            self.source[:count], self.relevance[:count],
        )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Filings:
    """Reported statements as first filed, in order of `known_at` (end of the filing date).

    `fiscal_quarter` is 1 to 3 for a quarter's own figures and 4 for the *full year*
    (its fourth quarter is the year less the three quarters). Figures are in the filer's currency,
    NaN where not reported; `shares` are as filed, before later splits.
    """

    symbol: Ints
    known_at: Times
    fiscal_year: Ints
    fiscal_quarter: Ints
    revenue: Floats
    operating_income: Floats
    net_income: Floats
    shares: Floats

    def head(self, count: int) -> "Filings":
        return Filings(
            self.symbol[:count], self.known_at[:count], self.fiscal_year[:count],
            self.fiscal_quarter[:count], self.revenue[:count], self.operating_income[:count],
            self.net_income[:count], self.shares[:count],
        )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Earnings:
    """Announced earnings per share and what was expected, in order of `known_at`."""

    symbol: Ints
    known_at: Times
    eps_estimate: Floats
    eps_actual: Floats

    def head(self, count: int) -> "Earnings":
        return Earnings(
            self.symbol[:count], self.known_at[:count],
            self.eps_estimate[:count], self.eps_actual[:count],
        )  # fmt: skip


def _no_ints() -> Ints:
    return np.empty(0, np.int32)


def _no_floats() -> Floats:
    return np.empty(0, np.float64)


def _no_times() -> Times:
    return np.empty(0, "datetime64[us]")


def empty_news() -> News:
    return News(_no_ints(), _no_times(), (), (), _no_floats())


def empty_filings() -> Filings:
    return Filings(
        _no_ints(), _no_times(), _no_ints(), _no_ints(),
        _no_floats(), _no_floats(), _no_floats(), _no_floats(),
    )  # fmt: skip


def empty_earnings() -> Earnings:
    return Earnings(_no_ints(), _no_times(), _no_floats(), _no_floats())


EventSource = Literal["news", "filings", "earnings"]


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """T bars of N symbols and every event known by the last of them.

    `known_at` (T,) strictly increasing: the instant bar t closed. `open` to `volume` are (T, N)
    float64, C-contiguous, NaN in all five where the symbol had no bar. `benchmark` (T,) is the
    close of the calendar's benchmark (NaN where unknown), loaded for any choice of symbols, so
    that a symbol's votes never depend on the other symbols in the panel. `horizon` is in bars of
    the symbol itself. `unavailable` maps a source to the symbols for which it *could not be
    fetched* and the reason; a symbol that has no news is not in it.
    """

    symbols: tuple[str, ...]
    calendar: str
    timeframe: Timeframe
    known_at: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    benchmark: Floats
    news: News = field(default_factory=empty_news)
    filings: Filings = field(default_factory=empty_filings)
    earnings: Earnings = field(default_factory=empty_earnings)
    unavailable: Mapping[EventSource, Mapping[str, str]] = field(default_factory=dict)
    horizon: int = 5
    simulated: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """(T, N)."""
        return len(self.known_at), len(self.symbols)

    @property
    def as_of(self) -> datetime:
        """When the last bar closed, in UTC."""
        return to_datetime(self.known_at[-1])

    def head(self, rows: int) -> "Panel":
        """The panel as it was at the close of its bar `rows - 1`: views, nothing is copied.

        Raises IndexError unless 0 < `rows` <= T.
        """
        if not 0 < rows <= len(self.known_at):
            raise IndexError(f"a panel of {len(self.known_at)} bars has no head of {rows}")
        last = self.known_at[rows - 1]
        return replace(
            self,
            known_at=self.known_at[:rows],
            open=self.open[:rows],
            high=self.high[:rows],
            low=self.low[:rows],
            close=self.close[:rows],
            volume=self.volume[:rows],
            benchmark=self.benchmark[:rows],
            news=self.news.head(_count_known_by(self.news.known_at, last)),
            filings=self.filings.head(_count_known_by(self.filings.known_at, last)),
            earnings=self.earnings.head(_count_known_by(self.earnings.known_at, last)),
        )


@dataclass(frozen=True, slots=True, eq=False)
class BarMatrix:
    """K rows of N symbols in order of time (where rows of several calendars close together, in
    order of calendar).

    Instants (K,): `known_at` when a row is known, `opened_at` when its bars opened, `session_end`
    when its session ends. Prices and `volume` (K, N) as traded, NaN without a bar. `volatility`
    (K, N) of one bar, a fraction, as known at the row's close. `dividend` (K, N) per unit, in
    currency, ex at this bar; 0 where there is none.
    """

    symbols: tuple[str, ...]
    known_at: Times
    opened_at: Times
    session_end: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    volatility: Floats
    dividend: Floats


def _count_known_by(known_at: Times, instant: np.datetime64) -> int:
    return int(np.searchsorted(known_at, instant, side="right"))
