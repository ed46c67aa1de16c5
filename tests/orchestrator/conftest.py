import pytest

from orchestrator.team.local_team import LocalTeam
from storage.database import Database
from tests.orchestrator.market_fixtures import AGENTS, run_context, store_bars
from tests.orchestrator.sample_agents import build_agent


@pytest.fixture
def database(tmp_path):
    """A migrated database with 200 daily bars of two coins."""
    database = Database(f"sqlite:///{tmp_path}/quorum.db")
    database.migrate()
    store_bars(run_context(database).store)
    yield database
    database.close()


@pytest.fixture
def local_team():
    return LocalTeam(AGENTS, build_agent)
