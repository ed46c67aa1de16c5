"""Time to read daily bars from SQLite, to check them and to build them into a panel, by size."""

import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from domain.instants import to_datetime64
from domain.timeframe import Timeframe
from market import calendars
from market.panels.panel_builder import PanelQuery, build_panels
from market.store import MarketDataStore
from storage.database import Database
from storage.market_data.sql_store import SqlMarketDataStore

SIZES = ((50, 500), (500, 500), (12, 5_000), (50, 10_000))
"""Symbols and bars; the last is meant to take less than a second."""
REPEATS = 5
AS_OF = datetime(2025, 9, 27, tzinfo=UTC)


class _CachedStore:
    """A store that keeps what it has read, to measure the quality gate and the builder alone."""

    def __init__(self, store: MarketDataStore) -> None:
        self._store = store
        self._cache: dict[str, pd.DataFrame] = {}

    def read_many(self, market: str, symbols: Sequence[str], kind: str, *ends: Any) -> pd.DataFrame:
        if kind not in self._cache:
            self._cache[kind] = self._store.read_many(market, symbols, kind, *ends)
        return self._cache[kind]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def run() -> dict[str, float]:
    """Return seconds, the best of five: from SQLite, and of the gate and the builder alone."""
    figures: dict[str, float] = {}
    for symbols, bars in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            figures |= _measure(Path(folder) / "bars.db", symbols, bars)
    return figures


def _measure(path: Path, symbols: int, bars: int) -> dict[str, float]:
    database = Database(f"sqlite:///{path}")
    database.migrate()
    store = SqlMarketDataStore(database)
    names = [f"S{number}" for number in range(symbols)]
    with store.transaction():
        for number, name in enumerate(names):
            store.put_bars("files", name, Timeframe.D1, _bars(number, bars))

    def build(source: MarketDataStore) -> None:
        ((panel, verdicts),) = build_panels(
            source,
            PanelQuery(
                market="files", symbols=names, timeframe=Timeframe.D1, as_of=AS_OF, horizon=5
            ),
        )
        if panel.shape != (bars, symbols) or any(verdict.blocked for verdict in verdicts):
            raise RuntimeError(f"built {panel.shape} with {verdicts}")

    cached: Any = _CachedStore(store)
    size = f"{symbols} symbols x {bars} bars"
    figures = {
        f"{size}, from SQLite, s": _best(lambda: build(store)),
        f"{size}, from memory, s": _best(lambda: build(cached)),
    }
    database.close()
    return figures


def _bars(seed: int, bars: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    dates = calendars.sessions("XNYS").date
    at = dates[dates < to_datetime64(AS_OF)][-bars:]
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, bars)))
    return pd.DataFrame(
        {
            "at": pd.DatetimeIndex(at, tz="UTC"),
            "open": close * 0.999,
            "high": close * 1.01,
            "low": close * 0.99,
            "close": close,
            "volume": random.uniform(1e6, 2e6, bars),
            "adj_close": close,
        }
    )


def _best(work: Callable[[], None]) -> float:
    taken = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return round(min(taken), 4)
