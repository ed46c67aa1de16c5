"""One home with decisions a session, for reading; a fresh copy for whoever changes something."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.web.demo_app import NOW, DemoApp
from web.server import create_app

Client = TestClient[Litestar]

BACKTEST_ID, OTHER_BACKTEST_ID = "20240315-aapl-1a2b3c", "20240315-aapl-9f8e7d"
"""Ids of the two backtests."""


@pytest.fixture(scope="session")
def decided_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with three days of decisions, two older ones that are settled, and two backtests."""
    folder = tmp_path_factory.mktemp("decided")
    demo_app = DemoApp(folder)
    demo_app.fetch_demo_data()
    for days in (16, 15):
        demo_app.run_cycle(NOW - timedelta(days=days))
    demo_app.run_daily_cycles(3)
    demo_app.backtests.add_result(BACKTEST_ID)
    demo_app.backtests.add_result(OTHER_BACKTEST_ID, 2, label="AAPL, costs doubled")
    demo_app.database.close()
    return folder


@pytest.fixture
def demo_app(decided_home: Path, tmp_path: Path) -> Iterator[DemoApp]:
    """A copy of the decided home."""
    home = tmp_path / "home"
    shutil.copytree(decided_home, home)
    opened = DemoApp(home)
    yield opened
    opened.database.close()


@pytest.fixture
def client(demo_app: DemoApp) -> Iterator[Client]:
    with open_client(demo_app) as opened:
        yield opened


def open_client(demo_app: DemoApp, **changes: Any) -> Client:
    app = create_app(demo_app.services())
    return TestClient(app, base_url="http://localhost", raise_server_exceptions=False, **changes)
