"""A home made by release 0.1.0 opens in this one: account, record, backtest and model.

`home-0.1.0.tar.xz` holds a simulated market, an account that traded live and one that traded in a
replay, a kept backtest and a trained, promoted model, as that release wrote them. It is never
edited: what this release stores differently has to read it all the same.
"""

import json
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import app

ARCHIVE = Path(__file__).parent / "home-0.1.0.tar.xz"
REPLAY = "replay 2023-10-18 2023-10-31"
MODEL = "7652891bf9ce"

Quorum = Callable[..., Any]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    home = tmp_path / "home-0.1.0"
    monkeypatch.setenv("QUORUM_HOME", str(home))
    monkeypatch.setenv("QUORUM__AGENTS__NEWS_MODEL", "lexicon")
    monkeypatch.chdir(tmp_path)
    return home


@pytest.fixture
def quorum(home: Path, capfd: pytest.CaptureFixture[str]) -> Quorum:
    """Runs the command line on the home, which must succeed; gives its JSON."""

    def run(*words: str) -> Any:
        capfd.readouterr()
        code = app.run_command([*words, "--json"])
        printed = capfd.readouterr()
        assert code == 0, printed.err
        return json.loads(printed.out)

    return run


def rows(home: Path, query: str) -> list[Any]:
    connection = sqlite3.connect(home / "quorum.db")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


@pytest.mark.parametrize(("run", "entries"), [("live", 133), (REPLAY, 52)])
def test_both_accounts_follow_from_their_chains(quorum: Quorum, run: str, entries: int) -> None:
    audit = quorum("audit", "--verify", "--run", run)
    assert (audit["verified"], audit["differences"]) == (True, [])
    folded = quorum("reconcile", "--run", run)
    assert (folded["entries"], folded["differences"]) == (entries, [])


def test_the_account_can_be_traded_on(quorum: Quorum) -> None:
    before = quorum("account", "show")
    order = quorum("order", "MSFT", "buy", "1", "--limit", "2", "--term", "gtc", "--yes")["order"]
    assert (order["status"], order["kind"], order["left"]) == ("working", "limit", 1.0)
    assert quorum("account", "show")["entries"] == before["entries"] + 1
    assert quorum("audit", "--verify")["verified"] is True


def test_decisions_are_computed_again_to_the_same_bytes(quorum: Quorum, home: Path) -> None:
    newest = "SELECT run, max(receipt) FROM decision GROUP BY run ORDER BY run"
    receipts = dict(rows(home, newest))
    assert set(receipts) == {"decide", "live", REPLAY}
    for receipt in receipts.values():
        assert quorum("receipt", receipt, "--verify")["verified"] is True


def test_the_kept_backtest_comes_out_the_same(quorum: Quorum) -> None:
    [kept] = quorum("backtest", "list")["backtests"]
    assert quorum("backtest", "verify", kept["id"])["same"] is True


@pytest.mark.parametrize("day", ["2023-10-19", "2023-10-20", "2023-10-23"])
def test_its_paper_days_come_out_as_a_backtest_made_them(quorum: Quorum, day: str) -> None:
    parity = quorum("parity", "--day", day, "--run", REPLAY)
    assert parity["compared"]["fills"] > 0
    assert parity["differences"] == []


def test_the_trained_model_votes_and_its_run_is_shown(quorum: Quorum) -> None:
    model = quorum("rl", "show", MODEL)
    assert (model["votes"], model["broken"], model["members"]) == (True, None, ["ppo-0"])
    [run] = quorum("rl", "runs")["runs"]
    assert (run["state"], run["arguments"]["steps"]) == ("done", 512)
    assert quorum("rl", "roll-back")["votes"] == "shipped"
