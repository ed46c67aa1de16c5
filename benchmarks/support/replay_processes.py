"""Homes with the same history and processes that replay it, to be killed.

Every home has only the facts of a few symbols, so that a run replayed in two of them must give the
same result. A process ends when its context ends, whatever happened.
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
from benchmarks.support.stage_tracking import SIZE, STAGES, install_tracking
from storage import tables
from storage.database import Database

ROOT = Path(__file__).resolve().parents[2]
MEMORY_LIMIT = 8 << 30
"""Address space of a process without Ray, in bytes."""
FACTS: tuple[type[tables.TableRow], ...] = (
    tables.BarRow,
    tables.HeadlineRow,
    tables.FilingRow,
    tables.AnnouncementRow,
    tables.CorporateActionRow,
)
SIMULATED_SINCE = "2022-01-01"


@dataclass(frozen=True, slots=True)
class ReplaySpec:
    """What to replay: `market` is files or demo, dates as the command line takes them."""

    market: str
    symbols: tuple[str, ...]
    start: str
    end: str

    @property
    def run(self) -> str:
        return f"replay {self.start} {self.end}"

    def command(self, *, resume: bool, speed: str = "max", in_process: bool = True) -> list[str]:
        words = ["replay", "--from", self.start, "--to", self.end, "--market", self.market]
        words += ["--speed", speed, "--port", "0"]
        words += [word for symbol in self.symbols for word in ("--symbol", symbol)]
        return words + ["--resume"] * resume + ["--in-process"] * in_process


@dataclass(frozen=True, slots=True)
class ReplayHome:
    """A folder, and its database: in the folder, or at `url` if given."""

    folder: Path
    url: str | None = None

    @property
    def environment(self) -> dict[str, str]:
        variables = {"QUORUM_HOME": str(self.folder), "QUORUM__AGENTS__NEWS_MODEL": "lexicon"}
        return variables | ({"QUORUM__DATABASE__URL": self.url} if self.url else {})

    @contextmanager
    def database(self) -> Iterator[Database]:
        database = Database(self.url or f"sqlite:///{self.folder / 'quorum.db'}")
        try:
            yield database
        finally:
            database.close()


class ReplayProcess:
    """A process that replays, with the note of its current stage (`stage_tracking.py`).

    It is forked, so that it starts at once: what it would have to import and compile is loaded here
    already. A `cold` one starts a new interpreter, as Ray requires.
    """

    def __init__(self, home: ReplayHome, words: Sequence[str], *, cold: bool = False) -> None:
        self._note_file, self._output_file = home.folder / "note", home.folder / "output.log"
        self._note_file.write_bytes(bytes(SIZE))
        target = _run_fresh if cold else _run_forked
        self._process = get_context("fork").Process(
            target=target, args=(home.environment, self._note_file, self._output_file, list(words))
        )
        self._process.start()
        self.pid = self._process.pid or 0

    @property
    def exit_code(self) -> int | None:
        """The exit code; None while it runs, negative for the signal that ended it."""
        return self._process.exitcode

    @property
    def cycles(self) -> int:
        return int.from_bytes(self._note_file.read_bytes()[1:], "little")

    @property
    def stage(self) -> str:
        """The present stage, or the last one."""
        return STAGES[self._note_file.read_bytes()[0]]

    @property
    def output(self) -> str:
        return self._output_file.read_text()

    def wait_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait for the condition. Return whether it came true while the process ran, within this
        many seconds."""
        deadline = time.monotonic() + seconds
        while self.exit_code is None and time.monotonic() < deadline:
            if condition():
                return True
            time.sleep(0.002)
        return False

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def join(self, seconds: float) -> int | None:
        """Wait for the process and return its exit code; kill it after this many seconds."""
        self._process.join(seconds)
        if self.exit_code is None:
            self.kill()
        return self.exit_code


def _run_forked(environment: Mapping[str, str], note: Path, output: Path, words: list[str]) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    _redirect_output(output)
    os.environ.update(environment)
    os._exit(app.run_command(install_tracking(note, words)))


def _run_fresh(environment: Mapping[str, str], note: Path, output: Path, words: list[str]) -> None:
    _redirect_output(output)
    os.chdir(ROOT)
    command = (sys.executable, "-m", "benchmarks.support.stage_tracking", str(note), *words)
    os.execve(sys.executable, command, {**os.environ, **environment})  # noqa: S606 our own


def _redirect_output(path: Path) -> None:
    """Redirect both output streams of this process into a file."""
    with path.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)


@contextmanager
def running(
    home: ReplayHome, words: Sequence[str], *, cold: bool = False
) -> Iterator[ReplayProcess]:
    process = ReplayProcess(home, words, cold=cold)
    try:
        yield process
    finally:
        if process.exit_code is None:
            process.kill()


def warm_up(home: ReplayHome, spec: ReplaySpec) -> None:
    """Load and compile in this process what every forked process would need."""
    words = spec.command(resume=False)
    words[words.index("--to") + 1] = spec.start
    code, output = run_command(home, [*words, "--no-page"])
    if code:
        raise RuntimeError(f"it cannot be played: {output}")


def prepare(folder: Path, spec: ReplaySpec, source: str) -> Path:
    """Make a home with only the facts of the replay's symbols, from the home `source` or, if that
    is empty, from the demo market."""
    base = folder / "base"
    if not source:
        words = ["download", *spec.symbols, "SPY", "--market", "demo", "--since", SIMULATED_SINCE]
        run_command(ReplayHome(base), words)
        return base
    base.mkdir()
    with ReplayHome(Path(source)).database() as filled, ReplayHome(base).database() as empty:
        empty.migrate()
        copy_facts(filled, empty, (*spec.symbols, "SPY"), spec.market)
    return base


def copy_facts(source: Database, target: Database, symbols: Sequence[str], market: str) -> None:
    """Copy the facts of some symbols; the target has none yet."""
    series = tables.table(tables.SeriesRow)
    with source.reading() as reader, target.writing() as writer:
        selected = (series.c.symbol.in_(symbols), series.c.market == market)
        series_rows = reader.execute(select(series).where(*selected)).mappings().all()
        writer.execute(insert(series), [dict(row) for row in series_rows])
        for facts in map(tables.table, FACTS):
            of_series = facts.c.series.in_([row["id"] for row in series_rows])
            rows = [dict(row) for row in reader.execute(select(facts).where(of_series)).mappings()]
            if rows:
                writer.execute(insert(facts), rows)


def copy_home(base: Path, folder: Path) -> ReplayHome:
    """Copy the home `base` to a new folder."""
    shutil.copytree(base, folder)
    return ReplayHome(folder)


def can_resume(home: ReplayHome, spec: ReplaySpec) -> bool:
    """Return whether the run has a cycle to resume from."""
    cycle = tables.CycleRow
    with home.database() as database, database.reading() as connection:
        any_cycle = select(col(cycle.seq)).where(col(cycle.run) == spec.run).limit(1)
        return connection.scalars(any_cycle).first() is not None


def recorded_abstentions(database: Database) -> dict[str, dict[str, str]]:
    """Return which agents could not vote, and why, by calendar and bar."""
    cycle = tables.CycleRow
    query = select(col(cycle.calendar), col(cycle.as_of), col(cycle.inputs))
    with database.reading() as connection:
        return {
            f"{calendar} {as_of.isoformat()}": {
                agent["name"]: agent["failure"]
                for agent in json.loads(inputs)["agents"]
                if agent["failure"]
            }
            for calendar, as_of, inputs in connection.execute(query)
        }


def run_command(home: ReplayHome, arguments: Sequence[str]) -> tuple[int, str]:
    """Run a `quorum` command in this process and return its exit code and output; nothing reaches
    this process's streams."""
    output = io.StringIO()
    with _environment(home.environment), redirect_stdout(output), redirect_stderr(output):
        code = app.run_command(list(arguments))
    return code, " ".join(output.getvalue().split())


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    saved = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(saved)
