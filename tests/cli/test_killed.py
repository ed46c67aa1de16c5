"""A replay that is killed again and again, and gone on with, ends as one that never was."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from storage.database import Database
from storage.journal.decision_records import SqlDecisionRecords
from tests.cli.conftest import Quorum
from tests.cli.database_dump import TRADING_TABLES, differences, dump, find_faults

FAST = ("--speed", "max", "--in-process", "--json")
RUN = "replay 2020-02-11 2020-02-28"
REPLAY = (
    "replay", "--from", "2020-02-11", "--to", "2020-02-28", *FAST, "--symbol", "AAPL",
    "--symbol", "MSFT",
)  # fmt: skip
FIRST = ("decide", "AAPL", "--as-of", "2020-02-10", "--in-process")
COMMITS = range(1, 7)
"""Of a process: to bring its database up to date, then for each bar to process it, to settle what
is due and to record the cycle with its orders."""
PATIENCE_SECONDS = 240
AGENTS = ["technical", "news", "fundamental", "risk", "rl"]


class CommandRunner:
    """A process whose children run one command each in a home (`killable_commands.py`)."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, home: Path, when: str = "before", commit: int = 0) -> int:
        """The exit code of a child that plays on, and dies `when` it commits for that time."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        begun = SqlDecisionRecords(_database(home)).runs("files")
        words = (*REPLAY, "--resume") if begun else REPLAY
        self._process.stdin.write(json.dumps([str(home), when, commit, *words]) + "\n")
        lines = iter(self._process.stdout.readline, "")
        code = next((line.strip() for line in lines if line.strip().lstrip("-").isdigit()), None)
        assert code is not None, f"it was not at its end after {PATIENCE_SECONDS} s"
        return int(code)


@contextmanager
def runner(home: Path) -> Iterator[CommandRunner]:
    """Warmed up in `home`, which is not good for anything afterwards."""
    command = (sys.executable, "-m", "tests.cli.killable_commands", *FIRST)
    environment = {**os.environ, "QUORUM_HOME": str(home)}
    with subprocess.Popen(
        command, env=environment, text=True, bufsize=1,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:  # fmt: skip
        patience = threading.Timer(PATIENCE_SECONDS, os.killpg, (process.pid, signal.SIGKILL))
        patience.start()
        try:
            yield CommandRunner(process)
        finally:
            patience.cancel()
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # and the child, if it still plays


def _database(home: Path) -> Database:
    return Database(f"sqlite:///{home}/quorum.db")


def test_killed_at_every_commit_nothing_is_lost_and_nothing_is_there_twice(
    imported: Quorum, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its commits a process has nothing that another would have to know. Without a band
    these agents place orders on nearly every bar."""
    monkeypatch.setenv("QUORUM__LIMITS__BAND", "0")
    monkeypatch.setenv("QUORUM__AGENTS__ENABLED", json.dumps(AGENTS))
    undisturbed, scratch = tmp_path / "undisturbed", tmp_path / "scratch"
    for each in (undisturbed, scratch):
        shutil.copytree(home, each)
    with runner(scratch) as one:
        assert one.run(undisturbed) == 0
        for commit in COMMITS:
            for when in ("before", "after"):
                assert one.run(home, when, commit) == -signal.SIGKILL
                assert find_faults(_database(home)) == []
        assert one.run(home) == 0
    whole = dump(_database(undisturbed))
    assert differences(whole, dump(_database(home))) == []
    assert [
        name for name in TRADING_TABLES if not whole[name]
    ] == []  # orders were placed and filled
    for words in (("reconcile", "--run", RUN), ("audit", "--verify", "--run", RUN)):
        assert imported(*words)[0] == 0


def test_a_replay_is_gone_on_with_by_its_dates_and_symbols(imported: Quorum, home: Path) -> None:
    words = ("replay", *FAST, "--from", "2020-03-02")
    week = (*words, "--to", "2020-03-06", "--symbol", "AAPL")
    assert imported(*week)[0] == 0
    before = dump(_database(home))
    assert imported(*week, "--resume")[:2] == (0, "")  # it was played to its end
    for others in (
        (*words, "--to", "2020-03-05", "--symbol", "AAPL"),
        (*words, "--to", "2020-03-06", "--symbol", "MSFT"),
        (*words, "--to", "2020-03-06", "--symbol", "AAPL", "--symbol", "MSFT"),
    ):
        code, out, error = imported(*others, "--resume")
        assert (code, out) == (2, "")
        assert "without --resume" in error
    assert dump(_database(home)) == before


def test_of_runs_of_the_same_dates_the_one_of_these_symbols_goes_on(imported: Quorum) -> None:
    words = ("replay", *FAST, "--from", "2020-03-02", "--to", "2020-03-03", "--symbol")
    for symbol in ("MSFT", "AAPL"):
        assert imported(*words, symbol)[0] == 0
    for symbol, run in (("MSFT", "2020-03-03'"), ("AAPL", "2020-03-03 (2)'")):
        assert run in imported(*words, symbol, "--resume")[2]
