"""A home of its own for every test, with a little history imported from a file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import app

SYMBOLS = ("AAPL", "MSFT", "SPY")


def bars(symbols: tuple[str, ...] = SYMBOLS, days: int = 400, seed: int = 1) -> pd.DataFrame:
    """Random walks on weekdays up to 2020-03-31, in the columns a user would have."""
    random = np.random.default_rng(seed)
    dates = pd.bdate_range(end="2020-03-31", periods=days)
    dates = dates[~dates.isin(pd.to_datetime(["2019-07-04", "2019-12-25", "2020-01-01"]))]
    frames = []
    for symbol in symbols:
        close = 100 * np.exp(np.cumsum(random.normal(0.0003, 0.015, len(dates))))
        opened = close * np.exp(random.normal(0, 0.004, len(dates)))
        frames.append(
            pd.DataFrame(
                {
                    "symbol": symbol,
                    "date": dates,
                    "open": opened,
                    "high": np.maximum(opened, close) * 1.004,
                    "low": np.minimum(opened, close) * 0.996,
                    "close": close,
                    "volume": random.integers(1_000_000, 2_000_000, len(dates)),
                }
            )
        )
    return pd.concat(frames)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QUORUM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("QUORUM__AGENTS__NEWS_MODEL", "lexicon")
    monkeypatch.setenv("QUORUM__YAHOO__URL", "http://127.0.0.1:9")  # nobody answers there
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


Quorum = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def quorum(home: Path, capfd: pytest.CaptureFixture[str]) -> Quorum:
    """Runs the command line; gives its exit code, standard output (JSON parsed) and error."""

    def run(*words: str) -> tuple[int, Any, str]:
        capfd.readouterr()
        code = app.run_command(list(words))
        out, err = capfd.readouterr()
        is_json = "--json" in words and out.count("\n") == 1
        return code, json.loads(out) if is_json else out, err

    return run


@pytest.fixture
def imported(quorum: Quorum, tmp_path: Path) -> Quorum:
    """A home that holds the walks."""
    bars().to_csv(tmp_path / "walks.csv", index=False)
    assert quorum("import", str(tmp_path / "walks.csv"))[0] == 0
    return quorum
