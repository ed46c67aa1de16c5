"""One database, SQLite by default and PostgreSQL by URL: connections, durability, migrations.

Promises that a committed transaction survives `kill -9` and power loss, that a program never
touches a database newer than itself, and that errors of the database and the disk become
StorageErrors with a remedy, here and nowhere else. Leaves out what is stored: see `tables.py`.

SQLite runs in WAL mode, in which readers never wait, with synchronous=FULL: a killed process would
lose nothing with NORMAL either, but a power loss might. A cycle is one commit, so the extra fsync
costs milliseconds a bar.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, OperationalError

from domain.errors import ConfigurationError, StorageError
from storage.tables import TableRow

BUSY_SECONDS = 20
"""Seconds that a writer waits for another before it gives up."""

_MIGRATION_LOCK = 7_061_755_021
"""Key of PostgreSQL's advisory lock: two processes that start together migrate in turn."""

_BEGIN_TO_WRITE = "BEGIN IMMEDIATE"
"""Take SQLite's write lock at once: a reader that starts to write later could only fail."""

_REMEDIES = (
    ("file is not a database", "It is no database of Quorum. Move it away or choose another home."),
    ("malformed", "It is damaged. Stop Quorum and restore the file from a backup."),
    ("is full", "Free some space on its disk and try again; everything committed is kept."),
    ("No space left", "Free some space on its disk and try again; everything committed is kept."),
    ("disk I/O error", "Check the disk it is on; everything committed is kept."),
    ("readonly", "Make the file and its folder writable for this user."),
    ("unable to open", "Check that its folder exists and that this user may write there."),
    ("locked", "Another program is writing to it. End that program, or try again later."),
    ("no such table", "Start Quorum once, so that it creates its tables."),
    ("does not exist", "Create it, and start Quorum once, so that it creates its tables."),
    ("password authentication", "Correct the user or password in the setting database.url."),
    ("permission denied", "Give this user the right to create and write tables there."),
    ("connection", "Check that PostgreSQL runs there and that the setting database.url is right."),
)


class Database:
    """A database by URL: `sqlite:////path/quorum.db` or `postgresql://user@host/name`.

    Raises ConfigurationError for any other URL. Nothing is opened before first use.
    """

    def __init__(self, url: str) -> None:
        self._url = _checked(url)
        self._engine = _engine(self._url)

    def __str__(self) -> str:
        """The URL without the password."""
        return self._url.database or "" if self._is_sqlite else self._url.render_as_string()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that sees one state of the database and never waits."""
        with self._translating_errors(), self._engine.connect() as connection:
            if not self._is_sqlite:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that commits as a whole at the end, or leaves no trace on an
        exception.

        On SQLite it is the only one that writes, from its first line on.
        """
        with self._translating_errors(), self._engine.connect() as connection:
            connection = connection.execution_options(begin=_BEGIN_TO_WRITE)
            with connection.begin():
                yield connection

    def migrate(self) -> None:
        """Create the tables or bring them up to date; do nothing if they are.

        Safe when several processes start together. Raises StorageError, and touches nothing, for
        a database newer than this program or of another program.
        """
        scripts = ScriptDirectory.from_config(_alembic())
        with self._translating_errors():
            if self._is_sqlite:
                self._make_folder()
            with self._engine.connect() as connection:
                if self._revision(connection, scripts) == scripts.get_current_head():
                    return
            if self._is_sqlite:
                self._enable_wal()
        with self.writing() as connection:
            if not self._is_sqlite:
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
            self._revision(connection, scripts)
            command.upgrade(_alembic(connection), "head")

    def close(self) -> None:
        """Close every connection; the database may be used again afterwards."""
        self._engine.dispose()

    @property
    def _is_sqlite(self) -> bool:
        return self._url.get_backend_name() == "sqlite"

    def _make_folder(self) -> None:
        folder = Path(str(self._url.database)).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"The folder {folder} cannot be made: {error.strerror}. Choose another home."
            ) from error

    def _enable_wal(self) -> None:
        """Set WAL mode, a permanent setting of the file. The change needs the file exclusively and,
        unlike a transaction, does not wait for it, so it is tried again if processes start
        together."""
        deadline = monotonic() + BUSY_SECONDS
        while True:
            with self._engine.connect() as connection:
                connection = connection.execution_options(begin="")
                try:
                    connection.exec_driver_sql("PRAGMA journal_mode=WAL")
                except OperationalError as error:
                    if "locked" not in str(error.orig) or monotonic() > deadline:
                        raise
                else:
                    return
            sleep(0.02)

    def _revision(self, connection: Connection, scripts: ScriptDirectory) -> str | None:
        """Return the database's revision, None if it is empty. Raises StorageError if the program
        must not use it.

        Looks for tables first: if another process migrates in between, then the revision tells.
        """
        has_tables = bool(inspect(connection).get_table_names())
        revision = MigrationContext.configure(connection).get_current_revision()
        if revision is None and has_tables:
            raise StorageError(
                f"{self} holds tables of another program. Give Quorum a database of its own."
            )
        if revision not in {None, *(script.revision for script in scripts.walk_revisions())}:
            raise StorageError(
                f"{self} is at revision {revision}, which is newer than this Quorum"
                f" ({scripts.get_current_head()}). Nothing was changed. Install the newer Quorum,"
                " or choose another home."
            )
        return revision

    @contextmanager
    def _translating_errors(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise  # a bug of ours, not the database's refusal
        except DBAPIError as error:
            raise StorageError(f"{self}: {_error_message(error)}") from error


def insert_missing(
    connection: Connection, table: type[TableRow], rows: Sequence[dict[str, Any]]
) -> None:
    """Insert the rows whose key does not exist yet, also if another process inserts it at the same
    time."""
    if rows:
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        connection.execute(dialect.insert(table).on_conflict_do_nothing(), rows)


def _checked(text: str) -> URL:
    try:
        url = make_url(text)
    except ArgumentError:
        url = make_url("unreadable://")
    if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
        return url.set(drivername="sqlite")
    if url.get_backend_name() in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    raise ConfigurationError(
        f"The setting database.url is {url.render_as_string()!r}. Write sqlite:////path/to/a/file"
        " or postgresql://user:password@host/database."
    )


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(
            url, pool_pre_ping=True, connect_args={"connect_timeout": 10, "client_encoding": "utf8"}
        )
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "isolation_level": None})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: object) -> None:
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA synchronous=FULL")


def _begin_sqlite(connection: Connection) -> None:
    if begin := connection.get_execution_options().get("begin", "BEGIN"):
        connection.exec_driver_sql(begin)


def _alembic(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def _error_message(error: DBAPIError) -> str:
    message = str(error.orig).strip() or type(error.orig).__name__
    remedy = next((remedy for sign, remedy in _REMEDIES if sign in message), None)
    return f"{message}. {remedy or 'Nothing was changed. Try again, and report it if it stays.'}"
