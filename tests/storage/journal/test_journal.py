"""Cycles are recorded once, as a whole, and every event is read back as it was recorded."""

import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from domain.events import EngineState, EventKind
from storage.database import Database
from storage.journal.sql_journal import SqlJournal
from tests.storage.samples import INPUTS, cycle, day, panel

PANEL = panel(20, events=5)


@pytest.fixture
def journal(database: Database) -> SqlJournal:
    return SqlJournal(database)


def test_a_cycle_records_its_votes_then_its_decisions_then_that_it_is_complete(
    journal: SqlJournal,
) -> None:
    events = journal.record(cycle(), PANEL, INPUTS)
    votes = [EventKind.VOTE_CAST] * 5
    assert [event.kind for event in events] == [
        *votes,
        EventKind.DECISION_MADE,
        *votes,
        EventKind.DECISION_MADE,
        EventKind.CYCLE_COMPLETED,
    ]
    assert [event.seq for event in events] == list(range(1, 14))
    assert events[0].payload["receipt"] == cycle().decisions[0].receipt
    assert events[0].payload["as_of"] == "2020-01-02T21:00:00Z"
    assert events[0].payload["simulated"] is True
    assert len(events[5].payload["votes"]) == 5
    assert events[-1].payload["digest"] == cycle().digest


def test_events_read_back_equal_the_events_recorded(journal: SqlJournal) -> None:
    recorded = [*journal.record(cycle(0), PANEL, INPUTS)]
    recorded.append(journal.append(EventKind.AGENT_CHANGED, "live", None, {"agent": "rl"}))
    recorded.extend(journal.record(cycle(1), PANEL, INPUTS))
    assert journal.events_after(0) == tuple(recorded)
    assert journal.events_after(5, limit=12) == tuple(recorded[5:17])
    assert journal.events_after(len(recorded)) == ()
    assert journal.events_after(10**30) == ()
    assert journal.last_seq() == len(recorded) == 27


def test_the_same_cycle_again_changes_nothing(journal: SqlJournal) -> None:
    journal.record(cycle(), PANEL, INPUTS)
    before = journal.events_after(0)
    assert journal.record(cycle(), PANEL, INPUTS) == ()
    assert journal.events_after(0) == before
    assert journal.last_seq() == len(before)


def test_a_cycle_that_cannot_be_written_whole_leaves_no_trace(
    journal: SqlJournal, database: Database
) -> None:
    with pytest.raises(ValueError, match="no canonical JSON form"):
        journal.record(cycle(), PANEL, {"weight": float("nan")})
    with database.reading() as connection:
        for table in ("cycle", "decision", "vote", "event", "chunk"):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar() == 0
    assert journal.last_seq() == 0


def test_two_writers_number_their_events_without_a_gap_in_the_order_of_commits(
    url: str, database: Database
) -> None:
    together = threading.Barrier(2)
    failures: list[BaseException] = []

    def write(run: str) -> None:
        own = Database(url)
        try:
            together.wait()
            for number in range(15):
                SqlJournal(own).record(cycle(number, run=run), PANEL, INPUTS)
        except BaseException as failure:
            failures.append(failure)
        finally:
            own.close()

    writers = [threading.Thread(target=write, args=(run,)) for run in ("live", "decide")]
    seen: list[int] = []
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        seen.extend(event.seq for event in SqlJournal(database).events_after(len(seen)))
    seen.extend(event.seq for event in SqlJournal(database).events_after(len(seen)))
    assert not failures
    assert seen == list(range(1, 2 * 15 * 13 + 1))  # a reader that follows along misses nothing


def test_the_cursor_and_the_targets_stay_within_their_market_and_run(journal: SqlJournal) -> None:
    assert journal.cursor("demo", "live", "XNYS") is None
    for number in range(4):
        journal.record(cycle(number), PANEL, INPUTS)
    journal.record(cycle(9, run="replay 2020-01-02 2020-02-02"), PANEL, INPUTS)
    assert journal.cursor("demo", "live", "XNYS") == day(3)
    assert journal.cursor("demo", "live", "24/7") is None
    assert journal.cursor("yahoo", "live", "XNYS") is None
    assert journal.previous_targets("demo", "live") == {"AAPL": 0.03, "MSFT": 0.03}
    assert journal.previous_targets("yahoo", "live") == {}


def test_the_targets_before_a_cycle_do_not_change_when_it_is_recorded(journal: SqlJournal) -> None:
    journal.record(cycle(1), PANEL, INPUTS)
    journal.record(cycle(2, symbols=("AAPL", "XOM")), PANEL, INPUTS)
    before = journal.previous_targets("demo", "live", before=day(3))
    journal.record(cycle(3), PANEL, INPUTS)
    assert journal.previous_targets("demo", "live", before=day(3)) == before
    assert before == {"AAPL": 0.02, "MSFT": 0.01, "XOM": 0.02}
    assert journal.previous_targets("demo", "live", before=day(1)) == {}


def test_the_state_of_the_engine_is_stored_and_its_change_recorded_once(
    journal: SqlJournal,
) -> None:
    assert journal.engine_state("demo", "live") == (EngineState.RUNNING, None)
    assert journal.set_engine_state("demo", "live", EngineState.RUNNING) is None
    changed = journal.set_engine_state("demo", "live", EngineState.HALTED, "the prices are odd")
    assert changed is not None
    assert changed.run == "live"
    assert changed.payload == {
        "market": "demo",
        "run": "live",
        "state": "halted",
        "previous": "running",
        "reason": "the prices are odd",
    }
    again = journal.set_engine_state("demo", "live", EngineState.HALTED, "the prices are odd")
    assert again is None
    assert journal.engine_state("demo", "live") == (EngineState.HALTED, "the prices are odd")
    assert journal.events_after(0) == (changed,)
    journal.set_engine_state("demo", "live", EngineState.RUNNING)
    assert journal.engine_state("demo", "live") == (EngineState.RUNNING, None)


def test_every_market_and_run_has_an_engine_of_its_own(journal: SqlJournal) -> None:
    replay = "replay 2024-01-01 2024-02-01"
    journal.set_engine_state("demo", "live", EngineState.PAUSED)
    assert journal.engine_state("demo", replay) == (EngineState.RUNNING, None)
    assert journal.engine_state("yahoo", "live") == (EngineState.RUNNING, None)
    journal.set_engine_state("demo", replay, EngineState.HALTED, "seen enough")
    assert journal.engine_state("demo", "live") == (EngineState.PAUSED, None)


def test_events_are_stamped_by_the_clock_that_was_given(database: Database) -> None:
    noon = datetime(2024, 1, 2, 12, 0, 0, 250, tzinfo=UTC)
    journal = SqlJournal(database, now=lambda: noon)
    (*_, last) = journal.record(cycle(), PANEL, INPUTS)
    assert last.at == noon
    assert journal.events_after(12)[0].at == noon


def test_the_epoch_belongs_to_the_database(journal: SqlJournal, database: Database) -> None:
    assert SqlJournal(database).epoch == journal.epoch
    assert len(journal.epoch) == 8
