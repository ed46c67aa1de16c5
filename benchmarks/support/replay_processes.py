"""Where replays are played to be disturbed: small homes with the same history, and processes.

Every home has the facts of a few symbols and nothing else, so that a run that is played in two of
them must come to the same. A process ends when it is left, whatever happened.
"""

import io
import json
import os
import resource
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from sqlalchemy import insert, select
from sqlmodel import col

import app
from benchmarks.support.stage_tracking import SIZE, STAGES, take_notes
from storage import tables
from storage.database import Database

ROOT = Path(__file__).resolve().parents[2]
MEMORY = 8 << 30
"""Bytes of address space of a process without Ray."""
FACTS: tuple[type[tables.Row], ...] = (
    tables.Bar,
    tables.Headline,
    tables.Filing,
    tables.Announcement,
    tables.Action,
)
INVENTED_SINCE = "2022-01-01"


@dataclass(frozen=True, slots=True)
class Play:
    """What is played: `market` is files or demo, dates as the command line takes them."""

    market: str
    symbols: tuple[str, ...]
    start: str
    end: str

    @property
    def run(self) -> str:
        return f"replay {self.start} {self.end}"

    def words(self, *, resume: bool, speed: str = "max", in_process: bool = True) -> list[str]:
        words = ["replay", "--from", self.start, "--to", self.end, "--market", self.market]
        words += ["--speed", speed, "--port", "0"]
        words += [word for symbol in self.symbols for word in ("--symbol", symbol)]
        return words + ["--resume"] * resume + ["--in-process"] * in_process


@dataclass(frozen=True, slots=True)
class Home:
    """A folder, and a database of its own elsewhere if `url` says so."""

    folder: Path
    url: str | None = None

    @property
    def environment(self) -> dict[str, str]:
        told = {"QUORUM_HOME": str(self.folder), "QUORUM__AGENTS__NEWS_MODEL": "lexicon"}
        return told | ({"QUORUM__DATABASE__URL": self.url} if self.url else {})

    @contextmanager
    def database(self) -> Iterator[Database]:
        opened = Database(self.url or f"sqlite:///{self.folder / 'quorum.db'}")
        try:
            yield opened
        finally:
            opened.close()


class Life:
    """A process that plays, with the note of what it is doing (`staged.py`).

    It is forked, so that it is at work at once: what it would have to import and compile is here
    already. A `cold` one begins from nothing, as Ray's must.
    """

    def __init__(self, home: Home, words: Sequence[str], *, cold: bool = False) -> None:
        self._note, self._said = home.folder / "note", home.folder / "said.log"
        self._note.write_bytes(bytes(SIZE))
        begin = _begin_cold if cold else _begin
        self._process = get_context("fork").Process(
            target=begin, args=(home.environment, self._note, self._said, list(words))
        )
        self._process.start()
        self.pid = self._process.pid or 0

    @property
    def code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._process.exitcode

    @property
    def cycles(self) -> int:
        return int.from_bytes(self._note.read_bytes()[1:], "little")

    @property
    def stage(self) -> str:
        """What it is doing, or did last."""
        return STAGES[self._note.read_bytes()[0]]

    @property
    def said(self) -> str:
        return self._said.read_text()

    def until(self, there: Callable[[], bool], seconds: float) -> bool:
        """Wait for it; whether it came while the process ran, and within so many seconds."""
        patience = time.monotonic() + seconds
        while self.code is None and time.monotonic() < patience:
            if there():
                return True
            time.sleep(0.002)
        return False

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def end(self, seconds: float) -> int | None:
        """The exit code; it is killed if it has none after so many seconds."""
        self._process.join(seconds)
        if self.code is None:
            self.kill()
        return self.code


def _begin(environment: Mapping[str, str], note: Path, said: Path, words: list[str]) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    _speak_to(said)
    os.environ.update(environment)
    os._exit(app.run(take_notes(note, words)))


def _begin_cold(environment: Mapping[str, str], note: Path, said: Path, words: list[str]) -> None:
    _speak_to(said)
    os.chdir(ROOT)
    command = (sys.executable, "-m", "benchmarks.support.stage_tracking", str(note), *words)
    os.execve(sys.executable, command, {**os.environ, **environment})  # noqa: S606 our own


def _speak_to(said: Path) -> None:
    """Both streams of this process into a file."""
    with said.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)


@contextmanager
def alive(home: Home, words: Sequence[str], *, cold: bool = False) -> Iterator[Life]:
    life = Life(home, words, cold=cold)
    try:
        yield life
    finally:
        if life.code is None:
            life.kill()


def warm_up(home: Home, play: Play) -> None:
    """What every process would load and compile is loaded into this one."""
    words = play.words(resume=False)
    words[words.index("--to") + 1] = play.start
    code, said = verb(home, [*words, "--no-page"])
    if code:
        raise RuntimeError(f"it cannot be played: {said}")


def prepare(folder: Path, play: Play, source: str) -> Path:
    """A home with nothing but the facts of the play's symbols, from the home `source` or, where
    that is empty, invented by the demo market."""
    base = folder / "base"
    if not source:
        words = ["download", *play.symbols, "SPY", "--market", "demo", "--since", INVENTED_SINCE]
        verb(Home(base), words)
        return base
    base.mkdir()
    with Home(Path(source)).database() as theirs, Home(base).database() as mine:
        mine.migrate()
        copy(theirs, mine, (*play.symbols, "SPY"), play.market)
    return base


def copy(source: Database, target: Database, symbols: Sequence[str], market: str) -> None:
    """The facts of some symbols; the target has none yet."""
    series = tables.table(tables.Series)
    with source.reading() as one, target.writing() as other:
        mine = (series.c.symbol.in_(symbols), series.c.market == market)
        found = one.execute(select(series).where(*mine)).mappings().all()
        other.execute(insert(series), [dict(row) for row in found])
        for facts in map(tables.table, FACTS):
            of = facts.c.series.in_([row["id"] for row in found])
            rows = [dict(row) for row in one.execute(select(facts).where(of)).mappings()]
            if rows:
                other.execute(insert(facts), rows)


def fresh(base: Path, folder: Path) -> Home:
    """A home like `base` in a new folder."""
    shutil.copytree(base, folder)
    return Home(folder)


def begun(home: Home, play: Play) -> bool:
    """Whether the run has a cycle that can be gone on with."""
    cycle = tables.Cycle
    with home.database() as database, database.reading() as connection:
        known = select(col(cycle.seq)).where(col(cycle.run) == play.run).limit(1)
        return connection.scalars(known).first() is not None


def absentees(opened: Database) -> dict[str, dict[str, str]]:
    """Who could not vote, and why, by calendar and bar."""
    cycle = tables.Cycle
    query = select(col(cycle.calendar), col(cycle.as_of), col(cycle.inputs))
    with opened.reading() as connection:
        return {
            f"{calendar} {as_of.isoformat()}": {
                agent["name"]: agent["failure"]
                for agent in json.loads(inputs)["agents"]
                if agent["failure"]
            }
            for calendar, as_of, inputs in connection.execute(query)
        }


def verb(home: Home, words: Sequence[str]) -> tuple[int, str]:
    """A `quorum` command in this process, without a word on its streams: exit code and words."""
    told = io.StringIO()
    with _environment(home.environment), redirect_stdout(told), redirect_stderr(told):
        code = app.run(list(words))
    return code, " ".join(told.getvalue().split())


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
