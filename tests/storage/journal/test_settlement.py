"""A decision is pending until it is settled, once; the record shows its outcome."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from alembic import command
from sqlalchemy import text

from domain.canonical import to_json
from domain.events import EventKind
from domain.record import UNKNOWN_REGIME
from domain.settlement import DecisionOutcome, LearnerState, SettlementBatch, SettlementKey
from domain.timeframe import Timeframe
from storage.database import Database, _alembic
from storage.journal.decision_records import SqlDecisionRecords
from storage.journal.sql_journal import SqlJournal
from tests.storage.samples import AGENTS, INPUTS, cycle, day, panel

PANEL = panel(20, events=5)
LATER = (
    "correction", "trip_note", "mark", "fill", "orders", "entry", "snapshot", "account",
    "pending", "outcome", "lesson", "promotion",
)  # fmt: skip
"""Tables that the first release did not have."""
KEY = SettlementKey("demo", "live", "XNYS", Timeframe.D1, 5)


@pytest.fixture
def journal(database: Database) -> SqlJournal:
    """Days 0 to 3 of two symbols, and a replay."""
    journal = SqlJournal(database)
    for number in range(4):
        journal.record(cycle(number), PANEL, INPUTS)
    journal.record(cycle(0, run="replay"), PANEL, INPUTS)
    return journal


def settlement(
    journal: SqlJournal, until: int, *states: LearnerState, after: Any = None
) -> SettlementBatch:
    """Of the decisions until that day, each with a change of its own."""
    outcomes = tuple(
        DecisionOutcome(pending, day(1), day(6), 0.01 * k - 0.02, 2)
        for k, pending in enumerate(journal.pending(KEY, day(until)))
    )
    return SettlementBatch(KEY, True, outcomes, states, after)


def learner_state(number: int, weight: float = 0.2) -> LearnerState:
    weights, trust = (weight, 1.0 - weight), (0.1 + 0.2, 1.0)
    memory = {"losses": [1 / 3, 2e-17], "rounds": number}
    return LearnerState(day(number), day(number + 6), ("technical", "risk"), weights, trust, memory)


def test_decisions_are_pending_in_order_with_their_forecasts(journal: SqlJournal) -> None:
    waiting = journal.pending(KEY, day(1))
    assert [(each.as_of, each.symbol) for each in waiting] == [
        (day(number), symbol) for number in (0, 1) for symbol in ("AAPL", "MSFT")
    ]
    assert waiting[0].receipt == cycle(0).decisions[0].receipt
    assert (waiting[0].p_up, waiting[0].base_rate, waiting[0].horizon) == (0.55, 0.53, 5)
    assert [said.agent for said in waiting[0].forecasts] == list(AGENTS)
    assert [said.log_odds for said in waiting[0].forecasts] == [0.2, None, 0.2, 0.2, 0.2]
    assert journal.pending(replace(KEY, run="decide"), day(9)) == ()
    assert journal.pending(replace(KEY, timeframe=Timeframe.H1), day(9)) == ()


def test_a_decision_without_a_bar_or_a_vote_is_no_burden(journal: SqlJournal) -> None:
    full = cycle(7)
    without_bar = replace(full.decisions[0], price=None)
    without_votes = replace(full.decisions[1], votes=())
    journal.record(replace(full, decisions=(without_bar, without_votes)), PANEL, INPUTS)
    (waiting,) = (each for each in journal.pending(KEY, day(9)) if each.as_of == day(7))
    assert (waiting.symbol, waiting.forecasts) == ("MSFT", ())


def test_what_is_settled_no_longer_waits_and_tells_of_itself(journal: SqlJournal) -> None:
    last = journal.last_seq()
    events = journal.settle(settlement(journal, 1))
    assert [event.seq for event in events] == list(range(last + 1, last + 5))
    assert journal.events_after(last) == events
    assert {event.kind for event in events} == {EventKind.DECISION_SETTLED}
    first = events[0].payload
    assert (first["receipt"], first["change"]) == (cycle(0).decisions[0].receipt, -0.02)
    assert first["agents"] == {agent: None if agent == "news" else 0.55 for agent in AGENTS}
    assert (first["as_of"], first["run"] if "run" in first else events[0].run) == (
        "2020-01-02T21:00:00Z", "live",
    )  # fmt: skip
    assert [each.as_of for each in journal.pending(KEY, day(9))] == [day(2)] * 2 + [day(3)] * 2


def test_what_was_settled_meanwhile_is_not_settled_again(journal: SqlJournal) -> None:
    both, first = settlement(journal, 3), settlement(journal, 1)
    journal.settle(first)
    assert len(journal.settle(both)) == 4
    before = journal.events_after(0, 1000)
    assert journal.settle(both) == ()
    assert journal.events_after(0, 1000) == before


def test_the_newest_learner_state_in_force_is_read_to_the_last_bit(journal: SqlJournal) -> None:
    assert journal.learner_state(KEY, day(99)) is None
    journal.settle(settlement(journal, 1, learner_state(0), learner_state(1)))
    assert journal.learner_state(KEY, day(5)) is None
    assert journal.learner_state(KEY, day(6)) == learner_state(0)
    assert journal.learner_state(KEY, day(99)) == learner_state(1)
    assert to_json(journal.learner_state(KEY, day(99))) == to_json(learner_state(1))
    assert journal.learner_state(replace(KEY, horizon=10), day(99)) is None


def test_learner_states_that_do_not_follow_the_newest_are_not_stored(journal: SqlJournal) -> None:
    journal.settle(settlement(journal, 0, learner_state(0)))
    journal.settle(settlement(journal, 1, learner_state(0, 0.9), learner_state(1, 0.9)))
    assert journal.learner_state(KEY, day(99)) == learner_state(0)
    journal.settle(settlement(journal, 1, learner_state(1), after=day(0)))
    assert journal.learner_state(KEY, day(99)) == learner_state(1)


def test_the_record_has_every_vote_with_its_outcome(
    journal: SqlJournal, database: Database
) -> None:
    journal.settle(settlement(journal, 1))
    agents = ("risk", "news", "technical", "newcomer")
    record = SqlDecisionRecords(database).record("demo", "live", Timeframe.D1, 5, agents)
    assert (record.symbols, record.horizon) == (("AAPL", "MSFT"), 5)
    assert record.known_at.tolist() == [day(number).replace(tzinfo=None) for number in range(4)]
    assert record.log_odds.shape == (4, 4, 2)
    assert (record.log_odds[[0, 2]] == 0.2).all()
    assert np.isnan(record.log_odds[[1, 3]]).all()
    assert (record.quantile_5 == -0.04).all()
    assert np.allclose(record.pooled, np.log(0.55 / 0.45))
    assert (record.base_rate == 0.53).all()
    assert record.change[:2].tolist() == [[-0.02, -0.01], [0.0, 0.01 * 3 - 0.02]]
    assert np.isnan(record.change[2:]).all()
    assert record.regime.tolist() == [2, 2, UNKNOWN_REGIME, UNKNOWN_REGIME]
    assert record.receipts[(3, 1)] == cycle(3).decisions[1].receipt
    assert list(record.receipts) == [(row, column) for row in range(4) for column in range(2)]


def test_the_record_says_under_which_influence_was_decided(database: Database) -> None:
    journal = SqlJournal(database)
    early = {"agents": [{"name": "risk", "weight": 0.25}, {"name": "news", "weight": 0.75}]}
    late = {"agents": [{"name": "risk", "weight": 0.5, "trust": 1 / 3}]}
    journal.record(cycle(0), PANEL, early)
    journal.record(cycle(1), PANEL, late)
    record = SqlDecisionRecords(database).record("demo", "live", Timeframe.D1, 5, ("news", "risk"))
    assert record.weights.tolist() == [[0.75, 0.25], [0.0, 0.5]]
    assert record.trust.tolist() == [[1.0, 1.0], [1.0, 1 / 3]]


def test_of_several_decisions_on_a_bar_the_newest_counts(database: Database) -> None:
    journal = SqlJournal(database)
    journal.record(cycle(0, salt="early"), PANEL, INPUTS)
    full = cycle(0, salt="late", symbols=("MSFT",))
    shorter = replace(full.decisions[0], p_up=0.6, votes=full.decisions[0].votes[2:])
    journal.record(replace(full, decisions=(shorter,)), PANEL, INPUTS)
    record = SqlDecisionRecords(database).record("demo", "live", Timeframe.D1, 5, AGENTS)
    assert record.log_odds[:, 0, 0].tolist()[0] == 0.2
    assert np.isnan(record.log_odds[:2, 0, 1]).all()
    assert np.allclose(1 / (1 + np.exp(-record.pooled)), [[0.55, 0.6]])
    assert record.receipts[(0, 1)] == shorter.receipt


def test_there_is_a_record_a_calendar_and_one_of_all(database: Database) -> None:
    journal = SqlJournal(database)
    journal.record(cycle(0), PANEL, INPUTS)
    journal.record(cycle(1), PANEL, INPUTS)
    coins = replace(cycle(1, symbols=("BTC-USD",)), calendar="24/7")
    journal.record(coins, PANEL, INPUTS)
    records = SqlDecisionRecords(database)
    assert records.calendars("demo", "live") == ("24/7", "XNYS")

    def shape(calendar: str | None) -> tuple[int, ...]:
        read = records.record("demo", "live", Timeframe.D1, 5, AGENTS, calendar)
        return read.log_odds.shape

    assert (shape("XNYS"), shape("24/7"), shape(None)) == ((5, 2, 2), (5, 1, 1), (5, 2, 3))
    nothing = records.record("files", "live", Timeframe.D1, 5, AGENTS)
    assert (nothing.log_odds.shape, nothing.weights.shape) == ((5, 0, 0), (0, 5))


def test_a_settled_decision_is_shown_beside_its_row(
    journal: SqlJournal, database: Database
) -> None:
    journal.settle(settlement(journal, 1))
    records = SqlDecisionRecords(database)
    outcome = records.settled_outcome(cycle(1).decisions[1].receipt)
    assert outcome is not None
    assert (outcome.change, outcome.regime, outcome.settled_count) == (0.01 * 3 - 0.02, 2, 2)
    assert outcome.median_change == np.median([0.0, 0.01 * 3 - 0.02])
    assert (outcome.entry_at, outcome.exit_at) == (day(1), day(6))
    assert records.settled_outcome(cycle(2).decisions[0].receipt) is None
    assert records.settled_outcome("AAPL-20200302-0123456789ab") is None


def test_influence_over_time_has_holes_where_an_agent_was_not_on_the_team(
    journal: SqlJournal, database: Database
) -> None:
    journal.settle(settlement(journal, 1, learner_state(0, 0.2), learner_state(1, 0.3)))
    history = SqlDecisionRecords(database).influence_history(KEY, ("risk", "news", "technical"))
    assert history.due_at.tolist() == [day(6).replace(tzinfo=None), day(7).replace(tzinfo=None)]
    assert history.weights[:, [0, 2]].tolist() == [[0.8, 0.2], [0.7, 0.3]]
    assert np.isnan(history.weights[:, 1]).all()
    assert history.trust[0, 2] == 0.1 + 0.2
    nothing = SqlDecisionRecords(database).influence_history(replace(KEY, run="replay"), AGENTS)
    assert nothing.weights.shape == (0, 5)


def test_a_database_of_the_first_release_is_brought_up_to_date_with_its_decisions(
    url: str,
) -> None:
    database = Database(url)
    database.migrate()
    journal = SqlJournal(database)
    journal.record(cycle(0), PANEL, INPUTS)
    journal.record(cycle(1, run="replay"), replace(PANEL, horizon=8), INPUTS)
    silent = replace(cycle(2).decisions[0], price=None)
    journal.record(replace(cycle(2), decisions=(silent,)), PANEL, INPUTS)
    before = journal.events_after(0, 1000)
    with database.writing() as connection:
        for gone in LATER:
            connection.execute(text(f"DROP TABLE {gone}"))
        command.stamp(_alembic(connection), "0001")

    for _ in range(2):
        database.migrate()
    assert journal.events_after(0, 1000) == before
    waiting = journal.pending(KEY, day(9))
    assert [(each.as_of, each.symbol, each.horizon) for each in waiting] == [
        (day(0), "AAPL", 5),
        (day(0), "MSFT", 5),
    ]
    assert [each.horizon for each in journal.pending(replace(KEY, run="replay"), day(9))] == [8, 8]
    assert len(journal.settle(settlement(journal, 9, learner_state(0)))) == 2
    database.close()
