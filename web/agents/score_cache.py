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
from orchestrator.evaluation.scores import RecordScores
from orchestrator.evaluation.scoring import score_record
from web.agents.learning_benchmarks import learning_benchmarks
from web.services import AppServices

_RELEVANT_EVENTS = frozenset({EventKind.DECISION_SETTLED, EventKind.CYCLE_COMPLETED})


@dataclass(frozen=True, slots=True, eq=False)
class ScoredRecord:
    """`scores` is None where nothing was ever voted on, `scores_json` the same as JSON. `weights`
    (R, A) were in force at `known_at` (R,), `current_weights` are the newest, by agent.
    `earned_weights` and `earned_trust` (K, A) are what settled votes would have earned by
    `learned_at` (K,), the bars of `calendar`, whatever is in force."""

    scores: RecordScores | None
    scores_json: dict[str, Any] | None
    agents: tuple[str, ...]
    known_at: Times
    weights: Floats
    current_weights: Mapping[str, float]
    calendar: str
    learned_at: Times
    earned_weights: Floats
    earned_trust: Floats

    def latest_by_agent(self, influence: Floats) -> dict[str, float]:
        """The last row of `influence` (K, A), by agent."""
        last = influence[-1].tolist() if len(influence) else ()
        return dict(zip(self.agents, last, strict=True))


class ScoreCache:
    """Safe in threads. `on_events` may be called in any thread."""

    def __init__(self, services: AppServices) -> None:
        self._services = services
        self._lock = Lock()
        self._current: ScoredRecord | None = None

    def on_events(self, events: Sequence[Event]) -> None:
        if any(event.kind in _RELEVANT_EVENTS for event in events):
            self._current = None

    def current(self) -> ScoredRecord:
        with self._lock:
            current = self._current
            if current is None:
                current = self._current = self._score()
            return current

    def _score(self) -> ScoredRecord:
        record = self._services.load_record()
        if not len(record.known_at):
            no_values = np.empty((0, 0))
            times = np.empty(0, "datetime64[us]")
            return ScoredRecord(
                None, None, (), times, no_values, {}, "", times, no_values, no_values
            )
        current_weights = dict(zip(record.agents, record.weights[-1].tolist(), strict=True))
        benchmarks = learning_benchmarks(self._services, record)
        scores = score_record(
            record,
            changes=benchmarks.changes,
            quantile_benchmarks=benchmarks.rivals,
            learned=benchmarks.earned_influence,
        )
        return ScoredRecord(
            scores=scores,
            scores_json=to_json(scores),
            agents=record.agents,
            known_at=record.known_at,
            weights=record.weights,
            current_weights=current_weights,
            calendar=benchmarks.calendar,
            learned_at=record.known_at[benchmarks.rows],
            earned_weights=benchmarks.earned_influence.weights[benchmarks.rows],
            earned_trust=benchmarks.earned_trust[benchmarks.rows],
        )
