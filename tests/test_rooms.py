"""The walls of the house: each vendor in one file, and nothing executable loaded from data."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = (
    "domain", "quant", "market", "trading", "storage", "envs", "agents", "orchestrator",
    "research", "web", "wiring", "cli",
)  # fmt: skip
SOURCES = [p for room in ROOMS for p in (ROOT / room).rglob("*.py")]
SOURCES += [ROOT / name for name in ("app.py", "settings.py")]


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
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
        ("ray", {"orchestrator/ray_session.py", "envs/sweep.py"}),  # a team's, and a sweep's own
        ("stable_baselines3", {"envs/training/algorithms.py", "envs/vector_env.py"}),
        ("tensorboard", {"envs/training/run_folder.py"}),
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
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in {"eval", "exec", "torch.load", "PPO.load"}, (path, called)


def test_the_project_carries_no_path_of_a_machine() -> None:
    roots = tuple(f"/{name}/" for name in ("home", "root", "work"))
    for path in [*SOURCES, *(ROOT / "docs").rglob("*.md")]:
        text = path.read_text()
        assert not any(root in text for root in roots), path
