"""What pages and programs read of the journal: the latest decisions and those before.

Every query names its market and run, so that a replay never shows up among live decisions, and is
answered from an index. Leaves out the stream (`SqlJournal.events_after`), how the record is built
(`outcomes.py`) and all writing.
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
from domain.record import ForecastRecord
from domain.settlement import SettlementKey
from domain.timeframe import Timeframe
from storage import tables
from storage.database import Database
from storage.journal import learner_state, outcomes
from storage.journal.latest_decisions import latest_decisions
from storage.journal.learner_state import InfluenceHistory
from storage.journal.outcomes import SettledOutcome
from storage.journal.panel_archive import PanelManifest

Query = Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class RecordedDecision:
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
class CycleInputs:
    """The inputs of a cycle: the panel (load it from the archive) and `values`, all other inputs
    that the orchestrator passed to the journal."""

    panel: PanelManifest
    values: Mapping[str, Any]


class SqlDecisionRecords:
    """The read side of one database's journal."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def latest(self, market: str, run: str) -> tuple[RecordedDecision, ...]:
        """Return the newest decision on every symbol, in order of symbol."""
        newest = col(tables.DecisionRow.seq).in_(latest_decisions(market, run))
        return self._read(_decisions().where(newest).order_by(col(tables.DecisionRow.symbol)))

    def decision(self, receipt: str) -> RecordedDecision:
        known = col(tables.DecisionRow.receipt) == _valid_receipt(receipt)
        found = self._read(_decisions().where(known))
        if not found:
            raise _receipt_not_found(receipt)
        return found[0]

    def inputs(self, receipt: str) -> CycleInputs:
        """Return the inputs from which the decision can be recomputed."""
        cycle, decision = tables.CycleRow, tables.DecisionRow
        query = (
            select(col(cycle.manifest), col(cycle.inputs))
            .join_from(cycle, decision, col(decision.cycle) == col(cycle.seq))
            .where(col(decision.receipt) == _valid_receipt(receipt))
        )
        with self._database.reading() as connection:
            found = connection.execute(query).first()
        if found is None:
            raise _receipt_not_found(receipt)
        manifest, values = found
        return CycleInputs(PanelManifest.from_json(json.loads(manifest)), json.loads(values))

    def history(
        self, market: str, run: str, symbol: str, limit: int
    ) -> tuple[RecordedDecision, ...]:
        """Return decisions on one symbol, newest first."""
        return self._read(_newest_first(_decisions(), market, run, symbol).limit(limit))

    def decisions_between(
        self, market: str, run: str, after: datetime, until: datetime
    ) -> tuple[RecordedDecision, ...]:
        """Return decisions on bars that closed after `after` and by `until`, in the order they were
        recorded."""
        as_of = col(tables.DecisionRow.as_of)
        query = _of_run(_decisions(), market, run).where(as_of > after, as_of <= until)
        return self._read(query.order_by(col(tables.DecisionRow.seq)))

    def feed(
        self, market: str, run: str, limit: int, before: int | None = None
    ) -> tuple[RecordedDecision, ...]:
        """Return decisions in the order in which they were recorded, newest first; the page after
        one that ended with `seq` starts `before` that seq."""
        seq = col(tables.DecisionRow.seq)
        query = _of_run(_decisions(), market, run).order_by(seq.desc()).limit(limit)
        if before is not None:
            query = query.where(seq < tables.seq_within_range(before))
        return self._read(query)

    def runs(self, market: str) -> tuple[str, ...]:
        """Return the names of recorded runs, the most recently active first."""
        run, seq = col(tables.CycleRow.run), col(tables.CycleRow.seq)
        query = (
            select(run)
            .where(col(tables.CycleRow.market) == market)
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
    ) -> ForecastRecord:
        """Return every vote of a run with its outcome: on one calendar's bars, or (None) on all."""
        with self._database.reading() as connection:
            return outcomes.load_record(
                connection, market, run, timeframe, horizon, agents, calendar
            )

    def calendars(self, market: str, run: str) -> tuple[str, ...]:
        """Return the calendars on whose bars the run decided, in alphabetical order."""
        cycle, calendar = tables.CycleRow, col(tables.CycleRow.calendar)
        here = (col(cycle.market) == market, col(cycle.run) == run)
        query = select(calendar).where(*here).distinct().order_by(calendar)
        with self._database.reading() as connection:
            return tuple(connection.scalars(query))

    def settled_outcome(self, receipt: str) -> SettledOutcome | None:
        """Return the outcome of a decision; None until it is settled, or if there is none."""
        with self._database.reading() as connection:
            return outcomes.load_settled_outcome(connection, _valid_receipt(receipt))

    def influence_history(self, key: SettlementKey, agents: Sequence[str]) -> InfluenceHistory:
        """Return what was learnt of the agents over time."""
        with self._database.reading() as connection:
            return learner_state.load_influence_history(connection, key, agents)

    def _read(self, query: Query) -> tuple[RecordedDecision, ...]:
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return tuple(
            RecordedDecision(
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
    decision, cycle = tables.DecisionRow, tables.CycleRow
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


def _of_run(query: Query, market: str, run: str) -> Query:
    return query.where(col(tables.DecisionRow.market) == market, col(tables.DecisionRow.run) == run)


def _newest_first(query: Query, market: str, run: str, symbol: str) -> Query:
    decision = tables.DecisionRow
    return (
        _of_run(query, market, run)
        .where(col(decision.symbol) == symbol)
        .order_by(col(decision.as_of).desc(), col(decision.seq).desc())
    )


def _valid_receipt(receipt: str) -> str:
    """Refuse a receipt that a database could not even compare, such as one with a zero byte."""
    if not (receipt.isascii() and receipt.isprintable()):
        raise _receipt_not_found(receipt)
    return receipt


def _receipt_not_found(receipt: str) -> NotFoundError:
    return NotFoundError(
        f"There is no decision with receipt {receipt[:60]!r}. A receipt looks like"
        " AAPL-20200302-0123456789ab and stands beside every decision."
    )
