"""`make quick` runs the tests of the rooms in which something changed."""

import subprocess
from pathlib import Path

import pytest

from tests.changed import OF_FILES, ROOT, changed_files, select_tests


@pytest.mark.parametrize(
    ("file", "tests"),
    [
        ("storage/journal/outcomes.py", ["tests/storage/journal"]),
        ("storage/tables.py", ["tests/storage"]),
        ("domain/trading/orders.py", ["tests/domain"]),
        ("web/templates/orders/orders.html", ["tests/web"]),
        ("web/lab/figures.py", ["tests/web/test_lab.py"]),
        ("tests/agents/test_risk.py", ["tests/agents/test_risk.py"]),
        ("tests/storage/samples.py", ["tests/storage"]),
        ("tests/storage/test_that_was_deleted.py", ["tests/storage"]),
        ("tests/conftest.py", []),
        ("docs/extend/api.md", ["tests/test_docs.py"]),
        ("examples/agent.py", ["tests/test_examples.py"]),
        ("benchmarks/support/env_peers.py", []),
        ("LICENSE", []),
    ],
)
def test_a_file_has_the_tests_of_its_room(file: str, tests: list[str]) -> None:
    assert select_tests([file]) == sorted([*tests, "tests/test_rooms.py"])


def test_a_folder_stands_for_what_is_in_it() -> None:
    files = ["storage/tables.py", "storage/journal/outcomes.py", "tests/storage/test_database.py"]
    assert select_tests(files) == ["tests/storage", "tests/test_rooms.py"]


def test_what_is_named_is_there() -> None:
    for of, tests in OF_FILES.items():
        assert all((ROOT / path).exists() for path in (of, *tests))


def test_changed_is_what_differs_from_the_main_branch_committed_or_not(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init", "--initial-branch", "main")
    for name in ("same", "committed", "edited", "deleted"):
        (tmp_path / name).write_text("old")
    git("add", ".")
    git("commit", "-m", "first")
    git("checkout", "-b", "change")
    (tmp_path / "committed").write_text("new")
    git("commit", "-am", "second")
    (tmp_path / "edited").write_text("new")
    (tmp_path / "untracked").write_text("new")
    (tmp_path / "deleted").unlink()
    assert changed_files(tmp_path) == ["committed", "deleted", "edited", "untracked"]
    git("checkout", "-q", "--detach", "main")  # where nothing is committed beyond main
    assert "committed" not in changed_files(tmp_path)
