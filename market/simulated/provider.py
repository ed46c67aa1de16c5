"""The provider of a simulated market, for a machine without network and for demonstrations.

All data are a function of the seed: the same in every process, on every machine and for every
requested range, and the past never changes. Nothing later than the provider's clock, `now`, is
served. Daily bars only.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from domain.errors import InputError, ProviderError
from domain.instants import to_datetime64
from domain.symbols import calendar_of
from domain.timeframe import Timeframe
from market import calendars
from market.provider import (
    ACTION_COLUMNS,
    BAR_COLUMNS,
    EARNINGS_COLUMNS,
    FILING_COLUMNS,
    NEWS_COLUMNS,
    Quote,
)
from market.settings import DemoSettings
from market.simulated import financials, headlines
from market.simulated.price_process import BLOCK_DAYS, FIRST_DAY, PricePath, simulate_prices
from market.simulated.universe import InstrumentKind, Listing, find_listing

HISTORY_START = datetime(2022, 1, 1, tzinfo=UTC)
"""Start of the simulated history."""
LIVE_START = datetime(2024, 1, 2, tzinfo=UTC)
"""Start of live simulated time; everything before is history."""


class DemoProvider:
    """Serves everything in `market/simulated/universe.py` with two years of history before
    `LIVE_START`."""

    name = "demo"
    simulated = True
    Settings = DemoSettings

    def __init__(self, seed: int, now: Callable[[], datetime]) -> None:
        """`now` is the simulated clock; nothing that becomes known later is served."""
        self._seed = seed
        self._now = now

    @classmethod
    def create(
        cls,
        settings: DemoSettings,
        *,
        cache: Path,  # noqa: ARG003 for providers that download
        now: Callable[[], datetime],
    ) -> "DemoProvider":
        return cls(settings.seed, now)

    def bars(
        self, symbol: str, timeframe: Timeframe, start: datetime, end: datetime
    ) -> pd.DataFrame:
        """Bars that opened at `start` or later and closed by `end` and by now.

        Raises InputError for an intraday timeframe.
        """
        if timeframe.intraday:
            raise InputError(
                f"The demo market has daily bars only, not {timeframe}. Set the timeframe to 1d."
            )
        until = min(end, self._now())
        prices = self._prices(symbol, until)
        closed = calendars.bar_closes_array(calendar_of(symbol), prices.date, timeframe)
        selected = (prices.date >= to_datetime64(start)) & (closed <= to_datetime64(until))
        return pd.DataFrame(
            {
                "at": pd.DatetimeIndex(prices.date[selected], tz="UTC"),
                "open": prices.open[selected],
                "high": prices.high[selected],
                "low": prices.low[selected],
                "close": prices.close[selected],
                "volume": prices.volume[selected],
                "adj_close": prices.close[selected],
            }
        )[BAR_COLUMNS]

    def actions(self, symbol: str, start: datetime, end: datetime) -> pd.DataFrame:  # noqa: ARG002
        """Always empty: there are no splits and no dividends."""
        find_listing(symbol)
        return _empty_frame(ACTION_COLUMNS)

    def news(self, symbol: str, start: datetime, end: datetime) -> pd.DataFrame:
        """Headlines known from `start` to `end`, both included, and by now."""
        listing, until = find_listing(symbol), min(end, self._now())
        news = _headlines(self._seed, listing, _block_count(until))
        selected = (news["known_at"] >= start) & (news["known_at"] <= until)
        return news[selected].reset_index(drop=True)[NEWS_COLUMNS]

    def filings(self, symbol: str) -> pd.DataFrame:
        listing, now = find_listing(symbol), self._now()
        if listing.kind is not InstrumentKind.COMPANY:
            return _empty_frame(FILING_COLUMNS)
        filed = financials.simulate_filings(self._seed, listing, _quarter_count(now))
        return filed[filed["known_at"] <= now].reset_index(drop=True)

    def earnings(self, symbol: str) -> pd.DataFrame:
        listing, now = find_listing(symbol), self._now()
        if listing.kind is not InstrumentKind.COMPANY:
            return _empty_frame(EARNINGS_COLUMNS)
        announced = financials.simulate_earnings(self._seed, listing, _quarter_count(now))
        return announced[announced["known_at"] <= now].reset_index(drop=True)

    def quote(self, symbol: str) -> Quote:
        """The last close by now. Raises ProviderError before the first."""
        now = self._now()
        bars = self.bars(symbol, Timeframe.D1, HISTORY_START, now)
        if bars.empty:
            raise ProviderError(
                f"The demo market has no price of {symbol} before {HISTORY_START:%F}."
            )
        known = calendars.bar_closes(
            calendar_of(symbol), pd.DatetimeIndex(bars["at"].tail(1)), Timeframe.D1
        )
        return Quote(
            symbol=symbol,
            at=known[0].to_pydatetime(),
            price=float(bars["close"].iloc[-1]),
            previous_close=float(bars["close"].iloc[-2]) if len(bars) > 1 else None,
            currency="USD",
            name=f"{find_listing(symbol).name} (simulated)",
        )

    def _prices(self, symbol: str, until: datetime) -> PricePath:
        return simulate_prices(self._seed, symbol, _block_count(until))


@lru_cache(maxsize=128)
def _headlines(seed: int, listing: Listing, blocks: int) -> pd.DataFrame:
    return headlines.simulate_headlines(seed, listing, blocks)


def _block_count(until: datetime) -> int:
    """Number of whole blocks of days that cover everything known by `until`; at least one."""
    return max((until - HISTORY_START).days, 0) // BLOCK_DAYS + 1


def _quarter_count(until: datetime) -> int:
    """Number of quarters from `FIRST_DAY` that have begun by `until`."""
    begun = np.datetime64(until.astimezone(UTC).replace(tzinfo=None), "M")
    return max(int((begun - FIRST_DAY.astype("datetime64[M]")).astype(int)), 0) // 3 + 1


def _empty_frame(columns: list[str]) -> pd.DataFrame:
    """Return an empty frame with the right dtypes."""
    text = {"symbol", "kind"}
    integers = {"fiscal_year", "fiscal_quarter"}
    stamps = {"at", "known_at"}
    return pd.DataFrame(
        {
            name: pd.Series(
                dtype="datetime64[us, UTC]" if name in stamps
                else "str" if name in text
                else "int64" if name in integers
                else "float64"
            )
            for name in columns
        }
    )  # fmt: skip
