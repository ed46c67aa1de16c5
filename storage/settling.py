"""Settling: which decisions wait, and the one transaction in which they stop waiting.

Promises that a decision is settled once, whoever finds it due and however often, and that what
was learnt from a round is kept together with the outcomes it was learnt from. Leaves out what
comes of a decision (`orchestrator/settlement.py`) and reading the record (`outcomes.py`).
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, insert, or_, select
from sqlmodel import col

from domain.canonical import to_json
from domain.decision import Cycle
from domain.events import Event, EventKind
from domain.settlement import Lesson, Line, Outcome, Pending, Said, Settlement
from storage import tables
from storage.database import insert_missing
from storage.entries import Row, about, event_row, text

_MOST_PARAMETERS = 5_000
"""Decisions named in one statement; both databases allow more."""


def pending_rows(cycle: Cycle, decisions: Iterable[Row], horizon: int) -> list[Row]:
    """Rows of the table pending for a cycle's new rows of decision; without a bar there is no
    outcome to wait for."""
    return [
        {
            "market": cycle.market,
            "run": cycle.run,
            "calendar": cycle.calendar,
            "timeframe": cycle.timeframe.value,
            "as_of": cycle.as_of,
            "decision": decision["seq"],
            "horizon": horizon,
        }
        for decision in decisions
        if decision["price"] is not None
    ]


def pending(connection: Connection, line: Line, until: datetime) -> tuple[Pending, ...]:
    """Decisions on bars that closed by `until`, oldest first; of other horizons than the line's
    all that wait."""
    waits, decision, vote = tables.Pending, tables.Decision, tables.Vote
    query: Select[*tuple[Any, ...]] = (
        select(
            col(decision.seq),
            col(decision.receipt),
            col(decision.symbol),
            col(decision.as_of),
            col(waits.horizon),
            col(decision.p_up),
            col(decision.base_rate),
            col(vote.agent),
            col(vote.p_up).label("said"),
            col(vote.log_odds),
        )
        .join_from(waits, decision, col(decision.seq) == col(waits.decision))
        .outerjoin(vote, col(vote.decision) == col(waits.decision))
        .where(
            col(waits.market) == line.market,
            col(waits.run) == line.run,
            col(waits.calendar) == line.calendar,
            col(waits.timeframe) == line.timeframe.value,
            or_(col(waits.as_of) <= until, col(waits.horizon) != line.horizon),
        )
        .order_by(col(waits.as_of), col(waits.decision), col(vote.position))
    )
    rows = connection.execute(query).all()
    return tuple(_pending(list(votes)) for _, votes in groupby(rows, attrgetter("seq")))


def lesson(connection: Connection, line: Line, by: datetime) -> Lesson | None:
    """The newest that is in force on the bar that closed at `by`."""
    stored = tables.Lesson
    query = (
        select(tables.table(stored))
        .where(_on(line), col(stored.due_at) <= by)
        .order_by(col(stored.as_of).desc())
        .limit(1)
    )
    found = connection.execute(query).first()
    return None if found is None else _lesson(found)


def settle(
    connection: Connection, settlement: Settlement, at: datetime, last_seq: int
) -> tuple[Event, ...]:
    """Keep what is not kept yet, its events numbered from `last_seq` + 1; returns them.

    A decision that somebody else settled meanwhile is left as it is, and lessons that somebody
    else learnt meanwhile are not learnt again.
    """
    taken = _taken(connection, [outcome.decision.seq for outcome in settlement.outcomes])
    new = [outcome for outcome in settlement.outcomes if outcome.decision.seq in taken]
    events = [
        _event(settlement, outcome, at, seq) for seq, outcome in enumerate(new, start=last_seq + 1)
    ]
    if new:
        rows = [_outcome_row(*each, at) for each in zip(events, new, strict=True)]
        connection.execute(insert(tables.Outcome), rows)
        told = [event_row(event, text(event.payload)) for event in events]
        connection.execute(insert(tables.Event), told)
    if settlement.lessons and _newest_bar(connection, settlement.line) == settlement.after:
        rows = [_lesson_row(settlement.line, each) for each in settlement.lessons]
        insert_missing(connection, tables.Lesson, rows)
    return tuple(events)


def _pending(votes: Sequence[Any]) -> Pending:
    """From the rows of one decision, a vote each."""
    seq, receipt, symbol, as_of, horizon, p_up, base_rate, *_ = votes[0]
    said = tuple(Said(*vote[7:]) for vote in votes if vote.agent is not None)
    return Pending(seq, receipt, symbol, as_of, horizon, p_up, base_rate, said)


def _taken(connection: Connection, decisions: list[int]) -> set[int]:
    """Those of the decisions that still waited: they no longer do."""
    decision = col(tables.Pending.decision)
    taken: set[int] = set()
    for start in range(0, len(decisions), _MOST_PARAMETERS):
        some = decisions[start : start + _MOST_PARAMETERS]
        gone = delete(tables.Pending).where(decision.in_(some)).returning(decision)
        taken.update(connection.scalars(gone))
    return taken


def _event(settlement: Settlement, outcome: Outcome, at: datetime, seq: int) -> Event:
    line, decision = settlement.line, outcome.decision
    payload = {
        "receipt": decision.receipt,
        "symbol": decision.symbol,
        "change": outcome.change,
        "entry_at": outcome.entry_at,
        "exit_at": outcome.exit_at,
        "horizon": decision.horizon,
        "regime": outcome.regime,
        "p_up": decision.p_up,
        "base_rate": decision.base_rate,
        "agents": {said.agent: said.p_up for said in decision.said},
        **about(line.market, settlement.simulated, line.timeframe.value, decision.as_of),
    }
    kind = EventKind.DECISION_SETTLED
    return Event(seq, at, kind, line.run, decision.symbol, to_json(payload))


def _outcome_row(event: Event, outcome: Outcome, at: datetime) -> Row:
    return {
        "seq": event.seq,
        "decision": outcome.decision.seq,
        "horizon": outcome.decision.horizon,
        "entry_at": outcome.entry_at,
        "exit_at": outcome.exit_at,
        "change": outcome.change,
        "regime": outcome.regime,
        "settled_at": at,
    }


def _lesson_row(line: Line, lesson: Lesson) -> Row:
    return {
        "market": line.market,
        "run": line.run,
        "calendar": line.calendar,
        "timeframe": line.timeframe.value,
        "horizon": line.horizon,
        "as_of": lesson.as_of,
        "due_at": lesson.due_at,
        "agents": text(lesson.agents),
        "weights": text(lesson.weights),
        "trust": text(lesson.trust),
        "ledger": text(lesson.ledger),
    }


def _lesson(stored: Any) -> Lesson:
    return Lesson(
        stored.as_of,
        stored.due_at,
        tuple(json.loads(stored.agents)),
        tuple(json.loads(stored.weights)),
        tuple(json.loads(stored.trust)),
        json.loads(stored.ledger),
    )


def _newest_bar(connection: Connection, line: Line) -> datetime | None:
    as_of = col(tables.Lesson.as_of)
    return connection.scalars(
        select(as_of).where(_on(line)).order_by(as_of.desc()).limit(1)
    ).first()


def _on(line: Line) -> ColumnElement[bool]:
    lesson = tables.Lesson
    return and_(
        col(lesson.market) == line.market,
        col(lesson.run) == line.run,
        col(lesson.calendar) == line.calendar,
        col(lesson.timeframe) == line.timeframe.value,
        col(lesson.horizon) == line.horizon,
    )
