import pytest

from orchestrator.team.local_team import LocalTeam
from storage.database import Database
from tests.orchestrator.market_fixtures import AGENTS, desk, stock
from tests.orchestrator.sample_agents import build


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
