"""Kills at random moments: of the server's process, of PostgreSQL's, of one Ray actor's.

Promises that only processes started here are killed, by their own ids; that each kind continues
until it has had its number of kills; and that what is wrong is returned, never raised, so that a
long measurement runs to its end.
"""

import json
import os
import random
import signal
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from benchmarks.support.postgres_server import command_line, descendants, postgres_server
from benchmarks.support.replay_processes import (
    ReplayHome,
    ReplayProcess,
    ReplaySpec,
    can_resume,
    copy_facts,
    copy_home,
    recorded_abstentions,
    run_command,
    running,
)
from storage import tables
from storage.accounts import account_tables
from storage.database import Database
from tests.cli.database_dump import TRADING_TABLES, Dump, differences, dump, find_faults

START_SECONDS = 0.6
"""A process is killed during startup, within this many seconds."""
AT_WORK_SECONDS = 1.0
"""Or within this many seconds after it has run a cycle."""
EARLY = 0.25
"""Share of the kills during startup."""
PATIENCE_SECONDS = 300.0
RAY_SPEED = "4"
"""Days a second; an actor needs seconds to come back."""
ACTORS = ("ray::_AgentActor", "ray::quorum")
"""What Ray calls the processes of agents."""
BETWEEN_SECONDS = (0.5, 3.0)
"""Seconds between the kills of two actors."""


@dataclass
class KillStats:
    """The results of one kind of kill. `problems` is in words, and empty if there are none."""

    planned: int
    kills: int = 0
    rounds: int = 0
    equal: int = 0
    stages: Counter[str] = field(default_factory=Counter)
    recovery_seconds: list[float] = field(default_factory=list)
    """Seconds from each restart to the next cycle."""
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def figures(self, kind: str) -> Iterator[tuple[str, Any]]:
        yield f"{kind}: kills", self.kills
        yield f"{kind}: fell while", dict(self.stages.most_common())
        yield f"{kind}: rounds played to the end", self.rounds
        yield f"{kind}: rounds equal to the undisturbed one", self.equal
        if self.recovery_seconds:
            yield f"{kind}: from the new start to the next cycle, s", _spread(self.recovery_seconds)
        for name, count in sorted(self.counts.items()):
            yield f"{kind}: {name}", count
        yield f"{kind}: wrong", self.problems


@dataclass(frozen=True)
class ReplayScenario:
    """A replay, a home that holds only its facts, and how to make another like it."""

    spec: ReplaySpec
    base: Path
    folder: Path
    rng: random.Random

    @contextmanager
    def home(self) -> Iterator[ReplayHome]:
        with tempfile.TemporaryDirectory(dir=self.folder) as at:
            yield copy_home(self.base, Path(at) / "home")

    def command(self, home: ReplayHome) -> list[str]:
        return self.spec.command(resume=can_resume(home, self.spec))


def run_undisturbed(
    scenario: ReplayScenario, absent: Path | None = None
) -> tuple[Dump, dict[str, Any]]:
    """Return the result of the replay, as a whole and in figures."""
    with scenario.home() as home:
        words = [f"ABSENT={absent}"] * (absent is not None) + scenario.command(home)
        with running(home, words) as process:
            if process.join(PATIENCE_SECONDS) != 0:
                raise RuntimeError(f"it did not play to its end: {process.output[-2000:]}")
        with home.database() as database:
            content = dump(database, without_outages=True)
    spec = scenario.spec
    description = f"{spec.market}: {', '.join(spec.symbols)}, {spec.start} to {spec.end}"
    names = ("cycle", "decision", "event", *TRADING_TABLES)
    return content, {
        "played": description,
        **{f"undisturbed: {name}": len(content[name]) for name in names},
    }


def kill_server(scenario: ReplayScenario, stats: KillStats, undisturbed: Dump) -> None:
    """Kill the process that serves pages and runs cycles, on SQLite, and resume it."""
    while stats.kills < stats.planned:
        with scenario.home() as home:
            while _run_until_killed(scenario, home, stats):
                pass
            _compare_content(home, stats, undisturbed)


def _run_until_killed(scenario: ReplayScenario, home: ReplayHome, stats: KillStats) -> bool:
    """Run the server until it is killed or ends. Return whether it was killed before its end."""
    with running(home, scenario.command(home)) as process:
        due = stats.kills < stats.planned and _wait_random(scenario, stats, process)
        if due and process.exit_code is None:
            process.kill()
        elif (code := process.join(PATIENCE_SECONDS)) != 0:
            stats.problems.append(f"it ended with {code}: {process.output[-300:]}")
        if process.exit_code != -signal.SIGKILL:
            return False
        _count_kill(stats, process)
    _check(scenario, home, stats)
    return True


def kill_database(scenario: ReplayScenario, stats: KillStats, undisturbed: Dump) -> None:
    """Kill PostgreSQL, all of its processes, under a server that keeps running."""
    with postgres_server() as postgres:
        facts = ReplayHome(scenario.base, postgres.create("facts"))
        with facts.database() as target, ReplayHome(scenario.base).database() as source:
            target.migrate()
            copy_facts(source, target, (*scenario.spec.symbols, "SPY"), scenario.spec.market)
        while stats.kills < stats.planned:
            url = postgres.create(f"round{stats.rounds}", "facts")
            with tempfile.TemporaryDirectory(dir=scenario.folder) as at:
                home = ReplayHome(Path(at), url)
                code = None
                while code is None:
                    with running(home, scenario.command(home)) as process:
                        code = _run_outages(
                            scenario, home, stats, process, (postgres.kill, postgres.start)
                        )
                _compare_content(home, stats, undisturbed)


def _run_outages(
    scenario: ReplayScenario,
    home: ReplayHome,
    stats: KillStats,
    process: ReplayProcess,
    switch: tuple[Callable[[], None], ...],
) -> int | None:
    """Cause outages while one server lives. Return its exit code, None if it gave up and must be
    started."""
    off, on = switch
    while stats.kills < stats.planned and _wait_random(scenario, stats, process):
        _count_kill(stats, process)
        off()
        time.sleep(scenario.rng.uniform(0.0, 0.5))
        on()
        _check(scenario, home, stats)
        before, restarted = process.cycles, time.monotonic()
        if process.wait_until(lambda before=before: process.cycles > before, PATIENCE_SECONDS):  # type: ignore[misc]
            stats.recovery_seconds.append(time.monotonic() - restarted)
    code = process.join(PATIENCE_SECONDS)
    if code not in (0, 5):
        stats.problems.append(f"the server ended with {code}: {process.output[-300:]}")
    stats.counts["servers that found no database and said so"] += code == 5
    return None if code == 5 else code


def kill_actors(scenario: ReplayScenario, stats: KillStats, undisturbed: Dump) -> None:  # noqa: ARG001 others abstain
    """Kill one agent's process at a time, under a server and a Ray that keep running."""
    while stats.kills < stats.planned:
        with scenario.home() as home:
            words = scenario.spec.command(resume=False, speed=RAY_SPEED, in_process=False)
            with running(home, words, cold=True) as process:
                process.wait_until(lambda: process.cycles > 0, PATIENCE_SECONDS)
                while stats.kills < stats.planned and process.exit_code is None:
                    _kill_actor(scenario, stats, process)
                if (code := process.join(PATIENCE_SECONDS)) != 0:
                    stats.problems.append(f"the server ended with {code}: {process.output[-300:]}")
            _check(scenario, home, stats)
            with home.database() as database:
                absent = recorded_abstentions(database)
            stats.counts["abstentions recorded"] += sum(map(len, absent.values()))
            file = home.folder / "absent.json"
            file.write_text(json.dumps(absent))
            _compare_content(home, stats, run_undisturbed(scenario, file)[0])


def _kill_actor(scenario: ReplayScenario, stats: KillStats, process: ReplayProcess) -> None:
    time.sleep(scenario.rng.uniform(*BETWEEN_SECONDS))
    found = sorted(pid for pid in descendants(process.pid) if command_line(pid).startswith(ACTORS))
    if found and process.exit_code is None:
        with suppress(ProcessLookupError):
            os.kill(scenario.rng.choice(found), signal.SIGKILL)
            _count_kill(stats, process)


def _wait_random(scenario: ReplayScenario, stats: KillStats, process: ReplayProcess) -> bool:
    """Wait for the next random moment. Return whether it came while the process lived."""
    moments, started = scenario.rng, time.monotonic()
    if process.cycles == 0 and moments.random() < EARLY:
        wait = moments.uniform(0.0, START_SECONDS)
    elif process.cycles or process.wait_until(lambda: process.cycles > 0, PATIENCE_SECONDS):
        if stats.kills and process.cycles == 1:
            stats.recovery_seconds.append(time.monotonic() - started)
        wait = moments.uniform(0.0, AT_WORK_SECONDS)
    else:
        return False
    due = time.monotonic() + wait
    return process.wait_until(lambda: time.monotonic() >= due, wait + 1.0)


def _count_kill(stats: KillStats, process: ReplayProcess) -> None:
    stats.kills += 1
    stats.stages[process.stage] += 1


def _check(scenario: ReplayScenario, home: ReplayHome, stats: KillStats) -> None:
    """Check what must hold at any moment, whatever runs."""
    run = ("--run", scenario.spec.run, "--market", scenario.spec.market)
    with home.database() as database:
        database.migrate()
        stats.problems += find_faults(database)
        has_account = _has_account(database, scenario.spec)
    for words in (("reconcile", *run), ("audit", "--verify", *run)) if has_account else ():
        code, output = run_command(home, words)
        stats.counts[f"times {words[0]} agreed"] += code == 0
        if code:
            stats.problems.append(f"{words[0]} ended with {code}: {output[-300:]}")


def _has_account(database: Database, spec: ReplaySpec) -> bool:
    """Return whether the run has an account; a run that was killed early has none."""
    account = tables.table(account_tables.AccountRow)
    query = select(account.c.id).where(account.c.run == spec.run)
    with database.reading() as connection:
        return connection.execute(query).first() is not None


def _compare_content(home: ReplayHome, stats: KillStats, undisturbed: Dump) -> None:
    with home.database() as database:
        found = differences(undisturbed, dump(database, without_outages=True))
    stats.rounds += 1
    stats.equal += not found
    stats.problems += found


def _spread(seconds: list[float]) -> str:
    return f"p50 {statistics.median(seconds):.1f}, most {max(seconds):.1f}"
