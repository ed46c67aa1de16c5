"""Scores the record of a run, with what its agents would have earned by it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from domain.canonical import to_json
from domain.instants import Times, to_datetime
from domain.panel import Floats, Panel
from domain.record import ForecastRecord, RunScope
from market.panels.panel_builder import PanelQuery, build_panels
from market.store import MarketDataStore
from orchestrator.evaluation.learning_benchmarks import LearningBenchmarks, learning_benchmarks
from orchestrator.evaluation.scores import RecordScores
from orchestrator.evaluation.scoring import score_record

WARMUP = timedelta(days=3 * 365)
"""History before the record, for forecasts of the quantile to warm up on."""


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


@dataclass(frozen=True, slots=True)
class RecordScorer:
    """Scores the run's record on the history known by `now`. `load_record` reads it over all
    calendars; `calibrated` says whether trust is in force."""

    run: RunScope
    store: MarketDataStore
    load_record: Callable[[], ForecastRecord]
    now: Callable[[], datetime]
    calibrated: bool

    def score(self) -> ScoredRecord:
        """Read and score the record; it takes seconds where there is much of it."""
        record = self.load_record()
        if not len(record.known_at):
            no_values = np.empty((0, 0))
            times = np.empty(0, "datetime64[us]")
            return ScoredRecord(
                None, None, (), times, no_values, {}, "", times, no_values, no_values
            )
        current_weights = dict(zip(record.agents, record.weights[-1].tolist(), strict=True))
        benchmarks = self.benchmarks(record)
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

    def benchmarks(self, record: ForecastRecord) -> LearningBenchmarks:
        """Compute what the record is held against."""
        return learning_benchmarks(record, self._stored_panels(record), calibrated=self.calibrated)

    def _stored_panels(self, record: ForecastRecord) -> Iterator[Panel]:
        """The history of the record's symbols, as far as any is stored still."""
        run = self.run
        stored = set(self.store.symbols(run.market, run.timeframe))
        symbols = [symbol for symbol in record.symbols if symbol in stored]
        if symbols:
            since = to_datetime(record.known_at[0]) - WARMUP
            built = build_panels(
                self.store,
                PanelQuery(
                    market=run.market,
                    symbols=symbols,
                    timeframe=run.timeframe,
                    as_of=self.now(),
                    horizon=record.horizon,
                    since=since,
                    simulated=run.simulated,
                ),
            )
            yield from (panel for panel, _ in built)
