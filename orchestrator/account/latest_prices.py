"""The last price of a symbol as traded, as known at a moment, and whether it can be relied on.

Nothing that closed later is read. Leaves out fetching, and what a bar that closes does to an
account (`cycle_orders.py`).
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import numpy as np

from domain.errors import UnknownSymbolError
from domain.instants import INSTANT, to_datetime
from domain.symbols import calendar_of
from domain.timeframe import Timeframe
from market.calendars import is_open, last_close
from market.panels.bar_matrix import unadjust
from market.quality.gate import check_series
from market.series import read_series
from market.store import MarketDataStore
from orchestrator.committee.pooling import horizon_volatility
from trading.orders.confirmation_tokens import TOKEN_LIFETIME
from trading.pre_trade.checks import MarketSnapshot

CACHE_SECONDS = TOKEN_LIFETIME.total_seconds()
"""Seconds before a symbol is read again, unless a bar closes first: the lifetime of a confirmation
token, because reading all of a symbol's history takes ten times as long as placing an order."""


class LatestPrices:
    """Latest prices of one market's symbols, from bars of `timeframe`. `clock` counts seconds."""

    def __init__(
        self,
        store: MarketDataStore,
        market: str,
        timeframe: Timeframe,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._market = market
        self._timeframe = timeframe
        self._clock = clock
        self._cache: dict[str, tuple[float, datetime, MarketSnapshot]] = {}

    def get(self, symbol: str, now: datetime) -> MarketSnapshot:
        """Return the symbol's prices as known at `now`. Raises UnknownSymbolError for a symbol
        without a bar that closed by `now`."""
        calendar, read_at = calendar_of(symbol), self._clock()
        newest = last_close(calendar, self._timeframe, now)
        cached = self._cache.get(symbol)
        if cached is None or cached[1] != newest or read_at - cached[0] > CACHE_SECONDS:
            cached = self._cache[symbol] = (read_at, newest, self._load(symbol, now))
        return replace(cached[2], now=now, is_open=is_open(calendar, now))

    def _load(self, symbol: str, now: datetime) -> MarketSnapshot:
        [series] = read_series(self._store, self._market, [symbol], self._timeframe, now)
        if not len(series.known_at):
            raise UnknownSymbolError(
                f"No {self._timeframe} bar of {symbol} had closed by {now:%Y-%m-%d %H:%M} UTC in "
                f"the market {self._market!r}, so it has no price. Download or import its history."
            )
        actions = self._store.read_many(self._market, [symbol], "actions", None, now + INSTANT)
        return MarketSnapshot(
            now=now,
            price=float(unadjust(series.close[-1:], series.factor[-1:])[0]),
            priced_at=to_datetime(series.known_at[-1]),
            volatility=float(horizon_volatility(series.close[:, np.newaxis], 1)[-1, 0]),
            volume=float(series.volume[-1]),
            is_open=False,
            stale_reason="; ".join(check_series(series, actions, now).findings) or None,
        )
