"""The record as it is read: every vote of a run with its outcome, as arrays.

Promises that a run of some thousand bars is read in well under a second, and that of several
decisions on one symbol and bar the newest counts. Leaves out all scores: see
`orchestrator/evaluation/scoring.py`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, and_, select
from sqlmodel import col

from domain.panel import Floats, Ints
from domain.record import UNKNOWN_REGIME, ForecastRecord
from domain.timeframe import Timeframe
from storage import tables

Query = Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class SettledOutcome:
    """The outcome of one decision: see `domain.settlement.DecisionOutcome`. `median_change` is over
    the `settled_count` settled decisions of its cycle, this one included."""

    entry_at: datetime
    exit_at: datetime
    change: float
    regime: int
    settled_at: datetime
    median_change: float
    settled_count: int


@dataclass(frozen=True, slots=True, eq=False)
class _DecisionGrid:
    """The newest decision of each cell, K of them in order of cell, as columns (K,); `row` and
    `column` place them on a grid of `shape`."""

    seq: NDArray[np.int64]
    cycle: NDArray[np.int64]
    row: NDArray[np.int64]
    column: NDArray[np.int64]
    shape: tuple[int, int]

    def grid(self, values: Floats) -> Floats:
        filled = np.full(self.shape, np.nan)
        filled[self.row, self.column] = values
        return filled


def load_record(
    connection: Connection,
    market: str,
    run: str,
    timeframe: Timeframe,
    horizon: int,
    agents: Sequence[str],
    calendar: str | None,
) -> ForecastRecord:
    """Return the record of one calendar, or of all on the union of their bars. Outcomes over
    another horizon than `horizon` (in bars) are left out."""
    cycles = _cycles(connection, market, run, timeframe, calendar)
    rows = [each for each in _decisions(connection, market, run, horizon) if each[1] in cycles]
    seq, cycle, at, receipt, symbol, *figures = list(zip(*rows, strict=True)) or [()] * 9
    known_at, row = np.unique(np.array(at, np.int64), return_inverse=True)
    symbols, column = np.unique(np.array(symbol, "U"), return_inverse=True)
    newest = np.full((len(known_at), len(symbols)), -1)
    newest[row, column] = np.arange(len(seq))  # a cell's last decision stays
    kept = newest[newest >= 0]
    cells = _DecisionGrid(
        np.array(seq, np.int64)[kept],
        np.array(cycle, np.int64)[kept],
        row[kept],
        column[kept],
        newest.shape,
    )
    p_up, base_rate, change, regime = (np.array(each, np.float64)[kept] for each in figures)
    log_odds, quantile_5 = _votes(connection, market, run, agents, cells)
    weights, trust = _influence(cycles, agents, cells)
    return ForecastRecord(
        agents=tuple(agents),
        symbols=tuple(symbols.tolist()),
        known_at=known_at.astype("datetime64[us]"),
        horizon=horizon,
        log_odds=log_odds,
        pooled=cells.grid(np.log(p_up / (1.0 - p_up))),
        base_rate=cells.grid(base_rate),
        weights=weights,
        trust=trust,
        quantile_5=quantile_5,
        change=cells.grid(change),
        regime=_regimes(cells, regime),
        receipts={
            (r, c): receipt[k]
            for r, c, k in zip(
                cells.row.tolist(), cells.column.tolist(), kept.tolist(), strict=True
            )
        },
    )


def load_settled_outcome(connection: Connection, receipt: str) -> SettledOutcome | None:
    """Return the outcome; None for a receipt that is not settled, or that does not exist."""
    outcome, decision = tables.OutcomeRow, tables.DecisionRow
    query: Query = (
        select(
            col(decision.cycle),
            col(outcome.entry_at),
            col(outcome.exit_at),
            col(outcome.change),
            col(outcome.regime),
            col(outcome.settled_at),
        )
        .join_from(decision, outcome, col(outcome.decision) == col(decision.seq))
        .where(col(decision.receipt) == receipt)
    )
    found = connection.execute(query).first()
    if found is None:
        return None
    cycle, entry_at, exit_at, change, regime, settled_at = found
    same_cycle = (
        select(col(outcome.change))
        .join_from(decision, outcome, col(outcome.decision) == col(decision.seq))
        .where(col(decision.cycle) == cycle)
    )
    changes = list(connection.scalars(same_cycle))
    median = float(np.median(changes))
    return SettledOutcome(entry_at, exit_at, change, regime, settled_at, median, len(changes))


def _cycles(
    connection: Connection, market: str, run: str, timeframe: Timeframe, calendar: str | None
) -> dict[int, list[dict[str, Any]]]:
    """Return the agents of each cycle by its seq, as its inputs name them."""
    cycle = tables.CycleRow
    query: Query = select(col(cycle.seq), col(cycle.inputs)).where(
        col(cycle.market) == market,
        col(cycle.run) == run,
        col(cycle.timeframe) == timeframe.value,
    )
    if calendar is not None:
        query = query.where(col(cycle.calendar) == calendar)
    rows = connection.execute(query)
    return {seq: json.loads(inputs).get("agents", []) for seq, inputs in rows}


def _decisions(connection: Connection, market: str, run: str, horizon: int) -> list[Any]:
    """Return rows as the driver gives them, which is fast: instants in microseconds, oldest entry
    first."""
    decision, outcome = tables.DecisionRow, tables.OutcomeRow
    has_outcome = and_(col(outcome.decision) == col(decision.seq), col(outcome.horizon) == horizon)
    query: Query = (
        select(
            col(decision.seq),
            col(decision.cycle),
            col(decision.as_of),
            col(decision.receipt),
            col(decision.symbol),
            col(decision.p_up),
            col(decision.base_rate),
            col(outcome.change),
            col(outcome.regime),
        )
        .outerjoin_from(decision, outcome, has_outcome)
        .where(col(decision.market) == market, col(decision.run) == run)
        .order_by(col(decision.seq))
    )
    return _fetch_rows(connection, query)


def _votes(
    connection: Connection, market: str, run: str, agents: Sequence[str], cells: _DecisionGrid
) -> tuple[Floats, Floats]:
    """Return log-odds (A, R, N) and the forecast quantile (R, N)."""
    decision, vote = tables.DecisionRow, tables.VoteRow
    query: Query = (
        select(col(vote.decision), col(vote.agent), col(vote.log_odds), col(vote.quantile_5))
        .join_from(decision, vote, col(vote.decision) == col(decision.seq))
        .where(col(decision.market) == market, col(decision.run) == run)
    )
    rows = _fetch_rows(connection, query)
    of, agent, votes, forecast = list(zip(*rows, strict=True)) or [()] * 4
    index_of_agent = {name: agent_index for agent_index, name in enumerate(agents)}
    agent_index = np.array([index_of_agent.get(name, -1) for name in agent], np.int64)
    by_seq = np.argsort(cells.seq)
    place = np.searchsorted(cells.seq[by_seq], np.array(of, np.int64)).clip(max=len(by_seq) - 1)
    cell = by_seq[place] if len(by_seq) else place
    counts = (agent_index >= 0) & (cells.seq[cell] == np.array(of, np.int64))
    agent_index, cell = agent_index[counts], cell[counts]
    log_odds = np.full((len(agents), *cells.shape), np.nan)
    log_odds[agent_index, cells.row[cell], cells.column[cell]] = np.array(votes, np.float64)[counts]
    quantiles = np.array(forecast, np.float64)[counts]
    given = ~np.isnan(quantiles)
    quantile_5 = np.full(cells.shape, np.nan)
    quantile_5[cells.row[cell[given]], cells.column[cell[given]]] = quantiles[given]
    return log_odds, quantile_5


def _influence(
    cycles: Mapping[int, list[dict[str, Any]]], agents: Sequence[str], cells: _DecisionGrid
) -> tuple[Floats, Floats]:
    """Return weights and trust (R, A) of the newest cycle of each bar; cycles from before trust was
    recorded have a trust of 1."""
    newest = np.zeros(cells.shape[0], np.int64)
    np.maximum.at(newest, cells.row, cells.cycle)
    figures = np.empty((2, len(newest), len(agents)))
    for row, cycle in enumerate(newest.tolist()):
        team = {agent["name"]: agent for agent in cycles[cycle]}
        figures[0, row] = [team.get(name, {}).get("weight", 0.0) for name in agents]
        figures[1, row] = [team.get(name, {}).get("trust", 1.0) for name in agents]
    return figures[0], figures[1]


def _regimes(cells: _DecisionGrid, regime: Floats) -> Ints:
    regimes = np.full(cells.shape[0], UNKNOWN_REGIME, np.int32)
    known = ~np.isnan(regime)
    regimes[cells.row[known]] = regime[known].astype(np.int32)
    return regimes


def _fetch_rows(connection: Connection, query: Query) -> list[Any]:
    cursor: Any = connection.execute(query).cursor
    return list(cursor.fetchall())
