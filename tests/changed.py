"""The tests of what changed: `python -m tests.changed` prints their paths, one a line.

Changed is what differs from the merge base with the main branch, committed or not. The tests of a
file are those of its room: `tests/ROOM/PART` where the room's part has such a folder, else
`tests/ROOM`. Leaves out the rooms above it that use what changed: `make test` runs those too.
"""

import subprocess
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[1]
MAIN = ("upstream/main", "origin/main", "main")
"""The first of these that is there is what a change will be merged into."""
ALWAYS = "tests/test_rooms.py"
OF_FILES = {
    "settings.py": ["tests/test_settings.py"],
    "app.py": ["tests/cli/test_exit_codes.py"],
    "wiring": ["tests/cli/test_by_class.py", "tests/cli/test_decisions.py"],
    "web/backtests": ["tests/web/test_backtests.py", "tests/web/test_pages.py"],
    "web/agents": ["tests/web/test_agents.py", "tests/web/test_pages.py"],
    "web/lab": ["tests/web/test_lab.py"],
    "web/live": ["tests/web/test_stream.py", "tests/web/test_pages.py"],
    "web/orders": ["tests/web/test_orders.py", "tests/web/test_pages.py"],
    "web/portfolio": ["tests/web/test_portfolio.py", "tests/web/test_pages.py"],
    "web/security": ["tests/web/test_security.py"],
    "web/trades": ["tests/web/test_portfolio.py", "tests/web/test_pages.py"],
    "examples": ["tests/test_examples.py"],
    "docs": ["tests/test_docs.py"],
    "README.md": ["tests/test_docs.py"],
    "CONTRIBUTING.md": ["tests/test_docs.py"],
}
"""The tests of files and folders that have no folder of their own in `tests/`."""


def changed_files(root: Path = ROOT) -> list[str]:
    """Paths below `root` of files that were added, changed or deleted, tracked or not."""
    bases = (_git(root, "merge-base", "HEAD", name) for name in MAIN if _has(root, name))
    tracked = _git(root, "diff", "--name-only", "--no-renames", next(bases, "HEAD"))
    new = _git(root, "ls-files", "--others", "--exclude-standard")
    return sorted({*tracked.splitlines(), *new.splitlines()})


def select_tests(files: Iterable[str], root: Path = ROOT) -> list[str]:
    """Paths of test files and folders, none within another."""
    chosen = {ALWAYS}
    for file in files:
        chosen.update(_tests_of(PurePosixPath(file), root))
    return sorted(
        path for path in chosen if not any(str(over) in chosen for over in Path(path).parents)
    )


def _tests_of(file: PurePosixPath, root: Path) -> list[str]:
    if file.parts[0] == "tests" and file.name.startswith("test_") and (root / file).exists():
        return [str(file)]
    for path in (file, *file.parents):
        if str(path) in OF_FILES:
            return OF_FILES[str(path)]
    room = file.relative_to("tests") if file.parts[0] == "tests" else file
    folders = [f"tests/{folder}" for folder in room.parents[:-1]]
    return next(([folder] for folder in folders if (root / folder).is_dir()), [])


def _git(root: Path, *words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=root, check=True, capture_output=True, text=True
    ).stdout.strip()


def _has(root: Path, name: str) -> bool:
    known = subprocess.run(
        ["git", "rev-parse", "--verify", "--quiet", name],
        cwd=root,
        check=False,
        capture_output=True,
    )
    return known.returncode == 0


if __name__ == "__main__":
    print("\n".join(select_tests(changed_files())))
