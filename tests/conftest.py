"""What all rooms share: a place of the session's own to work in, and one local Ray, started by the
first who asks.

`make test` runs two processes; a file's tests stay together in one, and all that need Ray too.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from orchestrator.team.ray_session import RaySession

ROOT = Path(__file__).resolve().parents[1]

hypothesis.settings.register_profile("without deadline", deadline=None)  # speed is not asserted
hypothesis.settings.load_profile("without deadline")


@pytest.fixture(scope="session", autouse=True)
def _apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whatever is configured where the tests run, no test reads it or writes to the home of
    whoever runs them, and neither does a process that a test starts."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.upper().startswith("QUORUM_")]:
            patch.delenv(name)
        patch.setenv("QUORUM_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
        patch.chdir(tmp_path_factory.mktemp("elsewhere"))  # away from a quorum.toml, and from var/
        yield


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
