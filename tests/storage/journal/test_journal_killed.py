"""`kill -9` at any moment loses no committed cycle, leaves no half one and settles none twice."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from sqlalchemy import text

from storage.database import Database
from storage.journal.decision_records import SqlDecisionRecords
from storage.journal.panel_archive import SqlPanelArchive, panel_digest
from storage.journal.sql_journal import SqlJournal
from tests.storage.journal.cycle_writer import settle_due
from tests.storage.samples import INPUTS, cycle, panel

ROOT = Path(__file__).parents[3]
DECISIONS, VOTES = 2, 10  # of one sample cycle
EVENTS = VOTES + DECISIONS + 1

HALVES = text(
    "SELECT (SELECT count(*) FROM cycle), (SELECT count(*) FROM decision),"
    " (SELECT count(*) FROM vote), (SELECT count(*) FROM event),"
    " (SELECT coalesce(max(seq), 0) FROM event), (SELECT last_seq FROM head)"
)
OUTCOMES = text(
    "SELECT (SELECT count(*) FROM pending), (SELECT count(*) FROM outcome),"
    " (SELECT count(*) FROM event WHERE kind = 'decision.settled'),"
    " (SELECT count(*) FROM outcome JOIN event ON event.seq = outcome.seq),"
    " (SELECT count(*) FROM outcome JOIN pending ON pending.decision = outcome.decision),"
    " (SELECT count(*) FROM lesson)"
)


def killed_recordings(url: str, kills: int, within: float) -> list[list[str]]:
    """Digests whose commit had returned, for each child that was killed within so many seconds;
    checks each time."""
    moments = random.Random(20)
    committed_by_kill = []
    with subprocess.Popen(
        [sys.executable, "-m", "tests.storage.journal.cycle_writer", url],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as recorder:
        assert recorder.stdin is not None
        assert recorder.stdout is not None
        for seed in range(kills):
            recorder.stdin.write(f"{seed}\n")
            child = int(recorder.stdout.readline())
            patience = 4 if seed % 3 == 0 else 0  # cycles that it may record first
            first = [recorder.stdout.readline().strip() for _ in range(patience)]
            time.sleep(moments.uniform(0.0, within))
            os.kill(child, signal.SIGKILL)
            rest = iter(lambda: recorder.stdout.readline().strip(), "ended")  # type: ignore[union-attr]
            committed_by_kill.append([*first, *rest])
            check(url, committed_by_kill)
        recorder.stdin.close()
    return committed_by_kill


def check(url: str, committed_by_kill: list[list[str]]) -> None:
    """Opens the database as the next start would, and looks for what is lost or half there."""
    database = Database(url)
    database.migrate()
    with database.reading() as connection:
        stored = set(connection.scalars(text("SELECT digest FROM cycle")))
        cycles, decisions, votes, events, newest, last = connection.execute(HALVES).one()
        pending, outcomes, settled_events, paired, both, states = connection.execute(OUTCOMES).one()
        if connection.dialect.name == "sqlite":
            assert connection.scalar(text("PRAGMA integrity_check")) == "ok"
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
    committed = {digest for digests in committed_by_kill for digest in digests}
    assert committed <= stored  # none is lost
    assert len(stored - committed) <= len(
        committed_by_kill
    )  # at most one a kill, committed but not yet printed
    assert (decisions, votes) == (cycles * DECISIONS, cycles * VOTES)
    assert events == cycles * EVENTS + outcomes
    assert pending + outcomes == decisions  # each waits or is settled, and none is both
    assert (settled_events, paired, both) == (outcomes, outcomes, 0)
    assert states * DECISIONS == outcomes  # and every settled round has taught, once
    assert newest == last == events  # numbered without a gap
    database.close()


def test_killed_at_random_moments_no_cycle_is_lost_and_none_is_half_there(url: str) -> None:
    database = Database(url)
    database.migrate()
    kills, within = (60, 0.08) if url.startswith("sqlite") else (8, 0.4)
    committed_by_kill = killed_recordings(url, kills, within)
    assert sum(map(len, committed_by_kill)) > 10  # it did record, on however slow a machine

    before = SqlJournal(database).last_seq()
    for seed, digests in enumerate(committed_by_kill):
        for number in range(len(digests)):
            again = cycle(number, run=f"{seed}")
            assert SqlJournal(database).record(again, panel(30 + number, seed=seed), INPUTS) == ()
    assert SqlJournal(database).last_seq() == before

    for seed in range(len(committed_by_kill)):
        for _ in range(2):
            settle_due(SqlJournal(database), f"{seed}", 10_000)
    check(url, committed_by_kill)
    with database.reading() as connection:
        pending, outcomes, *_ = connection.execute(OUTCOMES).one()
    assert pending == 0
    assert outcomes > 0

    seed = max(range(len(committed_by_kill)), key=lambda each: len(committed_by_kill[each]))
    number = len(committed_by_kill[seed]) - 1
    receipt = cycle(number, run=f"{seed}").decisions[0].receipt
    loaded = SqlPanelArchive(database).load(SqlDecisionRecords(database).inputs(receipt).panel)
    assert panel_digest(loaded) == panel_digest(panel(30 + number, seed=seed))
    database.close()
