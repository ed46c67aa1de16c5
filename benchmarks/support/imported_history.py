"""Real history for measurements: a folder's files imported into a temporary home.

The folder holds Parquet files in any columns that `quorum import` accepts, by these names.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from agents.registry import AGENTS, AgentSettings, build
from domain.panel import Panel
from domain.symbols import AssetClass, asset_class
from domain.timeframe import Timeframe
from market.imports.file_import import import_file
from market.panels.panel_builder import PanelQuery, build_panels
from orchestrator.team.base import AgentVoteResult
from storage.database import Database
from storage.market_data.sql_store import SqlMarketDataStore

DAILY = ("bars_daily", "news", "fundamentals_pit", "earnings_announcements")
COINS = ("crypto_1h",)
HORIZON = 5
SETTINGS = AgentSettings(news_model="lexicon")
"""The lexicon scores headlines alike on every machine."""


@contextmanager
def imported_store(
    folder: str, names: Sequence[str] = DAILY
) -> Iterator[tuple[Database, SqlMarketDataStore]]:
    """Yield a database and store that hold the files of these names."""
    with empty_store() as (database, store):
        for name in names:
            import_file(Path(folder) / f"{name}.parquet", store)
        yield database, store


@contextmanager
def empty_store() -> Iterator[tuple[Database, SqlMarketDataStore]]:
    """Yield an empty database and store."""
    with tempfile.TemporaryDirectory() as home:
        database = Database(f"sqlite:///{Path(home) / 'quorum.db'}")
        database.migrate()
        yield database, SqlMarketDataStore(database)
        database.close()


def share_symbols(store: SqlMarketDataStore, before: datetime | None = None) -> list[str]:
    """Return the imported shares and funds, those with history `before` an instant."""
    return [
        symbol
        for symbol in store.symbols("files", Timeframe.D1)
        if asset_class(symbol) is AssetClass.EQUITY
        and (span := store.span("files", symbol, Timeframe.D1))
        and (before is None or span[0] < before)
    ]


def build_panel(
    store: SqlMarketDataStore,
    symbols: Sequence[str],
    end: datetime,
    timeframe: Timeframe = Timeframe.D1,
    market: str = "files",
) -> Panel:
    """Build the one panel of symbols that share a calendar."""
    [(panel, _)] = build_panels(
        store,
        PanelQuery(market=market, symbols=symbols, timeframe=timeframe, as_of=end, horizon=HORIZON),
    )
    return panel


def vote_all(panel: Panel, since: int) -> tuple[AgentVoteResult, ...]:
    """Let all five agents vote on rows `since` to T - 1."""
    return tuple(
        AgentVoteResult(name, build(name, SETTINGS).vote(panel, since), None, 0.0)
        for name in AGENTS
    )
