"""What pages and programs read of the journal: decisions as they stand and as they were.

Every query names its market and run, so that a replay never shows up among live decisions, and
is answered from an index. Leaves out the stream (`Journal.events_after`), how the record is put
together (`outcomes.py`) and all writing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlmodel import col

from domain.canonical import decision_from_json
from domain.decision import Decision
from domain.errors import NotFoundError
from domain.record import Record
from domain.settlement import Line
from domain.timeframe import Timeframe
from storage import tables
from storage.database import Database
from storage.journal import learner_state, outcomes
from storage.journal.latest_decisions import newest_decisions
from storage.journal.learner_state import InfluenceHistory
from storage.journal.outcomes import Aftermath
from storage.journal.panel_archive import PanelManifest

Query = Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A decision and the cycle it was made in. `seq` is the number of its `decision.made`."""

    decision: Decision
    as_of: datetime
    recorded_at: datetime
    market: str
    run: str
    simulated: bool
    timeframe: Timeframe
    digest: str
    seq: int


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a cycle was computed from: the panel (load it from the Archive) and `values`, all else
    that its orchestrator gave the journal."""

    panel: PanelManifest
    values: Mapping[str, Any]


class Records:
    """The read side of one database's journal."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def latest(self, market: str, run: str) -> tuple[Recorded, ...]:
        """The newest decision on every symbol, in order of symbol."""
        newest = col(tables.Decision.seq).in_(newest_decisions(market, run))
        return self._recorded(_decisions().where(newest).order_by(col(tables.Decision.symbol)))

    def decision(self, receipt: str) -> Recorded:
        known = col(tables.Decision.receipt) == _askable(receipt)
        found = self._recorded(_decisions().where(known))
        if not found:
            raise _no_receipt(receipt)
        return found[0]

    def inputs(self, receipt: str) -> Inputs:
        """What the decision can be recomputed from."""
        cycle, decision = tables.Cycle, tables.Decision
        query = (
            select(col(cycle.manifest), col(cycle.inputs))
            .join_from(cycle, decision, col(decision.cycle) == col(cycle.seq))
            .where(col(decision.receipt) == _askable(receipt))
        )
        with self._database.reading() as connection:
            found = connection.execute(query).first()
        if found is None:
            raise _no_receipt(receipt)
        manifest, values = found
        return Inputs(PanelManifest.from_json(json.loads(manifest)), json.loads(values))

    def history(self, market: str, run: str, symbol: str, limit: int) -> tuple[Recorded, ...]:
        """Decisions on one symbol, newest first."""
        return self._recorded(_newest_first(_decisions(), market, run, symbol).limit(limit))

    def decided(
        self, market: str, run: str, after: datetime, until: datetime
    ) -> tuple[Recorded, ...]:
        """Decisions on bars that closed after `after` and by `until`, as they were recorded."""
        as_of = col(tables.Decision.as_of)
        query = _of(_decisions(), market, run).where(as_of > after, as_of <= until)
        return self._recorded(query.order_by(col(tables.Decision.seq)))

    def feed(
        self, market: str, run: str, limit: int, before: int | None = None
    ) -> tuple[Recorded, ...]:
        """Decisions in the order in which they were recorded, newest first; the page after one
        that ended with `seq` starts `before` that seq."""
        seq = col(tables.Decision.seq)
        query = _of(_decisions(), market, run).order_by(seq.desc()).limit(limit)
        if before is not None:
            query = query.where(seq < tables.seq_within_range(before))
        return self._recorded(query)

    def runs(self, market: str) -> tuple[str, ...]:
        """Names of the runs recorded, the most recently active first."""
        run, seq = col(tables.Cycle.run), col(tables.Cycle.seq)
        query = (
            select(run)
            .where(col(tables.Cycle.market) == market)
            .group_by(run)
            .order_by(func.max(seq).desc())
        )
        with self._database.reading() as connection:
            return tuple(connection.scalars(query))

    def record(
        self,
        market: str,
        run: str,
        timeframe: Timeframe,
        horizon: int,
        agents: Sequence[str],
        calendar: str | None = None,
    ) -> Record:
        """Every vote of a run beside what came of it: on one calendar's bars, or (None) on all."""
        with self._database.reading() as connection:
            return outcomes.record(connection, market, run, timeframe, horizon, agents, calendar)

    def calendars(self, market: str, run: str) -> tuple[str, ...]:
        """Calendars on whose bars the run decided, in alphabetical order."""
        cycle, calendar = tables.Cycle, col(tables.Cycle.calendar)
        here = (col(cycle.market) == market, col(cycle.run) == run)
        query = select(calendar).where(*here).distinct().order_by(calendar)
        with self._database.reading() as connection:
            return tuple(connection.scalars(query))

    def settled_of(self, receipt: str) -> Aftermath | None:
        """What came of a decision; None until it is settled, or where there is none."""
        with self._database.reading() as connection:
            return outcomes.settled_of(connection, _askable(receipt))

    def influence(self, line: Line, agents: Sequence[str]) -> InfluenceHistory:
        """What was learnt of the agents over time."""
        with self._database.reading() as connection:
            return learner_state.history(connection, line, agents)

    def _recorded(self, query: Query) -> tuple[Recorded, ...]:
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return tuple(
            Recorded(
                decision_from_json(json.loads(body)),
                as_of,
                recorded_at,
                market,
                run,
                simulated,
                Timeframe(timeframe),
                digest,
                seq,
            )
            for body, as_of, recorded_at, market, run, simulated, timeframe, digest, seq in rows
        )


def _decisions() -> Query:
    decision, cycle = tables.Decision, tables.Cycle
    return select(
        col(decision.body),
        col(cycle.as_of),
        col(cycle.recorded_at),
        col(cycle.market),
        col(cycle.run),
        col(cycle.simulated),
        col(cycle.timeframe),
        col(cycle.digest),
        col(decision.seq),
    ).join_from(decision, cycle, col(cycle.seq) == col(decision.cycle))


def _of(query: Query, market: str, run: str) -> Query:
    return query.where(col(tables.Decision.market) == market, col(tables.Decision.run) == run)


def _newest_first(query: Query, market: str, run: str, symbol: str) -> Query:
    decision = tables.Decision
    return (
        _of(query, market, run)
        .where(col(decision.symbol) == symbol)
        .order_by(col(decision.as_of).desc(), col(decision.seq).desc())
    )


def _askable(receipt: str) -> str:
    """Refuses here what a database could not even compare, such as a zero byte."""
    if not (receipt.isascii() and receipt.isprintable()):
        raise _no_receipt(receipt)
    return receipt


def _no_receipt(receipt: str) -> NotFoundError:
    return NotFoundError(
        f"There is no decision with receipt {receipt[:60]!r}. A receipt looks like"
        " AAPL-20200302-0123456789ab and stands beside every decision."
    )
