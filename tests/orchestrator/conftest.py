import pytest

from orchestrator.local_team import LocalTeam
from storage.database import Database
from tests.orchestrator.agents_for_tests import build
from tests.orchestrator.stores_for_tests import AGENTS, desk, stock


@pytest.fixture
def database(tmp_path):
    """A migrated database with 200 daily bars of two coins."""
    database = Database(f"sqlite:///{tmp_path}/quorum.db")
    database.migrate()
    stock(desk(database).library)
    yield database
    database.close()


@pytest.fixture
def local_team():
    return LocalTeam(AGENTS, build)
