"""One decided town a session for reading; a fresh one for whoever changes something."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.web.demo_app import NOW, Town
from web.server import create_app

Client = TestClient[Litestar]

KEPT, OTHER = "20240315-aapl-1a2b3c", "20240315-aapl-9f8e7d"
"""Ids of the two backtests."""


@pytest.fixture(scope="session")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with three days of decisions, two older ones that are settled, and two backtests."""
    folder = tmp_path_factory.mktemp("decided")
    town = Town(folder)
    town.fill()
    for days in (16, 15):
        town.decide(NOW - timedelta(days=days))
    town.decide_days(3)
    town.workshop.keep(KEPT)
    town.workshop.keep(OTHER, 2, label="AAPL, costs doubled")
    town.database.close()
    return folder


@pytest.fixture
def town(decided: Path, tmp_path: Path) -> Iterator[Town]:
    """A copy of the decided home."""
    home = tmp_path / "home"
    shutil.copytree(decided, home)
    opened = Town(home)
    yield opened
    opened.database.close()


@pytest.fixture
def client(town: Town) -> Iterator[Client]:
    with client_of(town) as opened:
        yield opened


def client_of(town: Town, **changes: Any) -> Client:
    app = create_app(town.house())
    return TestClient(app, base_url="http://localhost", raise_server_exceptions=False, **changes)
