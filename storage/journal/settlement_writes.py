"""Settling: which decisions wait, and the one transaction in which they stop waiting.

Promises that a decision is settled once, whoever finds it due and however often, and that what
was learnt from a round is kept together with the outcomes it was learnt from. Leaves out what
comes of a decision (`orchestrator/evaluation/settlement.py`) and reading the record
(`outcomes.py`).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, or_, select
from sqlmodel import col

from domain.canonical import to_json
from domain.decision import Cycle
from domain.events import Event, EventKind
from domain.settlement import Line, Outcome, Pending, Said, Settlement
from storage import tables
from storage.journal import learner_state
from storage.journal.cycle_rows import Row, about, event_row, text

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


def awaited(connection: Connection, market: str, run: str, since: datetime) -> tuple[str, ...]:
    """Symbols with a decision that waits, of those on bars that closed after `since`."""
    waits, symbol = tables.Pending, col(tables.Decision.symbol)
    query = (
        select(symbol)
        .join_from(waits, tables.Decision, col(tables.Decision.seq) == col(waits.decision))
        .where(col(waits.market) == market, col(waits.run) == run, col(waits.as_of) > since)
        .distinct()
        .order_by(symbol)
    )
    return tuple(connection.scalars(query))


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
    learner_state.keep(connection, settlement.line, settlement.lessons, settlement.after)
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
