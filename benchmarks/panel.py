"""Time to gate 10,000 daily bars of 50 symbols and to build them into a panel."""

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from domain.timeframe import Timeframe
from market import calendars
from market.builder import build_panels
from market.library import Library
from storage.database import Database
from storage.library import SqlLibrary

BARS, SYMBOLS, REPEATS = 10_000, 50, 5
AS_OF = datetime(2025, 9, 27, tzinfo=UTC)


class _Read:
    """A library whose bars have been read before, to see the gate and the builder alone."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self.bars = cache(library.bars)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._library, name)


def run() -> dict[str, float]:
    """Seconds, the best of five: from SQLite, and of the gate and the builder alone."""
    names = [f"S{number}" for number in range(SYMBOLS)]
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'bars.db'}")
        database.migrate()
        library = SqlLibrary(database)
        for number, name in enumerate(names):
            library.put_bars("files", name, Timeframe.D1, _bars(number))

        def build(source: Library) -> None:
            ((panel, verdicts),) = build_panels(source, "files", names, Timeframe.D1, AS_OF, 5)
            if panel.shape != (BARS, SYMBOLS) or any(verdict.blocked for verdict in verdicts):
                raise RuntimeError(f"built {panel.shape} with {verdicts}")

        read = _Read(library)
        figures = {
            "bars": BARS,
            "symbols": SYMBOLS,
            "from_sqlite_s": _best(lambda: build(library)),
            "gate_and_build_s": _best(lambda: build(read)),
        }
        database.close()
    return figures


def _bars(seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    dates = calendars.sessions("XNYS").date
    at = dates[dates < calendars.instant(AS_OF)][-BARS:]
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, BARS)))
    return pd.DataFrame(
        {
            "at": pd.DatetimeIndex(at, tz="UTC"),
            "open": close * 0.999,
            "high": close * 1.01,
            "low": close * 0.99,
            "close": close,
            "volume": random.uniform(1e6, 2e6, BARS),
            "adj_close": close,
        }
    )


def _best(work: Callable[[], None]) -> float:
    taken = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return round(min(taken), 4)
