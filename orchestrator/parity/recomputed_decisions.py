"""A recorded period of a run, and the same period as a backtest computes it today.

The panels are built from the history as it is stored now, the agents vote once over all of it, and
the committee decides row after row as in a backtest. The record supplies which bars were decided
on, which symbols were followed and how much each agent counted. Leaves out comparing (`diff.py`)
and trading (`recomputed_trades.py`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np

from domain.decision import Decision
from domain.instants import to_datetime, to_datetime64
from domain.panel import Bools, Floats, Panel
from domain.symbols import calendar_of
from domain.timeframe import Timeframe
from domain.votes import AgentFactory
from market.panels.panel_builder import PanelQuery, build_panel_histories
from market.store import MarketDataStore
from orchestrator.committee.learned_weights import Influence
from orchestrator.committee.pooling import (
    Codes,
    CommitteeSettings,
    PooledVotes,
    collect_votes,
    pool_votes,
)
from orchestrator.committee.targets import TargetInputs, decide_rows, merge_calendars, target_inputs
from orchestrator.parity.historical_votes import HistoricalVotes, vote_with_recorded_versions
from orchestrator.ports import DecisionRecords


@dataclass(frozen=True, slots=True, eq=False)
class RecordedCycle:
    """A cycle as it was recorded: `values` are its inputs except the panel, `manifest` names the
    panel in the archive. `decisions` are by symbol."""

    calendar: str
    as_of: datetime
    values: Mapping[str, Any]
    manifest: Any
    decisions: Mapping[str, Decision]

    @property
    def settings(self) -> Mapping[str, Any]:
        settings: Mapping[str, Any] = self.values["committee"]
        return settings


@dataclass(frozen=True, slots=True, eq=False)
class CalendarRun:
    """One calendar recomputed: its panel of T bars, the agents' votes on rows `since` to T - 1 by
    agent, the pooled votes, and the recorded cycle of each of those rows (None if there is none).
    """

    panel: Panel
    since: int
    votes: Mapping[str, HistoricalVotes]
    pooled: PooledVotes
    blocked: Bools
    cycles: tuple[RecordedCycle | None, ...]

    def close_time(self, row: int) -> datetime:
        """Return when the voted row closed."""
        return to_datetime(self.panel.known_at[self.since + row])


@dataclass(frozen=True, slots=True, eq=False)
class RecomputedRun:
    """All calendars on one axis of K rows and N symbols, in order of time. Row k is the voted row
    `row_index[k][1]` of the calendar `row_index[k][0]`; `inputs` are the committee's inputs."""

    calendars: tuple[CalendarRun, ...]
    row_index: tuple[tuple[int, int], ...]
    inputs: TargetInputs

    @property
    def symbols(self) -> tuple[str, ...]:
        return self.inputs.symbols

    def close_time(self, row: int) -> datetime:
        part, own = self.row_index[row]
        return self.calendars[part].close_time(own)

    def locate(self, row: int) -> tuple[CalendarRun, int, RecordedCycle | None]:
        """Return the calendar, its own voted row, and the cycle that ran there."""
        part, own = self.row_index[row]
        return self.calendars[part], own, self.calendars[part].cycles[own]

    def decide_rows(
        self, rows: slice, previous: Mapping[str, float], settings: CommitteeSettings
    ) -> tuple[Codes, Floats]:
        """Return actions and targets (K, N) of those rows; `previous` are the targets before the
        first."""
        current = np.array([previous.get(symbol, 0.0) for symbol in self.symbols])
        return decide_rows(_slice_rows(self.inputs, rows), current, settings)


def load_cycles(
    records: DecisionRecords, market: str, run: str, after: datetime, until: datetime
) -> tuple[RecordedCycle, ...]:
    """Return the cycles on bars that closed after `after` and by `until`, in the order they were
    recorded."""
    cycles: dict[tuple[datetime, str], list[Any]] = {}
    for row in records.decisions_between(market, run, after, until):
        cycles.setdefault((row.as_of, row.digest), []).append(row)
    return tuple(_to_cycle(records, found) for found in cycles.values())


def recompute_run(
    store: MarketDataStore,
    market: str,
    cycles: Sequence[RecordedCycle],
    *,
    timeframe: Timeframe,
    horizon: int,
    simulated: bool,
    build: AgentFactory,
    settings: CommitteeSettings,
) -> RecomputedRun:
    """Recompute the cycles from today's history and today's `settings`, with the agents of that
    time.

    Raises UnknownSymbolError for a symbol that was decided on and is not stored any more.
    """
    symbols = tuple(dict.fromkeys(symbol for cycle in cycles for symbol in cycle.decisions))
    last = max(cycle.as_of for cycle in cycles)
    calendars = []
    for history in build_panel_histories(
        store,
        PanelQuery(
            market=market,
            symbols=symbols,
            timeframe=timeframe,
            as_of=last,
            horizon=horizon,
            simulated=simulated,
        ),
    ):
        panel = history.panel
        calendar_cycles = [cycle for cycle in cycles if cycle.calendar == panel.calendar]
        first = to_datetime64(min(cycle.as_of for cycle in calendar_cycles))
        row = int(np.searchsorted(panel.known_at, first))
        blocked = history.blocked[row:]
        calendars.append(_recompute_calendar(panel, row, blocked, calendar_cycles, build, settings))
    return _merge(calendars)


def _to_cycle(records: DecisionRecords, found: Sequence[Any]) -> RecordedCycle:
    one = found[0]
    inputs = records.inputs(one.decision.receipt)
    decisions = {recorded.decision.symbol: recorded.decision for recorded in found}
    calendar = calendar_of(one.decision.symbol)
    return RecordedCycle(calendar, one.as_of, inputs.values, inputs.panel, decisions)


def _recompute_calendar(
    panel: Panel,
    since: int,
    blocked: Bools,
    recorded_cycles: Iterable[RecordedCycle],
    build: AgentFactory,
    settings: CommitteeSettings,
) -> CalendarRun:
    by_close = {to_datetime64(cycle.as_of): cycle for cycle in recorded_cycles}  # the last on a bar
    cycles = tuple(by_close.get(at) for at in panel.known_at[since:])
    agents = _agent_names(cycles)
    recorded_agents = [cycle.values["agents"] if cycle else () for cycle in cycles]
    votes = {
        agent: vote_with_recorded_versions(panel, since, agent, recorded_agents, build)
        for agent in agents
    }
    vote_results = [vote.result for vote in votes.values()]
    pooled = pool_votes(
        collect_votes(panel, vote_results, since), _influence(cycles, agents), settings
    )
    return CalendarRun(panel, since, votes, pooled, blocked, cycles)


def _agent_names(cycles: Iterable[RecordedCycle | None]) -> tuple[str, ...]:
    """Return every agent that was ever on the team, in order of its first cycle."""
    return tuple(
        dict.fromkeys(
            agent["name"] for cycle in cycles if cycle for agent in cycle.values["agents"]
        )
    )


def _influence(cycles: Sequence[RecordedCycle | None], agents: Sequence[str]) -> Influence:
    """Return the influence (R, A) as it was recorded; zero weights where no cycle ran."""
    weights, trust = np.zeros((len(cycles), len(agents))), np.ones((len(cycles), len(agents)))
    for row, cycle in enumerate(cycles):
        for agent in cycle.values["agents"] if cycle else ():
            index = agents.index(agent["name"])
            weights[row, index], trust[row, index] = agent["weight"], agent.get("trust", 1.0)
    return Influence(weights, trust)


def _merge(calendars: Sequence[CalendarRun]) -> RecomputedRun:
    ends = [0, *np.cumsum([len(part.cycles) for part in calendars]).tolist()]
    known_at = np.concatenate([part.panel.known_at[part.since :] for part in calendars])
    order = np.argsort(known_at, kind="stable")
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order))
    widths = np.cumsum([0, *(len(part.panel.symbols) for part in calendars)]).tolist()
    rows = [place[a:b] for a, b in pairwise(ends)]
    columns = [slice(a, b) for a, b in pairwise(widths)]
    same_instant = np.append(False, known_at[order][1:] == known_at[order][:-1])
    inputs = [
        replace(target_inputs(part.pooled, part.blocked), present=_decided_symbols(part))
        for part in calendars
    ]
    where = [(p, r) for p, part in enumerate(calendars) for r in range(len(part.cycles))]
    return RecomputedRun(
        tuple(calendars),
        tuple(where[k] for k in order.tolist()),
        merge_calendars(inputs, rows, columns, same_instant),
    )


def _decided_symbols(part: CalendarRun) -> Bools:
    """Return (R, N): which symbols were decided on at the row."""
    return np.array(
        [
            [cycle is not None and symbol in cycle.decisions for symbol in part.panel.symbols]
            for cycle in part.cycles
        ],
        bool,
    )


def _slice_rows(inputs: TargetInputs, rows: slice) -> TargetInputs:
    names = (
        "edge", "p_up", "volatility", "cap", "voters", "has_risk_forecast", "blocked", "present",
    )  # fmt: skip
    same_instant = inputs.same_instant[rows].copy()
    same_instant[:1] = False
    return replace(
        inputs,
        **{name: getattr(inputs, name)[rows] for name in names},
        same_instant=same_instant,
        correlation_groups=replace(
            inputs.correlation_groups, matrix_index=inputs.correlation_groups.matrix_index[rows]
        ),
    )
