"""The last price of a symbol as traded, as known at a moment, and whether it can be relied on.

Nothing that closed later is read. Leaves out fetching, and what a bar that closes does to an
account (`cycle_orders.py`).
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from domain.errors import UnknownSymbolError
from domain.instants import to_datetime, to_datetime64, to_datetime64_array
from domain.symbols import calendar_of
from domain.timeframe import Timeframe
from market.calendars import bar_closes_array, is_open, last_close
from market.panels.panel_builder import PanelQuery, build_panels
from market.store import MarketDataStore
from orchestrator.committee.pooling import horizon_volatility
from trading.orders.confirmation_tokens import TOKEN_LIFETIME
from trading.pre_trade.checks import MarketSnapshot

CACHE_SECONDS = TOKEN_LIFETIME.total_seconds()
"""Seconds before a symbol is read again, unless a bar closes first: the lifetime of a confirmation
token, because reading all of a symbol's history takes ten times as long as placing an order."""
RECENT_HISTORY = timedelta(days=30)
"""If a symbol has had no bar for longer, all of its history is searched."""


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
        price, volume, priced_at = self._last_bar(symbol, now)
        [(panel, [verdict])] = build_panels(
            self._store,
            PanelQuery(
                market=self._market,
                symbols=[symbol],
                timeframe=self._timeframe,
                as_of=now,
                horizon=1,
            ),
        )
        return MarketSnapshot(
            now=now,
            price=price,
            priced_at=priced_at,
            volatility=float(horizon_volatility(panel.close, 1)[-1, 0]),
            volume=volume,
            is_open=False,
            stale_reason="; ".join(verdict.findings) or None,
        )

    def _last_bar(self, symbol: str, now: datetime) -> tuple[float, float, datetime]:
        """Return close and volume as traded of the newest bar, and when it was known."""
        for since in (now - RECENT_HISTORY, None):
            bars = self._store.bars(self._market, symbol, self._timeframe, since, now)
            opened = to_datetime64_array(bars["at"])
            known_at = bar_closes_array(calendar_of(symbol), opened, self._timeframe)
            close, volume = (bars[name].to_numpy(np.float64) for name in ("close", "volume"))
            there = np.flatnonzero((known_at <= to_datetime64(now)) & (close > 0.0))
            if len(there):
                last = there[-1]
                return float(close[last]), float(volume[last]), to_datetime(known_at[last])
        raise UnknownSymbolError(
            f"No {self._timeframe} bar of {symbol} had closed by {now:%Y-%m-%d %H:%M} UTC in the "
            f"market {self._market!r}, so it has no price. Download or import its history."
        )
