"""`fit` as its caller sees it: what it prints, what it writes, and what it refuses."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from agents.coefficients import load_coefficients
from agents.registry import build
from cli.research import fit_report, weight_fitting
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

    def run(*agents: str, **options: Any) -> weight_fitting.FitReport:
        arguments = {"start": None, "end": "2020-03-31", "symbols": ["AAPL", "MSFT", "SPY"],
                     "out": None, "log": lambda _: None, **options}  # fmt: skip
        return weight_fitting.fit_weights(
            load_settings({"market": {"provider": "files"}}), agents, **arguments
        )

    return run


def test_on_random_walks_nothing_is_recommended_and_nothing_written(fit: Fit, home: Path) -> None:
    fitted = fit("technical", "fundamental", "news")
    assert [each.agent for each in fitted.agents] == ["technical", "fundamental", "news"]
    assert not any(each.recommended for each in fitted.agents)
    assert fitted.path is None
    assert not (home / "models").exists()


def test_with_out_it_writes_a_file_that_the_agents_take(fit: Fit, tmp_path: Path) -> None:
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
    result = json.loads(json.dumps(fit_report.as_json(fit("risk", "news")), default=format_instant,
                                   allow_nan=False))  # fmt: skip
    assert set(result["agents"]["risk"]["weights"]["volatility regime"]) == {"shipped", "fitted"}
    assert result["agents"]["news"]["out_of_sample"]["shipped"]["brier_skill"]["value"] is None
    assert result["agents"]["risk"]["out_of_sample"]["shipped"]["brier_skill"]["n"] > 500
    assert result["file"] is None
    assert result["key"] == "agents.coefficients"


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"symbols": ["AAPL"]}, InputError, r"One symbol \(AAPL\) is too little"),
        ({"symbols": ["AAPL", "TSLA"]}, InputError, "TSLA"),
        ({"start": "2020-04-01"}, InputError, "--to 2020-03-31 lies before --from 2020-04-01"),
        ({"start": "2019-06-03"}, InputError, r"has 2\d\d bars, and 500 are needed"),
        ({"end": "2001-01-01"}, InputError, "2001"),
        ({"start": "yesterday"}, InputError, "'yesterday' is not a date"),
        ({"folds": 1}, InputError, "--folds 1"),
        ({"out": Path("/proc/nowhere/fitted.json")}, StorageError, "cannot be written"),
        ({"out": Path("/proc")}, InputError, "/proc is a folder, no file. Name another --out"),
    ],
)
def test_what_cannot_be_fitted_is_refused(
    fit: Fit, options: dict[str, Any], kind: type[QuorumError], message: str
) -> None:
    with pytest.raises(kind, match=message):
        fit("risk", **options)


def test_people_read_both_weights_the_gain_and_what_to_do(fit: Fit, tmp_path: Path) -> None:
    console = Console(width=120, record=True, file=io.StringIO())
    fit_report.show(fit("risk", out=tmp_path / "fitted.json"), console)
    text = console.export_text()
    assert "volatility regime" in text
    assert "+0.0200" in text
    assert "gain" in text
    assert "Not recommended: risk" in text
    assert "agents.coefficients" in text


def test_an_agent_that_does_not_exist_is_refused_by_the_nearest_name(fit: Fit) -> None:
    with pytest.raises(NotFoundError, match="Did you mean 'technical'"):
        fit("techncal")
