"""A stretch of a run's record beside the same stretch as a backtest makes it today.

The panels are built from the history as it is stored now, the agents vote once over all of it, and
the committee's rows are folded as in a backtest. Taken from the record are which bars were decided
on, which symbols were followed and how much each agent counted. Leaves out comparing
(`parity.py`) and trading (`replayed_trades.py`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np

from domain.decision import Decision
from domain.panel import Floats, Panel
from domain.symbols import calendar_of
from domain.timeframe import Timeframe
from domain.votes import Builder
from market.calendars import instant, moment
from market.panels.panel_builder import build_history
from market.store import Library
from orchestrator.committee.learned_weights import Influence
from orchestrator.committee.pooling import Bools, Codes, CommitteeSettings, Tally, hear, tally
from orchestrator.committee.targets import Docket, docket, fold, woven
from orchestrator.parity.historical_votes import Voted, vote_as_then
from orchestrator.ports import Records


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A cycle as it was recorded: `values` are its inputs beside the panel, `manifest` names the
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
class Part:
    """One calendar today: panel of T bars, the agents' votes on rows `since` to T - 1 by agent,
    what they add up to, and the record's cycle on each of those rows (None where there is none)."""

    panel: Panel
    since: int
    voted: Mapping[str, Voted]
    tally: Tally
    blocked: Bools
    held: tuple[Held | None, ...]

    def closes(self, row: int) -> datetime:
        """When the voted row closed."""
        return moment(self.panel.known_at[self.since + row])


@dataclass(frozen=True, slots=True, eq=False)
class Again:
    """All calendars on one axis of K rows and N symbols, in order of time. Row k is the voted row
    `place[k][1]` of part `place[k][0]`, and `docket` what the committee had before it."""

    parts: tuple[Part, ...]
    place: tuple[tuple[int, int], ...]
    docket: Docket

    @property
    def symbols(self) -> tuple[str, ...]:
        return self.docket.symbols

    def closes(self, row: int) -> datetime:
        part, own = self.place[row]
        return self.parts[part].closes(own)

    def at(self, row: int) -> tuple[Part, int, Held | None]:
        """The part, its own voted row, and the cycle that was held there."""
        part, own = self.place[row]
        return self.parts[part], own, self.parts[part].held[own]

    def fold(
        self, rows: slice, previous: Mapping[str, float], settings: CommitteeSettings
    ) -> tuple[Codes, Floats]:
        """Actions and targets (K, N) of those rows; `previous` stood before the first."""
        standing = np.array([previous.get(symbol, 0.0) for symbol in self.symbols])
        return fold(_cut(self.docket, rows), standing, settings)


def recorded(
    records: Records, market: str, run: str, after: datetime, until: datetime
) -> tuple[Held, ...]:
    """The cycles on bars that closed after `after` and by `until`, in order of their record."""
    cycles: dict[tuple[datetime, str], list[Any]] = {}
    for each in records.decided(market, run, after, until):
        cycles.setdefault((each.as_of, each.digest), []).append(each)
    return tuple(_held(records, found) for found in cycles.values())


def again(
    library: Library,
    market: str,
    held: Sequence[Held],
    *,
    timeframe: Timeframe,
    horizon: int,
    simulated: bool,
    build: Builder,
    settings: CommitteeSettings,
) -> Again:
    """What today's history, the agents of then and today's `settings` make of the cycles that were
    held.

    Raises UnknownSymbolError where a symbol that was decided on is not stored any more.
    """
    symbols = tuple(dict.fromkeys(symbol for cycle in held for symbol in cycle.decisions))
    last = max(each.as_of for each in held)
    parts = []
    for panel, blocked in build_history(
        library, market, symbols, timeframe, last, horizon, simulated=simulated
    ):
        own = [cycle for cycle in held if cycle.calendar == panel.calendar]
        row = int(np.searchsorted(panel.known_at, instant(min(each.as_of for each in own))))
        parts.append(_part(panel, row, blocked[row:], own, build, settings))
    return _woven(parts)


def _held(records: Records, found: Sequence[Any]) -> Held:
    one = found[0]
    inputs = records.inputs(one.decision.receipt)
    decisions = {each.decision.symbol: each.decision for each in found}
    calendar = calendar_of(one.decision.symbol)
    return Held(calendar, one.as_of, inputs.values, inputs.panel, decisions)


def _part(
    panel: Panel,
    since: int,
    blocked: Bools,
    held: Iterable[Held],
    build: Builder,
    settings: CommitteeSettings,
) -> Part:
    by_close = {instant(cycle.as_of): cycle for cycle in held}  # of several on a bar the last
    cycles = tuple(by_close.get(at) for at in panel.known_at[since:])
    agents = _agents(cycles)
    seats = [cycle.values["agents"] if cycle else () for cycle in cycles]
    voted = {agent: vote_as_then(panel, since, agent, seats, build) for agent in agents}
    ballots = [each.ballot for each in voted.values()]
    added = tally(hear(panel, ballots, since), _influence(cycles, agents), settings)
    return Part(panel, since, voted, added, blocked, cycles)


def _agents(held: Iterable[Held | None]) -> tuple[str, ...]:
    """Everybody who was ever seated, as first seated."""
    return tuple(
        dict.fromkeys(agent["name"] for cycle in held if cycle for agent in cycle.values["agents"])
    )


def _influence(held: Sequence[Held | None], agents: Sequence[str]) -> Influence:
    """(R, A) as it was recorded; where no cycle was held it counts for nothing."""
    weights, trust = np.zeros((len(held), len(agents))), np.ones((len(held), len(agents)))
    for row, cycle in enumerate(held):
        for agent in cycle.values["agents"] if cycle else ():
            seat = agents.index(agent["name"])
            weights[row, seat], trust[row, seat] = agent["weight"], agent.get("trust", 1.0)
    return Influence(weights, trust)


def _woven(parts: Sequence[Part]) -> Again:
    ends = [0, *np.cumsum([len(part.held) for part in parts]).tolist()]
    known_at = np.concatenate([part.panel.known_at[part.since :] for part in parts])
    order = np.argsort(known_at, kind="stable")
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order))
    widths = np.cumsum([0, *(len(part.panel.symbols) for part in parts)]).tolist()
    rows = [place[a:b] for a, b in pairwise(ends)]
    columns = [slice(a, b) for a, b in pairwise(widths)]
    together = np.append(False, known_at[order][1:] == known_at[order][:-1])
    each = [replace(docket(part.tally, part.blocked), present=_followed(part)) for part in parts]
    where = [(p, r) for p, part in enumerate(parts) for r in range(len(part.held))]
    return Again(
        tuple(parts), tuple(where[k] for k in order.tolist()), woven(each, rows, columns, together)
    )


def _followed(part: Part) -> Bools:
    """(R, N): which symbols were decided on at the row, then."""
    return np.array(
        [
            [cycle is not None and symbol in cycle.decisions for symbol in part.panel.symbols]
            for cycle in part.held
        ],
        bool,
    )


def _cut(whole: Docket, rows: slice) -> Docket:
    names = ("edge", "p_up", "volatility", "cap", "voters", "risk_heard", "blocked", "present")
    together = whole.together[rows].copy()
    together[:1] = False
    return replace(
        whole,
        **{name: getattr(whole, name)[rows] for name in names},
        together=together,
        kinship=replace(whole.kinship, table=whole.kinship.table[rows]),
    )
