"""The home's stores, over one database. Leaves out what is built from them."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from domain.errors import StorageError
from settings import Settings
from storage.accounts.account_log import SqlAccountLog
from storage.database import Database
from storage.journal.decision_records import SqlDecisionRecords
from storage.journal.panel_archive import SqlPanelArchive
from storage.journal.sql_journal import SqlJournal
from storage.market_data.sql_store import SqlMarketDataStore
from storage.market_data.watchlist import SqlWatchlist
from storage.models.model_registry import ModelRegistry
from trading.account.ledger import apply

PROGRAM_VERSION = version("quorum-markets")

Log = Callable[[str], None]
TimeSource = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Stores:
    """All stores of a home, over one database."""

    database: Database
    market_data: SqlMarketDataStore
    journal: SqlJournal
    accounts: SqlAccountLog
    archive: SqlPanelArchive
    records: SqlDecisionRecords
    watchlist: SqlWatchlist
    models: ModelRegistry


@contextmanager
def open_stores(settings: Settings) -> Iterator[Stores]:
    """Open the home's database, migrate it, and close it at the end.

    Raises StorageError if the home cannot be written or the database is newer than this program.
    """
    stores = make_stores(settings)
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"The home {settings.home} cannot be written: {error.strerror}. "
            "Free it, or set QUORUM_HOME to a folder that can be."
        ) from None
    try:
        stores.database.migrate()
        yield stores
    finally:
        stores.database.close()


def make_stores(settings: Settings) -> Stores:
    """Return the stores of a home whose database may not be there yet; nothing is read."""
    database = Database(settings.database.url or f"sqlite:///{settings.home / 'quorum.db'}")
    return Stores(
        database=database,
        market_data=SqlMarketDataStore(database, settings.market.by_class),
        journal=SqlJournal(database),
        accounts=SqlAccountLog(database, apply),
        archive=SqlPanelArchive(database),
        records=SqlDecisionRecords(database),
        watchlist=SqlWatchlist(database, settings.market.watchlist),
        models=ModelRegistry(database, models_folder(settings)),
    )


def models_folder(settings: Settings) -> Path:
    """Return the folder of models."""
    return settings.home / "rl" / "models"


def secret(home: Path, name: str) -> str:
    """Return the home's secret of that name, made at first use and readable by its owner only."""
    path = home / "secrets" / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with suppress(FileExistsError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(32))
        return path.read_text()
    except OSError as error:
        raise StorageError(
            f"The secret {path} cannot be kept: {error.strerror}. Make its folder writable and "
            "see that its disk has space."
        ) from None


def utc_now() -> datetime:
    return datetime.now(UTC)
