"""The scores of this run's record, cached until new outcomes are settled.

Promises that no record is scored twice, and that two concurrent requests wait for one computation.
Reads and scores in the calling thread: handlers that use it run in threads.
"""

from collections.abc import Sequence
from threading import Lock

from domain.events import Event, EventKind
from orchestrator.evaluation.record_scorer import RecordScorer, ScoredRecord

_RELEVANT_EVENTS = frozenset({EventKind.DECISION_SETTLED, EventKind.CYCLE_COMPLETED})


class ScoreCache:
    """Caches the scored record. Safe to use from several threads; `on_events` may be called from
    any."""

    def __init__(self, record_scorer: RecordScorer) -> None:
        self._record_scorer = record_scorer
        self._lock = Lock()
        self._current: ScoredRecord | None = None

    def on_events(self, events: Sequence[Event]) -> None:
        if any(event.kind in _RELEVANT_EVENTS for event in events):
            self._current = None

    def current(self) -> ScoredRecord:
        with self._lock:
            current = self._current
            if current is None:
                current = self._current = self._record_scorer.score()
            return current
