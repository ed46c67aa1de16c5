"""Lessons: what the learner knew after each round, the newest of which is its state.

Promises that lessons of one line follow one another without a gap or a fork, whichever process
learnt them. Leaves out learning: see `orchestrator/committee/learned_weights.py`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Select, and_, select
from sqlmodel import col

from domain.panel import Floats, Times
from domain.settlement import Lesson, Line
from storage import tables
from storage.database import insert_missing
from storage.journal.cycle_rows import Row, text

Query = Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class InfluenceHistory:
    """What was learnt of A agents over K rounds, oldest first: `weights` and `trust` (K, A) in
    force from the bars that closed at `due_at` (K,); NaN where an agent was not on the team."""

    agents: tuple[str, ...]
    due_at: Times
    weights: Floats
    trust: Floats


def newest(connection: Connection, line: Line, by: datetime) -> Lesson | None:
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


def keep(
    connection: Connection, line: Line, lessons: Sequence[Lesson], after: datetime | None
) -> None:
    """Keep the lessons that follow the one of the bar `after` (None: the first); nothing where
    somebody else learnt on from there meanwhile."""
    if lessons and _newest_bar(connection, line) == after:
        rows = [_row(line, each) for each in lessons]
        insert_missing(connection, tables.Lesson, rows)


def history(connection: Connection, line: Line, agents: Sequence[str]) -> InfluenceHistory:
    """What was learnt on a line of decisions; no rounds before the first lesson."""
    lesson = tables.Lesson
    query: Query = (
        select(col(lesson.due_at), col(lesson.agents), col(lesson.weights), col(lesson.trust))
        .where(_on(line))
        .order_by(col(lesson.as_of))
    )
    rows = connection.execute(query).all()
    history = np.full((2, len(rows), len(agents)), np.nan)
    for number, (_, named, *figures) in enumerate(rows):
        place = {agent: k for k, agent in enumerate(json.loads(named))}
        for kind, values in enumerate(map(json.loads, figures)):
            for seat, agent in enumerate(agents):
                if agent in place:
                    history[kind, number, seat] = values[place[agent]]
    due_at = np.array([tables.microseconds(at) for at, *_ in rows], "datetime64[us]")
    return InfluenceHistory(tuple(agents), due_at, *history)


def _row(line: Line, lesson: Lesson) -> Row:
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
