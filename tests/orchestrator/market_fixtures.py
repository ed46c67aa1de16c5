"""A small market of random walks in a real database, and a context to run cycles over it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from domain.timeframe import Timeframe
from market.provider import BAR_COLUMNS
from orchestrator.committee.pooling import CommitteeSettings
from orchestrator.cycle import RunContext
from storage.database import Database
from storage.journal import panel_archive
from storage.journal.sql_journal import SqlJournal
from storage.market_data.sql_store import SqlMarketDataStore

FIRST = datetime(2023, 1, 2, tzinfo=UTC)
COINS = ("BTC-USD", "ETH-USD")
"""Coins trade every day, so that a bar a day needs no exchange calendar."""
AGENTS = ("technical", "news", "fundamental", "risk", "rl")


def close_of_bar(bars: int) -> datetime:
    """When the first `bars` bars have closed."""
    return FIRST + timedelta(days=bars)


def store_bars(
    store: SqlMarketDataStore, market: str = "files", bars: int = 200, symbols=COINS
) -> None:
    rng = np.random.default_rng(3)
    at = pd.date_range(FIRST, periods=bars, freq="D", unit="us")
    for symbol in symbols:
        close = 100.0 * np.exp(np.cumsum(rng.normal(0.001, 0.02, bars)))
        open_ = close * np.exp(rng.normal(0.0, 0.004, bars))
        high, low = np.maximum(open_, close) * 1.005, np.minimum(open_, close) * 0.995
        volume = rng.uniform(1e6, 2e6, bars)
        columns = dict(zip(BAR_COLUMNS, (at, open_, high, low, close, volume, close), strict=True))
        store.put_bars(market, symbol, Timeframe.D1, pd.DataFrame(columns))


def run_context(database: Database, run: str = "live", **changed) -> RunContext:
    context = RunContext(
        market="files",
        run=run,
        simulated=False,
        timeframe=Timeframe.D1,
        horizon=5,
        settings=CommitteeSettings(),
        store=SqlMarketDataStore(database),
        journal=SqlJournal(database),
        digest_of=panel_archive.panel_digest,
    )
    return replace(context, **changed)
