"""A small real home for backtests: the demo market of two years in a SQLite file."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from agents.registry import AgentSettings, build
from domain.timeframe import Timeframe
from market.simulated.provider import DemoProvider
from research.backtest.backtester import Backtester
from research.backtest.results import BacktestStore
from storage.database import Database
from storage.market_data.sql_store import SqlMarketDataStore

SYMBOLS = ("AAPL", "JPM", "XOM", "SPY", "BTC-USD")
STORED = datetime(2021, 6, 1, tzinfo=UTC)
NOW = datetime(2024, 3, 15, 22, tzinfo=UTC)
builder = partial(build, settings=AgentSettings(news_model="lexicon"))


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backtests")
    database = Database(f"sqlite:///{folder / 'quorum.db'}")
    database.migrate()
    store, provider = SqlMarketDataStore(database), DemoProvider(7, lambda: NOW)
    with store.transaction():
        for symbol in SYMBOLS:
            bars = provider.bars(symbol, Timeframe.D1, STORED, NOW)
            store.put_bars("demo", symbol, Timeframe.D1, bars)
            store.put_news("demo", symbol, provider.news(symbol, STORED, NOW))
            store.put_filings("demo", symbol, provider.filings(symbol))
            store.put_earnings("demo", symbol, provider.earnings(symbol))
    database.close()
    return folder


@pytest.fixture(scope="session")
def database(demo_home: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{demo_home / 'quorum.db'}")
    yield database
    database.close()


@pytest.fixture(scope="session")
def store(database: Database) -> SqlMarketDataStore:
    return SqlMarketDataStore(database)


@pytest.fixture
def results(tmp_path: Path) -> BacktestStore:
    return BacktestStore(tmp_path / "backtests")


@pytest.fixture
def backtester(results: BacktestStore, store: SqlMarketDataStore, database: Database) -> Backtester:
    return Backtester(results, store, database, builder, "test")
