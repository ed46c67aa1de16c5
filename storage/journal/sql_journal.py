"""What happened, in order, once: the append-only journal of cycles and events.

Promises that a cycle is recorded as a whole or not at all, that the same cycle again changes
nothing, and that events are numbered without a gap in the order of their commits, whichever
process wrote them. Leaves out settling (`settling.py`), reading for pages (`records.py`) and
publishing.
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
from domain.settlement import Lesson, Line, Pending, Settlement
from storage import tables
from storage.database import Database, insert_missing
from storage.journal import learner_state, panel_archive, settlement_writes
from storage.journal.cycle_rows import Document, about, entries, event_row, plain_text, text
from storage.journal.latest_decisions import newest_decisions

Told = tuple[EventKind, str | None, Mapping[str, Any]]
"""What an event says: its kind, symbol and payload."""


_LOCK = (
    update(tables.Head)
    .values(last_seq=col(tables.Head.last_seq))
    .returning(col(tables.Head.last_seq))
)
_UNLOCK = update(tables.Head).values(last_seq=bindparam("seq"))


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Pen:
    """The right to write events, one holder at a time; `seq` is the last number used."""

    connection: Connection
    at: datetime
    seq: int

    def write(
        self, kind: EventKind, run: str, symbol: str | None, payload: Mapping[str, Any]
    ) -> Event:
        """An event that is not part of a cycle."""
        return self.tell(run, [(kind, symbol, payload)])[0]

    def tell(self, run: str, told: Sequence[Told]) -> tuple[Event, ...]:
        """Events of one run that are not part of a cycle, in this order."""
        events = tuple(
            Event(seq, self.at, kind, run, symbol, to_json(payload))
            for seq, (kind, symbol, payload) in enumerate(told, start=self.seq + 1)
        )
        if events:
            rows = [event_row(event, plain_text(event.payload)) for event in events]
            self.connection.execute(insert(tables.Event), rows)
            self.seq = events[-1].seq
        return events

    def record(self, cycle: Cycle, manifest: str, inputs: str, horizon: int) -> tuple[Event, ...]:
        made = entries(cycle, manifest, inputs, self.at, self.seq)
        for table, rows in (
            (tables.Cycle, [made.cycle]),
            (tables.Decision, made.decisions),
            (tables.Pending, settlement_writes.pending_rows(cycle, made.decisions, horizon)),
            (tables.Vote, made.votes),
            (tables.Event, made.event_rows),
        ):
            if rows:
                self.connection.execute(insert(table), rows)
        self.seq = made.events[-1].seq
        return tuple(made.events)

    def settle(self, settlement: Settlement) -> tuple[Event, ...]:
        events = settlement_writes.settle(self.connection, settlement, self.at, self.seq)
        self.seq += len(events)
        return events


class Journal:
    """The journal of one database. `now` stamps what is written."""

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now

    @property
    def epoch(self) -> str:
        """Names this database among all others; together with seq it names an event."""
        with self._database.reading() as connection:
            return connection.scalars(select(col(tables.Head.epoch))).one()

    def last_seq(self) -> int:
        """0 before the first event."""
        with self._database.reading() as connection:
            return connection.scalars(select(col(tables.Head.last_seq))).one()

    @contextmanager
    def pen(self) -> Iterator[Pen]:
        """A transaction that writes events: all of them, or none on an exception."""
        with self._database.writing() as connection:
            pen = Pen(connection, self._now(), connection.scalars(_LOCK).one())
            yield pen
            connection.execute(_UNLOCK, {"seq": pen.seq})

    def record(
        self,
        cycle: Cycle,
        panel: Panel,
        inputs: Mapping[str, Any],
        then: Callable[[Pen], Sequence[Event]] | None = None,
    ) -> tuple[Event, ...]:
        """Keep the cycle, its panel and its other inputs (plain JSON) in one transaction.

        Returns its events: for each decision its votes and then itself, `cycle.completed`, and
        whatever `then` wrote with the same pen: what follows from a cycle exists if and only if
        the cycle is recorded. Empty, and `then` not called, if a cycle of the same digest is
        recorded already.
        """
        digest = col(tables.Cycle.digest)
        with self.pen() as pen:
            if pen.connection.scalars(select(digest).where(digest == cycle.digest)).first():
                return ()
            manifest = panel_archive.store(pen.connection, panel)
            events = pen.record(cycle, text(manifest), text(inputs), panel.horizon)
            return (*events, *then(pen)) if then else events

    def pending(self, line: Line, until: datetime) -> tuple[Pending, ...]:
        """Decisions without an outcome on bars that closed by `until`, oldest first; of other
        horizons than the line's all that wait."""
        with self._database.reading() as connection:
            return settlement_writes.pending(connection, line, until)

    def awaited(self, market: str, run: str, since: datetime) -> tuple[str, ...]:
        """Symbols whose decisions on bars that closed after `since` wait for their outcome."""
        with self._database.reading() as connection:
            return settlement_writes.awaited(connection, market, run, since)

    def lesson(self, line: Line, by: datetime) -> Lesson | None:
        """The newest that is in force on the bar that closed at `by`; None before the first."""
        with self._database.reading() as connection:
            return learner_state.newest(connection, line, by)

    def settle(self, settlement: Settlement) -> tuple[Event, ...]:
        """Keep outcomes and lessons in one transaction; returns a `decision.settled` for each
        decision that nobody settled before."""
        with self.pen() as pen:
            return pen.settle(settlement)

    def append(
        self, kind: EventKind, run: str, symbol: str | None, payload: Mapping[str, Any]
    ) -> Event:
        """Record something that is not part of a cycle."""
        with self.pen() as pen:
            return pen.write(kind, run, symbol, payload)

    def events_after(self, seq: int, limit: int = 500) -> tuple[Event, ...]:
        """The first events with a larger number, at most `limit`."""
        event, vote = tables.Event, tables.Vote
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
            untold = {decision for *_, payload, decision, _ in rows if payload is None}
            documents = _documents(connection, untold)
        events = []
        for number, at, kind, run, symbol, payload, decision, position in rows:
            told = documents[decision].payload(position) if payload is None else json.loads(payload)
            events.append(Event(number, at, EventKind(kind), run, symbol, told))
        return tuple(events)

    def engine_state(self, market: str, run: str) -> tuple[EngineState, str | None]:
        """The state of the run's engine and why it is so; running until somebody says otherwise."""
        with self._database.reading() as connection:
            return _engine_state(connection, market, run)

    def set_engine_state(
        self, market: str, run: str, state: EngineState, reason: str | None = None
    ) -> Event | None:
        """Keep the state and its reason across restarts.

        Returns the event of the change; None if it was so already.
        """
        with self.pen() as pen:
            previous = _engine_state(pen.connection, market, run)
            if (state, reason) == previous:
                return None
            _put_engine_state(pen.connection, market, run, state, reason)
            payload = {
                "market": market,
                "run": run,
                "state": state,
                "previous": previous[0],
                "reason": reason,
            }
            return pen.write(EventKind.ENGINE_CHANGED, run, None, payload)

    def cursor(self, market: str, run: str, calendar: str) -> datetime | None:
        """Close of the newest bar recorded; None before the first."""
        cycle = tables.Cycle
        query = select(func.max(col(cycle.as_of))).where(
            col(cycle.market) == market, col(cycle.run) == run, col(cycle.calendar) == calendar
        )
        with self._database.reading() as connection:
            return connection.scalars(query).one()

    def previous_targets(
        self, market: str, run: str, before: datetime | None = None
    ) -> dict[str, float]:
        """Newest target weight of every symbol ever decided.

        With `before`, of decisions made strictly before that instant: what a cycle that closes
        then must use, so that running it again after it was recorded gives the same digest.
        """
        decision = tables.Decision
        query = (
            select(col(decision.symbol), col(decision.target_weight))
            .where(col(decision.seq).in_(newest_decisions(market, run, before)))
            .order_by(col(decision.symbol))
        )
        with self._database.reading() as connection:
            return {row.symbol: row.target_weight for row in connection.execute(query)}


def _documents(connection: Connection, decisions: set[int]) -> dict[int, Document]:
    decision, cycle = tables.Decision, tables.Cycle
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
        seq: Document(json.loads(body), about(market, simulated, timeframe, as_of))
        for seq, body, market, simulated, timeframe, as_of in connection.execute(query)
    }


def _engine_state(connection: Connection, market: str, run: str) -> tuple[EngineState, str | None]:
    engine = tables.Engine
    query = select(col(engine.state), col(engine.reason)).where(
        col(engine.market) == market, col(engine.run) == run
    )
    stored = connection.execute(query).first()
    return (EngineState(stored.state), stored.reason) if stored else (EngineState.RUNNING, None)


def _put_engine_state(
    connection: Connection, market: str, run: str, state: EngineState, reason: str | None
) -> None:
    engine, key = tables.Engine, {"market": market, "run": run}
    insert_missing(connection, engine, [{**key, "state": state.value}])
    connection.execute(update(engine).filter_by(**key).values(state=state.value, reason=reason))
