"""A replay that is killed again and again, and gone on with, ends as one that never was."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.database import Database
from storage.records import Records
from tests.cli.conftest import Quorum
from tests.cli.kept import differences, faults, kept

ROOT = Path(__file__).parents[2]
FAST = ("--speed", "max", "--in-process", "--json")
PLAY = (
    "replay", "--from", "2020-02-03", "--to", "2020-03-06", *FAST, "--symbol", "AAPL",
    "--symbol", "MSFT",
)  # fmt: skip
FIRST = ("decide", "AAPL", "--as-of", "2020-01-31", "--in-process")
KILLS = 7
PATIENCE_SECONDS = 240


class Player:
    """A process whose children run one command each in a home (`player.py`)."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def start(self, home: Path, *words: str) -> int:
        """The pid of the child that runs `words`."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([str(home), *words]) + "\n")
        while not (line := self.line()).isdecimal():  # what the first command said
            pass
        return int(line)

    def line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"it was not at its end after {PATIENCE_SECONDS} s"
        return line.strip()

    def until_the_end(self) -> int:
        """The child's exit code; a negative one is the signal that killed it."""
        while not (line := self.line()).startswith("ended"):
            pass
        return int(line.split()[1])


@contextmanager
def player(home: Path) -> Iterator[Player]:
    """Warmed up in `home`, which is not good for anything afterwards."""
    command = (sys.executable, "-m", "tests.cli.player", *FIRST)
    environment = {**os.environ, "QUORUM_HOME": str(home)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, bufsize=1,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        patience = threading.Timer(PATIENCE_SECONDS, process.kill)
        patience.start()
        try:
            yield Player(process)
        finally:
            patience.cancel()
            process.kill()


def play_killed(one: Player, home: Path) -> int:
    """Plays to the end, killed at random moments and gone on with; how often it was killed."""
    moments = random.Random(4)
    for done in range(KILLS):
        child = one.start(home, *_words(home))
        for _ in range(moments.choice((0, 1, 2))):  # cycles that it may hold first
            if one.line().startswith("ended"):
                return done
        time.sleep(moments.uniform(0.0, 0.15))
        os.kill(child, signal.SIGKILL)
        if one.until_the_end() == 0:
            return done
        assert faults(_database(home)) == []
    one.start(home, *_words(home))
    assert one.until_the_end() == 0
    return KILLS


def _words(home: Path) -> tuple[str, ...]:
    return (*PLAY, "--resume") if Records(_database(home)).runs("files") else PLAY


def _database(home: Path) -> Database:
    return Database(f"sqlite:///{home}/quorum.db")


def test_killed_at_random_moments_nothing_is_lost_and_nothing_is_there_twice(
    imported: Quorum, home: Path, tmp_path: Path
) -> None:
    undisturbed, scratch = tmp_path / "undisturbed", tmp_path / "scratch"
    for each in (undisturbed, scratch):
        shutil.copytree(home, each)
    with player(scratch) as one:
        one.start(undisturbed, *PLAY)
        assert one.until_the_end() == 0
        assert play_killed(one, home) > KILLS // 2  # it was at work, on however fast a machine
    assert differences(kept(_database(undisturbed)), kept(_database(home))) == []


def test_a_replay_is_gone_on_with_by_its_dates_and_symbols(imported: Quorum, home: Path) -> None:
    words = ("replay", *FAST, "--from", "2020-03-02")
    week = (*words, "--to", "2020-03-06", "--symbol", "AAPL")
    assert imported(*week)[0] == 0
    before = kept(_database(home))
    assert imported(*week, "--resume")[:2] == (0, "")  # it was played to its end
    for others in (
        (*words, "--to", "2020-03-05", "--symbol", "AAPL"),
        (*words, "--to", "2020-03-06", "--symbol", "MSFT"),
        (*words, "--to", "2020-03-06", "--symbol", "AAPL", "--symbol", "MSFT"),
    ):
        code, out, error = imported(*others, "--resume")
        assert (code, out) == (2, "")
        assert "without --resume" in error
    assert kept(_database(home)) == before


def test_of_runs_of_the_same_dates_the_one_of_these_symbols_goes_on(imported: Quorum) -> None:
    words = ("replay", *FAST, "--from", "2020-03-02", "--to", "2020-03-03", "--symbol")
    for symbol in ("MSFT", "AAPL"):
        assert imported(*words, symbol)[0] == 0
    for symbol, run in (("MSFT", "2020-03-03'"), ("AAPL", "2020-03-03 (2)'")):
        assert run in imported(*words, symbol, "--resume")[2]
