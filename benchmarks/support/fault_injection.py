"""Kills at random moments: of the server's process, of PostgreSQL's, of one Ray actor's.

Promises that only processes started here are killed, by their own ids; that each kind goes on from
kill to kill until it has had as many as it was to have; and that what is wrong is told and never
raised, so that a long measurement comes to its end.
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

from benchmarks.support.postgres_server import called, cluster, family_of
from benchmarks.support.replay_processes import (
    Home,
    Life,
    Play,
    absentees,
    alive,
    begun,
    copy,
    fresh,
    verb,
)
from storage import tables
from storage.accounts import account_tables
from storage.database import Database
from tests.cli.database_dump import TRADING, Kept, differences, faults, kept

START_SECONDS = 0.6
"""A process is killed before it is at work in the first so many seconds."""
AT_WORK_SECONDS = 1.0
"""Or in so many after it has held a cycle."""
EARLY = 0.25
"""Share of the kills that come early."""
PATIENCE_SECONDS = 300.0
RAY_SPEED = "4"
"""Days a second; an actor needs seconds to come back."""
ACTORS = ("ray::_Seat", "ray::quorum")
"""What Ray calls the processes of agents."""
BETWEEN_SECONDS = (0.5, 3.0)
"""Between the kills of two actors."""


@dataclass
class Tally:
    """What one kind of kill did. `wrong` is in words, and empty where all is well."""

    wanted: int
    kills: int = 0
    rounds: int = 0
    equal: int = 0
    fell: Counter[str] = field(default_factory=Counter)
    back: list[float] = field(default_factory=list)
    """Seconds from the new start to the next cycle."""
    more: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def told(self, kind: str) -> Iterator[tuple[str, Any]]:
        yield f"{kind}: kills", self.kills
        yield f"{kind}: fell while", dict(self.fell.most_common())
        yield f"{kind}: rounds played to the end", self.rounds
        yield f"{kind}: rounds equal to the undisturbed one", self.equal
        if self.back:
            yield f"{kind}: from the new start to the next cycle, s", _spread(self.back)
        for name, count in sorted(self.more.items()):
            yield f"{kind}: {name}", count
        yield f"{kind}: wrong", self.wrong


@dataclass(frozen=True)
class Ground:
    """A play, a home with its facts and nothing else, and how to get another like it."""

    play: Play
    base: Path
    folder: Path
    moments: random.Random

    @contextmanager
    def home(self) -> Iterator[Home]:
        with tempfile.TemporaryDirectory(dir=self.folder) as at:
            yield fresh(self.base, Path(at) / "home")

    def words(self, home: Home) -> list[str]:
        return self.play.words(resume=begun(home, self.play))


def undisturbed_play(ground: Ground, absent: Path | None = None) -> tuple[Kept, dict[str, Any]]:
    """What the play comes to, as a whole and in figures."""
    with ground.home() as home:
        words = [f"ABSENT={absent}"] * (absent is not None) + ground.words(home)
        with alive(home, words) as life:
            if life.end(PATIENCE_SECONDS) != 0:
                raise RuntimeError(f"it did not play to its end: {life.said[-2000:]}")
        with home.database() as opened:
            came = kept(opened, apart=True)
    play = ground.play
    told = f"{play.market}: {', '.join(play.symbols)}, {play.start} to {play.end}"
    names = ("cycle", "decision", "event", *TRADING)
    return came, {"played": told, **{f"undisturbed: {each}": len(came[each]) for each in names}}


def server(ground: Ground, tally: Tally, undisturbed: Kept) -> None:
    """The process that serves pages and holds cycles, on SQLite: killed, gone on with."""
    while tally.kills < tally.wanted:
        with ground.home() as home:
            while _lives(ground, home, tally):
                pass
            _compare(home, tally, undisturbed)


def _lives(ground: Ground, home: Home, tally: Tally) -> bool:
    """One life of the server; whether it was killed before its end."""
    with alive(home, ground.words(home)) as life:
        due = tally.kills < tally.wanted and _await_moment(ground, tally, life)
        if due and life.code is None:
            life.kill()
        elif (code := life.end(PATIENCE_SECONDS)) != 0:
            tally.wrong.append(f"it ended with {code}: {life.said[-300:]}")
        if life.code != -signal.SIGKILL:
            return False
        _count(tally, life)
    _check(ground, home, tally)
    return True


def database(ground: Ground, tally: Tally, undisturbed: Kept) -> None:
    """PostgreSQL, all of its processes, under a server that stays."""
    with cluster() as postgres:
        facts = Home(ground.base, postgres.create("facts"))
        with facts.database() as theirs, Home(ground.base).database() as mine:
            theirs.migrate()
            copy(mine, theirs, (*ground.play.symbols, "SPY"), ground.play.market)
        while tally.kills < tally.wanted:
            url = postgres.create(f"round{tally.rounds}", "facts")
            with tempfile.TemporaryDirectory(dir=ground.folder) as at:
                home = Home(Path(at), url)
                code = None
                while code is None:
                    with alive(home, ground.words(home)) as life:
                        code = _outages(ground, home, tally, life, (postgres.kill, postgres.start))
                _compare(home, tally, undisturbed)


def _outages(
    ground: Ground, home: Home, tally: Tally, life: Life, switch: tuple[Callable[[], None], ...]
) -> int | None:
    """Outages while one server lives; its exit code, None if it gave up and must be started."""
    off, on = switch
    while tally.kills < tally.wanted and _await_moment(ground, tally, life):
        _count(tally, life)
        off()
        time.sleep(ground.moments.uniform(0.0, 0.5))
        on()
        _check(ground, home, tally)
        before, restarted = life.cycles, time.monotonic()
        if life.until(lambda before=before: life.cycles > before, PATIENCE_SECONDS):  # type: ignore[misc]
            tally.back.append(time.monotonic() - restarted)
    code = life.end(PATIENCE_SECONDS)
    if code not in (0, 5):
        tally.wrong.append(f"the server ended with {code}: {life.said[-300:]}")
    tally.more["servers that found no database and said so"] += code == 5
    return None if code == 5 else code


def actor(ground: Ground, tally: Tally, undisturbed: Kept) -> None:  # noqa: ARG001 others abstain
    """One agent's process at a time, under a server and a Ray that stay."""
    while tally.kills < tally.wanted:
        with ground.home() as home:
            words = ground.play.words(resume=False, speed=RAY_SPEED, in_process=False)
            with alive(home, words, cold=True) as life:
                life.until(lambda: life.cycles > 0, PATIENCE_SECONDS)
                while tally.kills < tally.wanted and life.code is None:
                    _kill_actor(ground, tally, life)
                if (code := life.end(PATIENCE_SECONDS)) != 0:
                    tally.wrong.append(f"the server ended with {code}: {life.said[-300:]}")
            _check(ground, home, tally)
            with home.database() as opened:
                absent = absentees(opened)
            tally.more["abstentions recorded"] += sum(map(len, absent.values()))
            told = home.folder / "absent.json"
            told.write_text(json.dumps(absent))
            _compare(home, tally, undisturbed_play(ground, told)[0])


def _kill_actor(ground: Ground, tally: Tally, life: Life) -> None:
    time.sleep(ground.moments.uniform(*BETWEEN_SECONDS))
    found = sorted(pid for pid in family_of(life.pid) if called(pid).startswith(ACTORS))
    if found and life.code is None:
        with suppress(ProcessLookupError):
            os.kill(ground.moments.choice(found), signal.SIGKILL)
            _count(tally, life)


def _await_moment(ground: Ground, tally: Tally, life: Life) -> bool:
    """Wait for the next random moment; whether it came while the process lived."""
    moments, begins = ground.moments, time.monotonic()
    if life.cycles == 0 and moments.random() < EARLY:
        wait = moments.uniform(0.0, START_SECONDS)
    elif life.cycles or life.until(lambda: life.cycles > 0, PATIENCE_SECONDS):
        if tally.kills and life.cycles == 1:
            tally.back.append(time.monotonic() - begins)
        wait = moments.uniform(0.0, AT_WORK_SECONDS)
    else:
        return False
    due = time.monotonic() + wait
    return life.until(lambda: time.monotonic() >= due, wait + 1.0)


def _count(tally: Tally, life: Life) -> None:
    tally.kills += 1
    tally.fell[life.stage] += 1


def _check(ground: Ground, home: Home, tally: Tally) -> None:
    """What must hold at any moment, whoever is at work."""
    run = ("--run", ground.play.run, "--market", ground.play.market)
    with home.database() as opened:
        opened.migrate()
        tally.wrong += faults(opened)
        there = _has_account(opened, ground.play)
    for words in (("reconcile", *run), ("audit", "--verify", *run)) if there else ():
        code, said = verb(home, words)
        tally.more[f"times {words[0]} agreed"] += code == 0
        if code:
            tally.wrong.append(f"{words[0]} ended with {code}: {said[-300:]}")


def _has_account(opened: Database, play: Play) -> bool:
    """Killed early, a run has none yet."""
    account = tables.table(account_tables.Account)
    mine = select(account.c.id).where(account.c.run == play.run)
    with opened.reading() as connection:
        return connection.execute(mine).first() is not None


def _compare(home: Home, tally: Tally, undisturbed: Kept) -> None:
    with home.database() as opened:
        found = differences(undisturbed, kept(opened, apart=True))
    tally.rounds += 1
    tally.equal += not found
    tally.wrong += found


def _spread(seconds: list[float]) -> str:
    return f"p50 {statistics.median(seconds):.1f}, most {max(seconds):.1f}"
