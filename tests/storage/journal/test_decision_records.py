"""Pages read decisions as they were recorded, and only those of their own market and run."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from domain.errors import NotFoundError
from domain.settlement import SettlementKey
from domain.timeframe import Timeframe
from storage.database import Database
from storage.journal.decision_records import SqlDecisionRecords
from storage.journal.panel_archive import SqlPanelArchive, panel_digest
from storage.journal.sql_journal import SqlJournal
from tests.storage.samples import AGENTS, INPUTS, cycle, day, panel

PANEL = panel(20, events=5)
REPLAY = "replay 2020-01-02 2020-02-02"


@pytest.fixture
def records(database: Database) -> SqlDecisionRecords:
    """Live days 0 to 2, of which day 1 is of other symbols; a replay and another market."""
    journal = SqlJournal(database)
    journal.record(cycle(0), PANEL, INPUTS)
    journal.record(cycle(1, symbols=("MSFT", "XOM")), PANEL, INPUTS)
    journal.record(cycle(2, symbols=("MSFT",)), PANEL, INPUTS)
    journal.record(cycle(7, run=REPLAY), PANEL, INPUTS)
    journal.record(cycle(8, market="yahoo"), PANEL, INPUTS)
    return SqlDecisionRecords(database)


def test_the_latest_decision_of_each_symbol_is_read(records: SqlDecisionRecords) -> None:
    latest = records.latest("demo", "live")
    assert [(each.decision.symbol, each.as_of) for each in latest] == [
        ("AAPL", day(0)),
        ("MSFT", day(2)),
        ("XOM", day(1)),
    ]
    assert latest[1].decision == cycle(2, symbols=("MSFT",)).decisions[0]
    assert records.latest("files", "live") == ()


def test_a_decision_is_found_by_its_receipt(records: SqlDecisionRecords) -> None:
    replayed = cycle(7, run=REPLAY)
    found = records.decision(replayed.decisions[1].receipt)
    assert found.decision == replayed.decisions[1]
    assert (found.run, found.market, found.simulated) == (REPLAY, "demo", True)
    assert (found.timeframe, found.digest) == (Timeframe.D1, replayed.digest)
    assert found.recorded_at.tzinfo is not None


@pytest.mark.parametrize(
    "receipt", ["", "AAPL-20200302-0123456789ab", "' OR 1=1 --", "zero\x00byte", "\ud800", "Ä"]
)
def test_an_unknown_receipt_is_refused_by_name(records: SqlDecisionRecords, receipt: str) -> None:
    with pytest.raises(NotFoundError, match="There is no decision with receipt"):
        records.decision(receipt)
    with pytest.raises(NotFoundError):
        records.inputs(receipt)


def test_the_inputs_of_a_decision_give_back_its_panel(
    records: SqlDecisionRecords, database: Database
) -> None:
    inputs = records.inputs(cycle(0).decisions[0].receipt)
    assert inputs.values == INPUTS
    assert inputs.panel.digest == panel_digest(PANEL)
    assert panel_digest(SqlPanelArchive(database).load(inputs.panel)) == panel_digest(PANEL)


def test_history_is_newest_first_and_of_one_symbol(records: SqlDecisionRecords) -> None:
    history = records.history("demo", "live", "MSFT", limit=2)
    assert [each.as_of for each in history] == [day(2), day(1)]
    assert records.history("demo", REPLAY, "XOM", limit=5) == ()


def test_the_feed_pages_without_gap_or_repetition(records: SqlDecisionRecords) -> None:
    whole = records.feed("demo", "live", limit=100)
    assert [each.seq for each in whole] == sorted((each.seq for each in whole), reverse=True)
    assert len(whole) == 5
    first = records.feed("demo", "live", limit=2)
    second = records.feed("demo", "live", limit=3, before=first[-1].seq)
    assert first + second == whole
    assert records.feed("demo", "live", limit=9, before=10**30) == whole
    assert records.feed("demo", "live", limit=9, before=-(10**30)) == ()


def test_runs_are_named_most_recently_active_first(records: SqlDecisionRecords) -> None:
    assert records.runs("demo") == (REPLAY, "live")
    assert records.runs("yahoo") == ("live",)
    assert records.runs("files") == ()


def test_a_decision_below_the_quorum_is_stored_without_a_probability(
    records: SqlDecisionRecords, database: Database
) -> None:
    full = cycle(3, symbols=("AAPL",))
    silent = replace(full.decisions[0], p_up=None, edge=None, rank=None, price=None, votes=())
    SqlJournal(database).record(replace(full, decisions=(silent,)), PANEL, INPUTS)
    assert records.latest("demo", "live")[0].decision == silent


def test_every_page_is_answered_from_an_index(tmp_path: Path) -> None:
    home = Database(f"sqlite:///{tmp_path}/quorum.db")
    home.migrate()
    SqlJournal(home).record(cycle(), PANEL, INPUTS)
    statements: list[tuple[str, Any]] = []

    @event.listens_for(home._engine, "before_cursor_execute")
    def record_statement(_c: object, _k: object, statement: str, given: Any, *_: object) -> None:
        if statement.startswith(("SELECT", "WITH")):
            statements.append((statement, given))

    records, journal = SqlDecisionRecords(home), SqlJournal(home)
    receipt = records.latest("demo", "live")[0].decision.receipt
    records.decision(receipt)
    records.inputs(receipt)
    records.history("demo", "live", "AAPL", 5)
    records.feed("demo", "live", 5, before=9)
    records.runs("demo")
    journal.events_after(3, 5)
    journal.previous_targets("demo", "live", before=day(1))
    journal.cursor("demo", "live", "XNYS")
    key = SettlementKey("demo", "live", "XNYS", Timeframe.D1, 5)
    journal.pending(key, day(1))
    journal.unsettled_symbols("demo", "live", day(0))
    journal.learner_state(key, day(9))
    records.record("demo", "live", Timeframe.D1, 5, AGENTS, "XNYS")
    records.calendars("demo", "live")
    records.settled_outcome(receipt)
    records.influence_history(key, AGENTS)
    assert len(statements) >= 18
    with home.reading() as connection:
        for statement, given in statements.copy():
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given).all()
            steps = [str(step[3]) for step in plan]
            scans = {step for step in steps if step.startswith("SCAN") and "INDEX" not in step}
            assert scans <= {"SCAN symbols", "SCAN anon_1"}, statement
