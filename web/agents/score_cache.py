"""This run's record, scored once for as long as nothing new is settled.

Promises that a page never scores what is scored already, and that two who ask at once wait for
one answer. Reads and scores in the thread that asks: handlers that use it run in threads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np

from domain.canonical import to_json
from domain.events import Event, EventKind
from domain.panel import Floats, Times
from orchestrator.evaluation.scores import Scores
from orchestrator.evaluation.scoring import score
from web.agents.learning_benchmarks import hindsight
from web.services import House

_NEWS = frozenset({EventKind.DECISION_SETTLED, EventKind.CYCLE_COMPLETED})


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """`found` is None where nothing was ever voted on, `scores` the same as JSON. `weights` (R, A)
    were in force at `known_at` (R,), `now` are the newest, by agent. `earned` and `trust` (K, A)
    are what settled votes would have earned by `learnt_at` (K,), the bars of `calendar`, whatever
    is in force."""

    found: Scores | None
    scores: dict[str, Any] | None
    agents: tuple[str, ...]
    known_at: Times
    weights: Floats
    now: Mapping[str, float]
    calendar: str
    learnt_at: Times
    earned: Floats
    trust: Floats

    def newest(self, influence: Floats) -> dict[str, float]:
        """The last row of `influence` (K, A), by agent."""
        last = influence[-1].tolist() if len(influence) else ()
        return dict(zip(self.agents, last, strict=True))


class Scored:
    """Safe in threads. `take` is told of events, in any thread."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._lock = Lock()
        self._standing: Standing | None = None

    def take(self, events: Sequence[Event]) -> None:
        if any(event.kind in _NEWS for event in events):
            self._standing = None

    def standing(self) -> Standing:
        with self._lock:
            found = self._standing
            if found is None:
                found = self._standing = self._score()
            return found

    def _score(self) -> Standing:
        record = self._house.record()
        if not len(record.known_at):
            nothing = np.empty((0, 0))
            times = np.empty(0, "datetime64[us]")
            return Standing(None, None, (), times, nothing, {}, "", times, nothing, nothing)
        now = dict(zip(record.agents, record.weights[-1].tolist(), strict=True))
        beside = hindsight(self._house, record)
        found = score(record, changes=beside.changes, rivals=beside.rivals, earned=beside.earned)
        return Standing(
            found=found,
            scores=to_json(found),
            agents=record.agents,
            known_at=record.known_at,
            weights=record.weights,
            now=now,
            calendar=beside.calendar,
            learnt_at=record.known_at[beside.rows],
            earned=beside.earned.weights[beside.rows],
            trust=beside.trust[beside.rows],
        )
