"""The code in `docs/extend/extending.md` runs as it is written there."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from jinja2 import ChoiceLoader, DictLoader
from litestar.testing import TestClient

from domain.errors import InputError
from settings import load_settings
from tests.cli.conftest import Quorum, home, imported, quorum  # noqa: F401
from tests.web.demo_app import DemoApp
from web import server
from web.features import FEATURES
from web.http.static_files import Assets
from web.render import Renderer

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "extend" / "extending.md").read_text()
FILES = dict(re.findall(r"^`([\w/.]+)`.*?:\n\n```\w+\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
"""By path, what a reader writes into it."""
Module = Callable[[str], ModuleType]
"""Runs the code of a path."""


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Module:
    def run(path: str) -> ModuleType:
        made = ModuleType(f"extending_{Path(path).stem}")
        monkeypatch.setitem(sys.modules, made.__name__, made)
        exec(compile(FILES[path], path, "exec"), made.__dict__)
        return made

    return run


def test_the_page_is_answered(
    module: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo = DemoApp(tmp_path)
    demo.fetch_demo_data()
    template = DictLoader({"closes/closes.html": FILES["web/closes/templates/closes.html"]})
    draw = Renderer.__init__

    def with_template(renderer: Renderer, assets: Assets) -> None:
        draw(renderer, assets)
        environment = renderer.environment
        assert environment.loader is not None
        environment.loader = ChoiceLoader([environment.loader, template])

    monkeypatch.setattr(Renderer, "__init__", with_template)
    package = ModuleType("web.closes")
    monkeypatch.setattr(package, "pages", module("web/closes/pages.py"), raising=False)
    monkeypatch.setitem(sys.modules, "web.closes", package)
    app = server.create_app(demo.services(), (*FEATURES, module("web/closes/feature.py").CLOSES))
    with TestClient(app, base_url="http://localhost") as client:
        page = client.get("/closes")
    assert page.status_code == 200
    last = demo.store.bars("demo", "AAPL", "1d", None, None)["adj_close"].iloc[-1]
    assert f'<th scope="row">AAPL</th><td class="right num">{last:,.2f}</td>' in page.text


def test_the_command_counts_what_is_stored(module: Module, imported: Quorum) -> None:  # noqa: F811
    count_bars = module("cli/stored_bars.py").count_bars
    assert count_bars(load_settings({"market": {"provider": "files"}}), ["AAPL"]) == {"AAPL": 397}
    with pytest.raises(InputError, match="Import or download some"):
        count_bars(load_settings({"market": {"provider": "demo"}}), ["AAPL"])


def test_the_benchmark_measures_every_agent(module: Module) -> None:
    figures = module("benchmarks/service/votes.py").run(bars="60")
    assert any(name.startswith("technical, 60 bars") for name in figures)
    assert all(seconds > 0 for seconds in figures.values())
