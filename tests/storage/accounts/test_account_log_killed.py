"""`kill -9` and two processes at once leave a paper account whole, with nothing in it twice."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from storage.accounts.audit import AccountAudit
from storage.accounts.blotter import SqlBlotter
from storage.database import Database
from storage.journal.sql_journal import SqlJournal
from tests.storage.accounts.account_fixtures import ACCOUNT, account_log
from tests.storage.accounts.order_writer import place_by_committee, place_manually
from trading.account import ledger

ROOT = Path(__file__).parents[3]

EVENTS = text(
    "SELECT (SELECT count(*) FROM event), (SELECT coalesce(max(seq), 0) FROM event),"
    " (SELECT last_seq FROM head), (SELECT count(*) FROM cycle)"
)


@contextmanager
def trader(url: str) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.storage.accounts.order_writer", url],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as started:
        yield started


def start(process: "subprocess.Popen[str]", rounds: int, *seeds: int) -> int:
    """The pid of one child of a seed each."""
    assert process.stdin is not None
    process.stdin.write(f"{rounds} {' '.join(map(str, seeds))}\n")
    return int(line(process))


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def check(url: str, committed_by_kill: list[list[str]]) -> None:
    """Opens the database as the next start would, and looks for what is lost, half there or
    there twice."""
    database = Database(url)
    database.migrate()
    assert AccountAudit(database, ledger.apply).verify(*ACCOUNT) == ()
    with database.reading() as connection:
        events, newest, last, cycles = connection.execute(EVENTS).one()
    assert events == newest == last  # numbered without a gap
    keys = [each.order.key for each in SqlBlotter(database, *ACCOUNT).orders(limit=100_000)]
    by_hand = {key for key in keys if key.startswith("hand")}
    committee = [key for key in keys if key.startswith("cycle")]
    assert len(committee) == cycles  # an order of a cycle exists if and only if the cycle does
    committed = {
        f"{who} {key}" for keys in committed_by_kill for key in keys for who in ("hand", "cycle")
    }
    assert committed <= set(keys)
    assert len(by_hand) - len(committed) // 2 <= len(
        committed_by_kill
    )  # at most one a kill, not printed yet
    database.close()


def test_killed_at_random_moments_an_account_stays_whole(url: str) -> None:
    Database(url).migrate()
    kills, within = (20, 0.06) if url.startswith("sqlite") else (4, 0.3)
    moments, committed_by_kill = random.Random(4), []
    with trader(url) as process:
        for seed in range(kills):
            child = start(process, 0, seed)
            first = [line(process) for _ in range(2 if seed % 3 == 0 else 0)]
            time.sleep(moments.uniform(0.0, within))
            os.kill(child, signal.SIGKILL)
            committed_by_kill.append([*first, *iter(lambda: line(process), "ended")])
            if seed % 8 == 0:
                check(url, committed_by_kill)
        assert process.stdin is not None
        process.stdin.close()
    check(url, committed_by_kill)
    assert sum(map(len, committed_by_kill)) >= 4  # it did trade, on however slow a machine

    database = Database(url)
    paper, journal = account_log(database), SqlJournal(database)
    before = journal.last_seq()
    for keys in committed_by_kill:
        for number, key in enumerate(keys):
            place_manually(paper, key)
            place_by_committee(paper, journal, key, number)
    assert journal.last_seq() == before  # what was done is done, and not again
    database.close()


def test_two_processes_trade_on_one_account_in_turns(url: str) -> None:
    Database(url).migrate()
    rounds = 8
    with trader(url) as process:
        start(process, 1, 1)
        assert [line(process), line(process)] == ["1-0", "ended"]  # opened, by now
        start(process, rounds, 2, 3)
        committed_by_kill = sorted(iter(lambda: line(process), "ended"))
        assert process.stdin is not None
        process.stdin.close()
    keys = [f"{seed}-{number}" for seed in (2, 3) for number in range(rounds)]
    assert [each for each in committed_by_kill if "-" in each] == keys
    check(url, [["1-0"], keys])
    left = account_log(Database(url)).account(*ACCOUNT)
    assert left is not None
    assert left.order_count == 2 * (1 + 2 * rounds)
