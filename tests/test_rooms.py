"""Rules on the source: vendors, sizes of folders, names of classes, imports of single modules.

Import-linter checks the imports of packages (`pyproject.toml`). The imports of the single modules
`app.py` and `settings.py`, which it cannot read, are checked here.
"""

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = (
    "domain", "quant", "market", "trading", "storage", "envs", "agents", "orchestrator",
    "research", "web", "wiring", "cli",
)  # fmt: skip
MAX_FILES = 18
"""Python files in one folder."""
SHARED_CLASS_NAMES: dict[str, str] = {}
"""By name of a class that two modules define, the reason why both are called so."""
SOURCES = [p for room in ROOMS for p in (ROOT / room).rglob("*.py")]
SOURCES += [ROOT / name for name in ("app.py", "settings.py")]


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text())))


def imported_modules(path: Path) -> Iterator[str]:
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize(
    ("vendor", "homes"),
    [
        ("yfinance", {"market/providers/yahoo.py"}),
        ("exchange_calendars", {"market/calendars.py"}),
        ("talib", {"quant/features/indicators.py"}),
        ("transformers", {"agents/sentiment.py"}),
        # a team's session, and a sweep's own
        ("ray", {"orchestrator/team/ray_session.py", "envs/sweep.py"}),
        ("stable_baselines3", {"envs/training/algorithms.py", "envs/vector_env.py"}),
        ("tensorboard", {"envs/training/run_folder.py"}),
        ("babel", {"web/number_input.py"}),
        ("uvicorn", {"web/serving.py"}),
    ],
)
def test_each_vendor_is_imported_where_it_lives_only(vendor: str, homes: set[str]) -> None:
    users = {
        str(path.relative_to(ROOT))
        for path in SOURCES
        for module in imported_modules(path)
        if module.split(".")[0] == vendor
    }
    assert users == homes


def test_nothing_imports_a_loader_that_could_run_code_from_data() -> None:
    for path in SOURCES:
        assert not {"pickle", "joblib", "dill", "cloudpickle", "shelve", "marshal"} & set(
            imported_modules(path)
        ), path


def test_nothing_calls_eval_exec_or_an_unsafe_load() -> None:
    for path in SOURCES:
        for node in nodes(path):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in {"eval", "exec", "torch.load", "PPO.load"}, (path, called)


def test_the_project_carries_no_path_of_a_machine() -> None:
    roots = tuple(f"/{name}/" for name in ("home", "root", "work"))
    for path in [*SOURCES, *(ROOT / "examples").glob("*.py"), *(ROOT / "docs").rglob("*.md")]:
        text = path.read_text()
        assert not any(root in text for root in roots), path


def test_no_two_public_classes_have_one_name() -> None:
    places = defaultdict(set)
    for path in [*SOURCES, *(ROOT / "benchmarks").rglob("*.py")]:
        for node in nodes(path):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].add(str(path.relative_to(ROOT)))
    shared = {name: sorted(files) for name, files in places.items() if len(files) > 1}
    assert {name: files for name, files in shared.items() if name not in SHARED_CLASS_NAMES} == {}
    assert SHARED_CLASS_NAMES.keys() <= shared.keys()


def test_instants_are_converted_in_one_module() -> None:
    """A microsecond as a step and the beginning of 1970 are what such conversions are made of."""
    converting = {
        str(path.relative_to(ROOT))
        for path in SOURCES
        for node in nodes(path)
        if isinstance(node, ast.Call)
        and ast.unparse(node).replace(" ", "")
        in ("timedelta(microseconds=1)", "datetime(1970,1,1,tzinfo=UTC)")
    }
    assert converting == {"domain/instants.py"}


def test_no_folder_of_code_holds_more_than_18_python_files() -> None:
    folders = (*ROOMS, "benchmarks", "examples", "tests")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    counts = Counter(str(path.parent.relative_to(ROOT)) for path in files)
    assert {folder: count for folder, count in counts.items() if count > MAX_FILES} == {}


def test_settings_gathers_what_rooms_declare_and_knows_neither_pages_nor_commands() -> None:
    rooms = {module.split(".")[0] for module in imported_modules(ROOT / "settings.py")}
    assert not rooms & {"app", "benchmarks", "cli", "research", "storage", "tests", "web", "wiring"}


def test_the_entry_point_leaves_pages_and_storage_to_the_commands() -> None:
    rooms = {module.split(".")[0] for module in imported_modules(ROOT / "app.py")}
    assert not rooms & {"benchmarks", "storage", "tests", "trading", "web"}
