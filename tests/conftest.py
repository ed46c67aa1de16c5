"""What all rooms share: one local Ray for the whole session, started by the first who asks."""

from collections.abc import Iterator

import pytest

from orchestrator.ray_session import RaySession


@pytest.fixture(scope="session")
def ray_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RaySession]:
    session = RaySession.local(tmp_path_factory.mktemp("home"), dashboard=False)
    yield session
    session.close()
