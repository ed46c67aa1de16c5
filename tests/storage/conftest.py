"""Every test that takes `database` runs on SQLite and on PostgreSQL."""

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from storage.database import Database
from tests.storage import postgres

_numbers = count()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    folder = postgres.binaries()
    if folder is None:
        if os.environ.get("CI") == "true":
            pytest.fail(postgres.HOW_TO_INSTALL)
        pytest.skip(postgres.HOW_TO_INSTALL)
    with postgres.server(folder) as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """URL of a schema that nobody has used yet: as good as a database, and made at once."""
    name = f"quorum_{next(_numbers)}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    return f"{postgres_server}?options=-csearch_path%3D{name}"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/quorum.db"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = Database(url)
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    """For what only SQLite has, or what no other database would do differently."""
    opened = Database(f"sqlite:///{tmp_path}/quorum.db")
    opened.migrate()
    yield opened
    opened.close()
