"""Databases are made, brought up to date and refused as they should be; nothing is ever lost."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from domain.errors import ConfigurationError, StorageError
from domain.events import EngineState
from storage.accounts.audit import AccountAudit
from storage.database import Database
from storage.journal.sql_journal import SqlJournal
from storage.market_data.watchlist import SqlWatchlist
from storage.tables import metadata
from tests.storage.accounts.account_fixtures import account_log, open_account
from tests.storage.samples import INPUTS, cycle, panel
from trading.account import ledger

ROOT = Path(__file__).parents[2]
PANEL = panel(20, events=5)
MIGRATE = "import sys; from storage.database import Database; Database(sys.argv[1]).migrate()"


def test_migrations_make_the_tables_that_the_program_expects(database: Database) -> None:
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_migrating_again_keeps_everything(database: Database) -> None:
    SqlJournal(database).record(cycle(), PANEL, INPUTS)
    before = SqlJournal(database).events_after(0)
    database.migrate()
    assert SqlJournal(database).events_after(0) == before


def test_what_was_recorded_before_there_were_accounts_is_kept(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(command, "upgrade", partial(upgrade_to, command.upgrade, "0002"))
        Database(url).migrate()
    database = Database(url)
    with database.reading() as connection:
        assert "entry" not in inspect(connection).get_table_names()
    SqlJournal(database).record(cycle(), PANEL, INPUTS)
    SqlJournal(database).set_engine_state("demo", "live", EngineState.PAUSED)
    before = SqlJournal(database).events_after(0)
    database.migrate()
    assert SqlJournal(database).events_after(0) == before
    assert SqlJournal(database).engine_state("demo", "live") == (EngineState.PAUSED, None)
    open_account(account_log(database), ("demo", "live"))
    assert AccountAudit(database, ledger.apply).verify("demo", "live") == ()
    database.close()


def upgrade_to(upgrade: Callable[..., None], revision: str, config: Config, _: str) -> None:
    upgrade(config, revision)


def test_processes_that_start_together_migrate_in_turn(url: str) -> None:
    started = [
        subprocess.Popen([sys.executable, "-c", MIGRATE, url], stderr=subprocess.PIPE, cwd=ROOT)
        for _ in range(3)
    ]
    said = [process.communicate(timeout=60)[1].decode() for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], said
    assert SqlJournal(Database(url)).last_seq() == 0


def test_a_newer_database_is_refused_by_both_revisions_and_left_alone(
    database: Database, url: str, tmp_path: Path
) -> None:
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    file = tmp_path / "quorum.db"
    before = file.read_bytes() if file.exists() else b""
    with pytest.raises(StorageError, match=r"revision 9999.*newer.*\(0005\).*Install the newer"):
        Database(url).migrate()
    assert (file.read_bytes() if file.exists() else b"") == before


def test_a_database_of_another_program_is_refused(database: Database, url: str) -> None:
    with database.writing() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    with pytest.raises(StorageError, match="tables of another program"):
        Database(url).migrate()


def test_two_homes_never_touch(tmp_path: Path) -> None:
    homes = [Database(f"sqlite:///{tmp_path}/{name}/quorum.db") for name in ("one", "two")]
    for home in homes:
        home.migrate()
    journals = [SqlJournal(home) for home in homes]
    journals[0].record(cycle(), PANEL, INPUTS)
    SqlWatchlist(homes[0], ()).add("XOM")
    assert journals[0].epoch != journals[1].epoch
    assert journals[1].last_seq() == 0
    assert SqlWatchlist(homes[1], ("SPY",)).symbols() == ("SPY",)


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "mysql://root@localhost/db", "sqlite://", "sqlite:///:memory:"],
)
def test_a_url_of_anything_else_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"database\.url .* sqlite:////path"):
        Database(url)


def test_a_password_is_never_shown() -> None:
    shown = str(Database("postgresql://quorum:hunter2@localhost/quorum"))
    assert "hunter2" not in shown
    with pytest.raises(ConfigurationError) as refused:
        Database("mysql://quorum:hunter2@localhost/quorum")
    assert "hunter2" not in str(refused.value)


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "quorum.db"
    file.write_bytes(b"Dear diary, " * 1000)
    with pytest.raises(StorageError, match=r"quorum\.db: file is not a database.*Move it away"):
        Database(f"sqlite:///{file}").migrate()
    assert file.read_bytes() == b"Dear diary, " * 1000


def recorded_home(tmp_path: Path) -> tuple[Database, Path]:
    """A SQLite home with one cycle in it, checkpointed and closed."""
    file = tmp_path / "quorum.db"
    database = Database(f"sqlite:///{file}")
    database.migrate()
    SqlJournal(database).record(cycle(), PANEL, INPUTS)
    database.close()
    return database, file


def test_a_damaged_file_is_reported_with_a_remedy(tmp_path: Path) -> None:
    database, file = recorded_home(tmp_path)
    whole = file.read_bytes()
    file.write_bytes(whole[:8192] + b"\xff" * (len(whole) - 8192))
    with pytest.raises(StorageError, match=r"malformed.*restore the file from a backup"):
        SqlJournal(database).events_after(0)


def test_a_read_only_home_is_reported_with_a_remedy(tmp_path: Path) -> None:
    database, file = recorded_home(tmp_path)
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()
    read_only = Database(f"sqlite:///file:{file}?mode=ro&uri=true")
    with pytest.raises(StorageError, match=r"readonly.*Make the file and its folder writable"):
        SqlJournal(read_only).record(cycle(1), PANEL, INPUTS)
    assert SqlJournal(database).last_seq() == 13


def test_a_home_below_a_file_is_reported_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(StorageError, match=r"cannot be made: .*Choose another home"):
        Database(f"sqlite:///{tmp_path}/taken/quorum.db").migrate()


def test_a_full_disk_loses_nothing_and_recording_goes_on_when_it_has_room(tmp_path: Path) -> None:
    """A cap on the pages of the file stands in for the disk: SQLite answers it as it does a
    full one, and rolls back alike."""
    database, _ = recorded_home(tmp_path)
    journal = SqlJournal(database)
    before = journal.events_after(0)
    with database.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 2}")
    with pytest.raises(StorageError, match=r"full.*Free some space.*everything committed is kept"):
        journal.record(cycle(1), panel(3000), INPUTS)
    kept = journal.events_after(0)
    assert kept[: len(before)] == before
    assert len(kept) == journal.last_seq()
    database.close()  # and with the connection goes the cap
    assert len(journal.record(cycle(99), PANEL, INPUTS)) == 13


def test_a_locked_database_is_reported_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.database.BUSY_SECONDS", 0.1)
    _, file = recorded_home(tmp_path)
    impatient = SqlJournal(Database(f"sqlite:///{file}"))
    with sqlite3.connect(file, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        assert impatient.last_seq() == 13  # readers never wait
        with pytest.raises(StorageError, match=r"locked.*Another program is writing"):
            impatient.record(cycle(1), PANEL, INPUTS)
        other.execute("ROLLBACK")
    other.close()
    assert len(impatient.record(cycle(1), PANEL, INPUTS)) == 13


def test_a_database_without_tables_is_reported_with_a_remedy(url: str) -> None:
    with pytest.raises(StorageError, match="creates its tables"):
        SqlJournal(Database(url)).last_seq()


@pytest.mark.postgres
def test_a_postgresql_that_does_not_answer_is_reported_with_a_remedy(postgres_server: str) -> None:
    with pytest.raises(StorageError, match=r"does not exist.*Create it"):
        Database(postgres_server + "_absent").migrate()
    with pytest.raises(StorageError, match=r"connection.*PostgreSQL runs there"):
        Database("postgresql://quorum@127.0.0.1:9/quorum").migrate()
