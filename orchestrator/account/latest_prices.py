"""What is known of a symbol at a moment: its last price as traded, and whether it can be relied on.

Nothing that closed later is looked at. Leaves out fetching, and what a bar that closes does to an
account (`trading_day.py`).
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from domain.errors import UnknownSymbolError
from domain.symbols import calendar_of
from domain.timeframe import Timeframe
from market.calendars import closing_instants, instant, instants, is_open, last_close, moment
from market.panels.panel_builder import build_panels
from market.store import Library
from orchestrator.committee.pooling import horizon_volatility
from trading.orders.confirmation_tokens import LIFE
from trading.pre_trade.checks import Market

REMEMBERED = LIFE.total_seconds()
"""Seconds for which a symbol is not read again, unless a bar closes meanwhile: as long as a quote
holds, for reading all of a symbol's past costs ten times an order."""
USUAL_GAP = timedelta(days=30)
"""A symbol that has had no bar for longer is looked for in all of its past."""


class Prices:
    """Of one market's symbols, by bars of `timeframe`. `clock` counts seconds."""

    def __init__(
        self,
        library: Library,
        market: str,
        timeframe: Timeframe,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._library = library
        self._market = market
        self._timeframe = timeframe
        self._clock = clock
        self._known: dict[str, tuple[float, datetime, Market]] = {}

    def of(self, symbol: str, now: datetime) -> Market:
        """Raises UnknownSymbolError for a symbol without a bar that closed by `now`."""
        calendar, asked = calendar_of(symbol), self._clock()
        newest = last_close(calendar, self._timeframe, now)
        known = self._known.get(symbol)
        if known is None or known[1] != newest or asked - known[0] > REMEMBERED:
            known = self._known[symbol] = (asked, newest, self._look(symbol, now))
        return replace(known[2], now=now, open=is_open(calendar, now))

    def _look(self, symbol: str, now: datetime) -> Market:
        price, volume, priced_at = self._last_bar(symbol, now)
        [(panel, [verdict])] = build_panels(
            self._library, self._market, [symbol], self._timeframe, now, horizon=1
        )
        return Market(
            now=now,
            price=price,
            priced_at=priced_at,
            volatility=float(horizon_volatility(panel.close, 1)[-1, 0]),
            volume=volume,
            open=False,
            stale="; ".join(verdict.findings) or None,
        )

    def _last_bar(self, symbol: str, now: datetime) -> tuple[float, float, datetime]:
        """Close and volume as traded of the newest bar, and when it was known."""
        for since in (now - USUAL_GAP, None):
            bars = self._library.bars(self._market, symbol, self._timeframe, since, now)
            opened = instants(bars["at"])
            known_at = closing_instants(calendar_of(symbol), opened, self._timeframe)
            close, volume = (bars[name].to_numpy(np.float64) for name in ("close", "volume"))
            there = np.flatnonzero((known_at <= instant(now)) & (close > 0.0))
            if len(there):
                last = there[-1]
                return float(close[last]), float(volume[last]), moment(known_at[last])
        raise UnknownSymbolError(
            f"No {self._timeframe} bar of {symbol} had closed by {now:%Y-%m-%d %H:%M} UTC in the "
            f"market {self._market!r}, so it has no price. Download or import its history."
        )
