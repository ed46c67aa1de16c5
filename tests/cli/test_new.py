"""`quorum new`: what it writes passes its own test and `quorum check`, here and outside."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cli.extend.scaffold import AGENT, PROVIDER, ExtensionKind, create
from domain.errors import InputError
from tests.distributions import CHECKOUT, install, quorum

LEFT_OUT = (".venv", ".git", "node_modules", "var", "__pycache__", ".*_cache", "images", "ray")
KINDS = pytest.mark.parametrize("kind", [AGENT, PROVIDER], ids=lambda kind: kind.name)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("clone") / "quorum"
    shutil.copytree(CHECKOUT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
    return copy


def python(folder: Path, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ, "QUORUM_HOME": str(home), "QUORUM__MARKET__PROVIDER": "demo",
        "PYTHONPATH": str(folder),
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, *words],
        capture_output=True, text=True, cwd=folder, env=environment, timeout=300,
    )  # fmt: skip


@KINDS
def test_in_the_checkout_it_is_a_module_a_row_and_a_test(
    kind: ExtensionKind, checkout: Path, tmp_path: Path
) -> None:
    name = f"new_{kind.name}"
    creation = python(checkout, tmp_path, "app.py", "new", kind.name, name, "--json")
    assert creation.returncode == 0, creation.stderr
    files = [Path(each).relative_to(checkout) for each in json.loads(creation.stdout)["files"]]
    module, rows, test = files
    assert str(module) == f"{kind.folder}/{name}.py"
    dotted = f"{kind.folder}/{name}".replace("/", ".")
    assert f'"{name}": "{dotted}:' in (checkout / rows).read_text()
    passed = python(checkout, tmp_path, "-m", "pytest", "-q", str(test))
    assert passed.returncode == 0, passed.stdout
    checked = python(checkout, tmp_path, "app.py", "check", name, "--cuts", "2", "--json")
    assert checked.returncode == 0, checked.stderr
    assert json.loads(checked.stdout)["kept"]
    styled = python(checkout, tmp_path, "-m", "ruff", "check", *map(str, files))
    assert styled.returncode == 0, styled.stdout
    typed = python(checkout, tmp_path, "-m", "mypy", str(module))
    assert typed.returncode == 0, typed.stdout
    again = python(checkout, tmp_path, "app.py", "new", kind.name, name)
    assert again.returncode == 2
    assert f"The name '{name}' is taken" in again.stderr


@KINDS
def test_outside_it_is_a_package_with_an_entry_point(kind: ExtensionKind, tmp_path: Path) -> None:
    created = create(kind, "breeze", tmp_path)
    project, module, test = created.files
    assert project.parent == tmp_path / "quorum-breeze"
    passed = python(project.parent, tmp_path, "-m", "pytest", "-q", str(test))
    assert passed.returncode == 0, passed.stdout
    assert f'[project.entry-points."{kind.group}"]' in project.read_text()
    entry = next(line for line in project.read_text().splitlines() if line.startswith("breeze ="))
    install(
        tmp_path / "site", "quorum-breeze", f"[{kind.group}]\n{entry.replace(chr(34), '')}\n",
        module.read_text(), module.stem,
    )  # fmt: skip
    checked = quorum(tmp_path / "site", tmp_path, "check", "breeze", "--cuts", "2", "--json")
    assert checked.returncode == 0, checked.stderr
    assert json.loads(checked.stdout)["kept"]


@KINDS
@pytest.mark.parametrize("name", ["My Agent", "9lives", "Ünder", "class", "", "a" * 41, "../up"])
def test_a_name_that_cannot_be_is_refused_and_nothing_is_written(
    kind: ExtensionKind, name: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="lower-case letters"):
        create(kind, name, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("kind", "name"), [(AGENT, "risk"), (AGENT, "committee"), (PROVIDER, "yahoo")]
)
def test_a_name_that_is_taken_is_refused(kind: ExtensionKind, name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"'{name}' is taken"):
        create(kind, name, tmp_path)


def test_a_file_that_stands_in_the_way_is_left_as_it_is(checkout: Path, tmp_path: Path) -> None:
    before = (checkout / "agents" / "evidence.py").read_text()
    with pytest.raises(InputError, match="is there already"):
        create(AGENT, "evidence", checkout, checkout)
    assert (checkout / "agents" / "evidence.py").read_text() == before
    create(AGENT, "breeze", tmp_path)
    with pytest.raises(InputError, match="is there already"):
        create(AGENT, "breeze", tmp_path)
