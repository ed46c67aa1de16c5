"""What all rooms share: one local Ray for the whole session, started by the first who asks.

`make test` runs two processes; a file's tests stay together in one, and all that need Ray too.
"""

from collections.abc import Iterator

import pytest

from orchestrator.ray_session import RaySession


@pytest.fixture(scope="session")
def ray_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RaySession]:
    session = RaySession.local(tmp_path_factory.mktemp("home"), dashboard=False)
    yield session
    session.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Says what belongs together, for the processes that share the work."""
    for item in items:
        needs_ray = "ray_session" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group("ray" if needs_ray else item.location[0]))
