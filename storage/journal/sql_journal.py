"""The append-only journal of cycles and events: what happened, in order, once.

Promises that a cycle is recorded as a whole or not at all, that the same cycle again changes
nothing, and that events are numbered without a gap in the order of their commits, whichever
process wrote them. Leaves out settlement (`settlement_writes.py`), reading for pages
(`decision_records.py`) and publishing.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update
from sqlmodel import col

from domain.canonical import to_json
from domain.decision import Cycle
from domain.events import EngineState, Event, EventKind
from domain.panel import Panel
from domain.settlement import LearnerState, PendingDecision, SettlementBatch, SettlementKey
from storage import tables
from storage.database import Database, insert_missing
from storage.journal import learner_state, panel_archive, settlement_writes
from storage.journal.cycle_rows import (
    DecisionDocument,
    build_cycle_rows,
    canonical_text,
    event_context,
    event_row,
    plain_json_text,
)
from storage.journal.latest_decisions import latest_decisions

EventDraft = tuple[EventKind, str | None, Mapping[str, Any]]
"""The parts of an event: its kind, symbol and payload."""


_LOCK = (
    update(tables.JournalHeadRow)
    .values(last_seq=col(tables.JournalHeadRow.last_seq))
    .returning(col(tables.JournalHeadRow.last_seq))
)
_UNLOCK = update(tables.JournalHeadRow).values(last_seq=bindparam("seq"))


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class SqlUnitOfWork:
    """Writes in one transaction, one holder at a time; `last_seq` is the last event's number."""

    connection: Connection
    recorded_at: datetime
    last_seq: int

    def append(
        self, kind: EventKind, run: str, symbol: str | None, payload: Mapping[str, Any]
    ) -> Event:
        """Write an event that is not part of a cycle."""
        return self.append_all(run, [(kind, symbol, payload)])[0]

    def append_all(self, run: str, drafts: Sequence[EventDraft]) -> tuple[Event, ...]:
        """Write events of one run that are not part of a cycle, in this order."""
        events = tuple(
            Event(seq, self.recorded_at, kind, run, symbol, to_json(payload))
            for seq, (kind, symbol, payload) in enumerate(drafts, start=self.last_seq + 1)
        )
        if events:
            rows = [event_row(event, plain_json_text(event.payload)) for event in events]
            self.connection.execute(insert(tables.EventRow), rows)
            self.last_seq = events[-1].seq
        return events

    def record(self, cycle: Cycle, panel: Panel, inputs: Mapping[str, Any]) -> tuple[Event, ...]:
        """Store the cycle, its panel and its other inputs (plain JSON).

        Returns its events: for each decision its votes and then itself, then `cycle.completed`.
        Returns none if a cycle of the same digest is recorded already.
        """
        digest = col(tables.CycleRow.digest)
        if self.connection.scalars(select(digest).where(digest == cycle.digest)).first():
            return ()
        manifest = canonical_text(panel_archive.store_panel(self.connection, panel))
        cycle_rows = build_cycle_rows(
            cycle, manifest, canonical_text(inputs), self.recorded_at, self.last_seq
        )
        for table, rows in (
            (tables.CycleRow, [cycle_rows.cycle]),
            (tables.DecisionRow, cycle_rows.decisions),
            (
                tables.PendingDecisionRow,
                settlement_writes.pending_rows(cycle, cycle_rows.decisions, panel.horizon),
            ),
            (tables.VoteRow, cycle_rows.votes),
            (tables.EventRow, cycle_rows.event_rows),
        ):
            if rows:
                self.connection.execute(insert(table), rows)
        self.last_seq = cycle_rows.events[-1].seq
        return tuple(cycle_rows.events)

    def settle(self, batch: SettlementBatch) -> tuple[Event, ...]:
        events = settlement_writes.settle(self.connection, batch, self.recorded_at, self.last_seq)
        self.last_seq += len(events)
        return events


class SqlJournal:
    """The journal of one database. `now` stamps what is written."""

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now

    @property
    def epoch(self) -> str:
        """A name for this database that no other has; together with seq it names an event."""
        with self._database.reading() as connection:
            return connection.scalars(select(col(tables.JournalHeadRow.epoch))).one()

    def last_seq(self) -> int:
        """The number of the newest event; 0 before the first."""
        with self._database.reading() as connection:
            return connection.scalars(select(col(tables.JournalHeadRow.last_seq))).one()

    @contextmanager
    def unit_of_work(self) -> Iterator[SqlUnitOfWork]:
        """Open a transaction that writes events: all of them, or none on an exception."""
        with self._database.writing() as connection:
            uow = SqlUnitOfWork(connection, self._now(), connection.scalars(_LOCK).one())
            yield uow
            connection.execute(_UNLOCK, {"seq": uow.last_seq})

    def record(self, cycle: Cycle, panel: Panel, inputs: Mapping[str, Any]) -> tuple[Event, ...]:
        """Store a cycle in a transaction of its own: see `SqlUnitOfWork.record`."""
        with self.unit_of_work() as uow:
            return uow.record(cycle, panel, inputs)

    def pending(self, key: SettlementKey, until: datetime) -> tuple[PendingDecision, ...]:
        """Return decisions without an outcome on bars that closed by `until`, oldest first; of
        horizons other than the key's, all that are pending."""
        with self._database.reading() as connection:
            return settlement_writes.load_pending(connection, key, until)

    def unsettled_symbols(self, market: str, run: str, since: datetime) -> tuple[str, ...]:
        """Return the symbols with a pending decision on a bar that closed after `since`."""
        with self._database.reading() as connection:
            return settlement_writes.unsettled_symbols(connection, market, run, since)

    def learner_state(self, key: SettlementKey, by: datetime) -> LearnerState | None:
        """Return the newest state in force on the bar that closed at `by`; None before the
        first."""
        with self._database.reading() as connection:
            return learner_state.load_learner_state(connection, key, by)

    def settle(self, batch: SettlementBatch) -> tuple[Event, ...]:
        """Store outcomes and learner states in one transaction. Return a `decision.settled` for
        each decision that was not settled before."""
        with self.unit_of_work() as uow:
            return uow.settle(batch)

    def append(
        self, kind: EventKind, run: str, symbol: str | None, payload: Mapping[str, Any]
    ) -> Event:
        """Record an event that is not part of a cycle."""
        with self.unit_of_work() as uow:
            return uow.append(kind, run, symbol, payload)

    def events_after(self, seq: int, limit: int = 500) -> tuple[Event, ...]:
        """Return the first events with a larger number, at most `limit`."""
        event, vote = tables.EventRow, tables.VoteRow
        query = (
            select(
                col(event.seq),
                col(event.at),
                col(event.kind),
                col(event.run),
                col(event.symbol),
                col(event.payload),
                func.coalesce(col(vote.decision), col(event.seq)),
                col(vote.position),
            )
            .outerjoin_from(event, vote, col(vote.seq) == col(event.seq))
            .where(col(event.seq) > tables.seq_within_range(seq))
            .order_by(col(event.seq))
            .limit(limit)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
            decision_seqs = {decision for *_, payload, decision, _ in rows if payload is None}
            documents = _documents(connection, decision_seqs)
        events = []
        for number, at, kind, run, symbol, payload, decision, position in rows:
            if payload is None:
                content = documents[decision].payload(position)
            else:
                content = json.loads(payload)
            events.append(Event(number, at, EventKind(kind), run, symbol, content))
        return tuple(events)

    def engine_state(self, market: str, run: str) -> tuple[EngineState, str | None]:
        """Return the state of the run's engine and its reason; running until it is set
        otherwise."""
        with self._database.reading() as connection:
            return _engine_state(connection, market, run)

    def set_engine_state(
        self, market: str, run: str, state: EngineState, reason: str | None = None
    ) -> Event | None:
        """Store the state and its reason, which persist over restarts.

        Returns the event of the change; None if the state was the same already.
        """
        with self.unit_of_work() as uow:
            previous = _engine_state(uow.connection, market, run)
            if (state, reason) == previous:
                return None
            _put_engine_state(uow.connection, market, run, state, reason)
            payload = {
                "market": market,
                "run": run,
                "state": state,
                "previous": previous[0],
                "reason": reason,
            }
            return uow.append(EventKind.ENGINE_CHANGED, run, None, payload)

    def cursor(self, market: str, run: str, calendar: str) -> datetime | None:
        """Return the close of the newest bar recorded; None before the first."""
        cycle = tables.CycleRow
        query = select(func.max(col(cycle.as_of))).where(
            col(cycle.market) == market, col(cycle.run) == run, col(cycle.calendar) == calendar
        )
        with self._database.reading() as connection:
            return connection.scalars(query).one()

    def previous_targets(
        self, market: str, run: str, before: datetime | None = None
    ) -> dict[str, float]:
        """Return the newest target weight of every symbol ever decided.

        With `before`, of decisions made strictly before that instant: a cycle that closes then must
        use these, so that running it again after it was recorded gives the same digest.
        """
        decision = tables.DecisionRow
        query = (
            select(col(decision.symbol), col(decision.target_weight))
            .where(col(decision.seq).in_(latest_decisions(market, run, before)))
            .order_by(col(decision.symbol))
        )
        with self._database.reading() as connection:
            return {row.symbol: row.target_weight for row in connection.execute(query)}


def _documents(connection: Connection, decisions: set[int]) -> dict[int, DecisionDocument]:
    decision, cycle = tables.DecisionRow, tables.CycleRow
    query = (
        select(
            col(decision.seq),
            col(decision.body),
            col(cycle.market),
            col(cycle.simulated),
            col(cycle.timeframe),
            col(cycle.as_of),
        )
        .join_from(decision, cycle, col(cycle.seq) == col(decision.cycle))
        .where(col(decision.seq).in_(decisions))
    )
    return {
        seq: DecisionDocument(json.loads(body), event_context(market, simulated, timeframe, as_of))
        for seq, body, market, simulated, timeframe, as_of in connection.execute(query)
    }


def _engine_state(connection: Connection, market: str, run: str) -> tuple[EngineState, str | None]:
    engine = tables.EngineStateRow
    query = select(col(engine.state), col(engine.reason)).where(
        col(engine.market) == market, col(engine.run) == run
    )
    stored = connection.execute(query).first()
    return (EngineState(stored.state), stored.reason) if stored else (EngineState.RUNNING, None)


def _put_engine_state(
    connection: Connection, market: str, run: str, state: EngineState, reason: str | None
) -> None:
    engine, key = tables.EngineStateRow, {"market": market, "run": run}
    insert_missing(connection, engine, [{**key, "state": state.value}])
    connection.execute(update(engine).filter_by(**key).values(state=state.value, reason=reason))
