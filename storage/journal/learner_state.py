"""Learner states: what the learner knew after each round; the newest is in force.

Promises that the states under one key follow one another without a gap or a fork, whichever process
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

from domain.instants import Times, to_microseconds
from domain.panel import Floats
from domain.settlement import LearnerState, SettlementKey
from storage import tables
from storage.database import insert_missing
from storage.journal.cycle_rows import RowValues, canonical_text

Query = Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class InfluenceHistory:
    """What was learnt of A agents over K rounds, oldest first: `weights` and `trust` (K, A) in
    force from the bars that closed at `due_at` (K,); NaN where an agent was not on the team."""

    agents: tuple[str, ...]
    due_at: Times
    weights: Floats
    trust: Floats


def load_learner_state(
    connection: Connection, key: SettlementKey, by: datetime
) -> LearnerState | None:
    """Return the newest state that is in force on the bar that closed at `by`."""
    state_row = tables.LearnerStateRow
    query = (
        select(tables.table(state_row))
        .where(_matches(key), col(state_row.due_at) <= by)
        .order_by(col(state_row.as_of).desc())
        .limit(1)
    )
    found = connection.execute(query).first()
    return None if found is None else _learner_state(found)


def save_learner_states(
    connection: Connection,
    key: SettlementKey,
    states: Sequence[LearnerState],
    after: datetime | None,
) -> None:
    """Store the states that follow the one of the bar `after` (None: the first); do nothing if
    another process has stored states after it meanwhile."""
    if states and _latest_bar(connection, key) == after:
        rows = [_row(key, state) for state in states]
        insert_missing(connection, tables.LearnerStateRow, rows)


def load_influence_history(
    connection: Connection, key: SettlementKey, agents: Sequence[str]
) -> InfluenceHistory:
    """Return what was learnt under a key; K is 0 before the first round."""
    state_row = tables.LearnerStateRow
    query: Query = (
        select(
            col(state_row.due_at),
            col(state_row.agents),
            col(state_row.weights),
            col(state_row.trust),
        )
        .where(_matches(key))
        .order_by(col(state_row.as_of))
    )
    rows = connection.execute(query).all()
    history = np.full((2, len(rows), len(agents)), np.nan)
    for number, (_, named, *figures) in enumerate(rows):
        index_of = {agent: k for k, agent in enumerate(json.loads(named))}
        for kind, values in enumerate(map(json.loads, figures)):
            for column, agent in enumerate(agents):
                if agent in index_of:
                    history[kind, number, column] = values[index_of[agent]]
    due_at = np.array([to_microseconds(at) for at, *_ in rows], "datetime64[us]")
    return InfluenceHistory(tuple(agents), due_at, *history)


def _row(key: SettlementKey, state: LearnerState) -> RowValues:
    return {
        "market": key.market,
        "run": key.run,
        "calendar": key.calendar,
        "timeframe": key.timeframe.value,
        "horizon": key.horizon,
        "as_of": state.as_of,
        "due_at": state.due_at,
        "agents": canonical_text(state.agents),
        "weights": canonical_text(state.weights),
        "trust": canonical_text(state.trust),
        "ledger": canonical_text(state.memory),
    }


def _learner_state(state_row: Any) -> LearnerState:
    return LearnerState(
        state_row.as_of,
        state_row.due_at,
        tuple(json.loads(state_row.agents)),
        tuple(json.loads(state_row.weights)),
        tuple(json.loads(state_row.trust)),
        json.loads(state_row.ledger),
    )


def _latest_bar(connection: Connection, key: SettlementKey) -> datetime | None:
    as_of = col(tables.LearnerStateRow.as_of)
    return connection.scalars(
        select(as_of).where(_matches(key)).order_by(as_of.desc()).limit(1)
    ).first()


def _matches(key: SettlementKey) -> ColumnElement[bool]:
    state_row = tables.LearnerStateRow
    return and_(
        col(state_row.market) == key.market,
        col(state_row.run) == key.run,
        col(state_row.calendar) == key.calendar,
        col(state_row.timeframe) == key.timeframe.value,
        col(state_row.horizon) == key.horizon,
    )
