"""`fit` as its caller sees it: what it answers, what it writes, and what it refuses."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from agents.coefficients import load_coefficients
from agents.registry import build
from cli import fit_report as shown
from cli import weight_fitting
from domain.canonical import format_instant
from domain.errors import InputError, NotFoundError, QuorumError, StorageError
from settings import load_settings
from tests.cli.conftest import Quorum, bars

Fit = Callable[..., weight_fitting.FitReport]


@pytest.fixture
def fit(quorum: Quorum, tmp_path: Path) -> Fit:
    """A home with three years of walks, and `fit` on it."""
    bars(days=760).to_csv(tmp_path / "walks.csv", index=False)
    assert quorum("import", str(tmp_path / "walks.csv"))[0] == 0

    def run(*agents: str, **how: Any) -> weight_fitting.FitReport:
        asked = {"start": None, "end": "2020-03-31", "symbols": ["AAPL", "MSFT", "SPY"],
                 "out": None, "say": lambda _: None, **how}  # fmt: skip
        return weight_fitting.fit_weights(
            load_settings({"market": {"provider": "files"}}), agents, **asked
        )

    return run


def test_on_random_walks_nothing_is_recommended_and_nothing_written(fit: Fit, home: Path) -> None:
    fitted = fit("technical", "fundamental", "news")
    assert [each.agent for each in fitted.agents] == ["technical", "fundamental", "news"]
    assert not any(each.recommended for each in fitted.agents)
    assert fitted.path is None
    assert not (home / "models").exists()


def test_asked_for_a_file_it_writes_one_that_the_agents_take(fit: Fit, tmp_path: Path) -> None:
    path = tmp_path / "new" / "fitted.json"
    fitted = fit("technical", "risk", out=path)
    assert fitted.path == path
    assert [file.name for file in path.parent.iterdir()] == ["fitted.json"]
    written = load_coefficients(path)
    assert written.weights == {each.agent: each.weights for each in fitted.agents}
    assert written.symbols == ("AAPL", "MSFT", "SPY")
    assert len(written.panel) == 64
    settings = load_settings({"agents": {"coefficients": path}})
    assert build("technical", settings.agents).version.startswith("1+")
    assert build("rl", settings.agents).version.startswith("rl/3")


def test_what_is_in_force_is_not_what_is_compared_with(fit: Fit, tmp_path: Path) -> None:
    path = tmp_path / "fitted.json"
    first = fit("technical", out=path)
    stored = json.loads(path.read_text())
    stored["weights"]["technical"]["RSI 14"] = 0.9
    path.write_text(json.dumps(stored))
    settings = load_settings({"market": {"provider": "files"}, "agents": {"coefficients": path}})
    again = weight_fitting.fit_weights(settings, ["technical"], start=None, end="2020-03-31",
                        symbols=["AAPL", "MSFT", "SPY"], out=None, log=lambda _: None)  # fmt: skip
    assert repr(again.agents) == repr(first.agents)  # what is unknown is NaN, and equals nothing


def test_json_has_every_weight_twice_and_no_number_that_is_none(fit: Fit) -> None:
    told = json.loads(json.dumps(shown.as_json(fit("risk", "news")), default=format_instant,
                                 allow_nan=False))  # fmt: skip
    assert set(told["agents"]["risk"]["weights"]["volatility regime"]) == {"shipped", "fitted"}
    assert told["agents"]["news"]["out_of_sample"]["shipped"]["brier_skill"]["value"] is None
    assert told["agents"]["risk"]["out_of_sample"]["shipped"]["brier_skill"]["n"] > 500
    assert told["file"] is None
    assert told["key"] == "agents.coefficients"


@pytest.mark.parametrize(
    ("how", "kind", "said"),
    [
        ({"symbols": ["AAPL"]}, InputError, r"One symbol \(AAPL\) is too little"),
        ({"symbols": ["AAPL", "TSLA"]}, InputError, "TSLA"),
        ({"start": "2020-04-01"}, InputError, "--to 2020-03-31 lies before --from 2020-04-01"),
        ({"start": "2019-06-03"}, InputError, r"has 2\d\d bars, and 500 are needed"),
        ({"end": "2001-01-01"}, InputError, "2001"),
        ({"start": "yesterday"}, InputError, "'yesterday' is not a date"),
        ({"folds": 1}, InputError, "--folds 1"),
        ({"out": Path("/proc/nowhere/fitted.json")}, StorageError, "cannot be written"),
    ],
)
def test_what_cannot_be_fitted_is_refused(
    fit: Fit, how: dict[str, Any], kind: type[QuorumError], said: str
) -> None:
    with pytest.raises(kind, match=said):
        fit("risk", **how)


def test_people_read_both_weights_the_gain_and_what_to_do(fit: Fit, tmp_path: Path) -> None:
    console = Console(width=120, record=True, file=io.StringIO())
    shown.show(fit("risk", out=tmp_path / "fitted.json"), console)
    told = console.export_text()
    assert "volatility regime" in told
    assert "+0.0200" in told
    assert "gain" in told
    assert "Not recommended: risk" in told
    assert "agents.coefficients" in told


def test_an_agent_that_does_not_exist_is_refused_by_the_nearest_name(fit: Fit) -> None:
    with pytest.raises(NotFoundError, match="Did you mean 'technical'"):
        fit("techncal")
