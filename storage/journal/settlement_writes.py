"""Settlement: which decisions are pending, and the one transaction in which they are settled.

Promises that a decision is settled once, whichever process finds it due and however often, and that
what was learnt from a round is stored together with the outcomes it was learnt from. Leaves out how
outcomes are computed (`orchestrator/evaluation/settlement.py`) and reading the record
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
from domain.settlement import (
    DecisionOutcome,
    PendingDecision,
    SettlementBatch,
    SettlementKey,
    VoteForecast,
)
from storage import tables
from storage.journal import learner_state
from storage.journal.cycle_rows import RowValues, canonical_text, event_context, event_row

_MAX_PARAMETERS = 5_000
"""Decisions named in one statement; both databases allow more."""


def pending_rows(cycle: Cycle, decisions: Iterable[RowValues], horizon: int) -> list[RowValues]:
    """Return rows of the table pending for a cycle's new rows of decision; a decision without a bar
    has no outcome to wait for."""
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


def load_pending(
    connection: Connection, key: SettlementKey, until: datetime
) -> tuple[PendingDecision, ...]:
    """Return decisions on bars that closed by `until`, oldest first; of horizons other than the
    key's, all that are pending."""
    pending_row, decision, vote = tables.PendingDecisionRow, tables.DecisionRow, tables.VoteRow
    query: Select[*tuple[Any, ...]] = (
        select(
            col(decision.seq),
            col(decision.receipt),
            col(decision.symbol),
            col(decision.as_of),
            col(pending_row.horizon),
            col(decision.p_up),
            col(decision.base_rate),
            col(vote.agent),
            col(vote.p_up).label("vote_p_up"),
            col(vote.log_odds),
        )
        .join_from(pending_row, decision, col(decision.seq) == col(pending_row.decision))
        .outerjoin(vote, col(vote.decision) == col(pending_row.decision))
        .where(
            col(pending_row.market) == key.market,
            col(pending_row.run) == key.run,
            col(pending_row.calendar) == key.calendar,
            col(pending_row.timeframe) == key.timeframe.value,
            or_(col(pending_row.as_of) <= until, col(pending_row.horizon) != key.horizon),
        )
        .order_by(col(pending_row.as_of), col(pending_row.decision), col(vote.position))
    )
    rows = connection.execute(query).all()
    return tuple(_pending(list(votes)) for _, votes in groupby(rows, attrgetter("seq")))


def unsettled_symbols(
    connection: Connection, market: str, run: str, since: datetime
) -> tuple[str, ...]:
    """Return the symbols with a pending decision on a bar that closed after `since`."""
    pending_row, symbol = tables.PendingDecisionRow, col(tables.DecisionRow.symbol)
    query = (
        select(symbol)
        .join_from(
            pending_row,
            tables.DecisionRow,
            col(tables.DecisionRow.seq) == col(pending_row.decision),
        )
        .where(
            col(pending_row.market) == market,
            col(pending_row.run) == run,
            col(pending_row.as_of) > since,
        )
        .distinct()
        .order_by(symbol)
    )
    return tuple(connection.scalars(query))


def settle(
    connection: Connection, batch: SettlementBatch, at: datetime, last_seq: int
) -> tuple[Event, ...]:
    """Store what is not stored yet and return its events, numbered from `last_seq` + 1.

    A decision that another process settled meanwhile is left as it is, and states that another
    process learnt meanwhile are not stored again.
    """
    claimed = _claim(connection, [outcome.decision.seq for outcome in batch.outcomes])
    new = [outcome for outcome in batch.outcomes if outcome.decision.seq in claimed]
    events = [
        _event(batch, outcome, at, seq) for seq, outcome in enumerate(new, start=last_seq + 1)
    ]
    if new:
        rows = [_outcome_row(*each, at) for each in zip(events, new, strict=True)]
        connection.execute(insert(tables.OutcomeRow), rows)
        event_rows = [event_row(event, canonical_text(event.payload)) for event in events]
        connection.execute(insert(tables.EventRow), event_rows)
    learner_state.save_learner_states(
        connection, batch.key, batch.learner_states, batch.previous_as_of
    )
    return tuple(events)


def _pending(votes: Sequence[Any]) -> PendingDecision:
    """Build a pending decision from its rows, a vote each."""
    seq, receipt, symbol, as_of, horizon, p_up, base_rate, *_ = votes[0]
    forecasts = tuple(VoteForecast(*vote[7:]) for vote in votes if vote.agent is not None)
    return PendingDecision(seq, receipt, symbol, as_of, horizon, p_up, base_rate, forecasts)


def _claim(connection: Connection, decisions: list[int]) -> set[int]:
    """Mark the decisions as settled. Return those that were still pending."""
    decision = col(tables.PendingDecisionRow.decision)
    claimed: set[int] = set()
    for start in range(0, len(decisions), _MAX_PARAMETERS):
        some = decisions[start : start + _MAX_PARAMETERS]
        statement = delete(tables.PendingDecisionRow).where(decision.in_(some)).returning(decision)
        claimed.update(connection.scalars(statement))
    return claimed


def _event(batch: SettlementBatch, outcome: DecisionOutcome, at: datetime, seq: int) -> Event:
    key, decision = batch.key, outcome.decision
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
        "agents": {forecast.agent: forecast.p_up for forecast in decision.forecasts},
        **event_context(key.market, batch.simulated, key.timeframe.value, decision.as_of),
    }
    kind = EventKind.DECISION_SETTLED
    return Event(seq, at, kind, key.run, decision.symbol, to_json(payload))


def _outcome_row(event: Event, outcome: DecisionOutcome, at: datetime) -> RowValues:
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
