"""What a live record is compared with: weights to be earned, other horizons, rival quantiles.

The same functions that score a backtest, on this run's votes and on the history known by now; a
calendar at a time, as its agents learn. Leaves out the scores (`scoring.py`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from domain.panel import Floats, Panel
from domain.record import ForecastRecord
from domain.symbols import calendar_of
from orchestrator.committee.learned_weights import Influence, influence_by_row
from orchestrator.evaluation.forward_returns import forward_returns_over
from orchestrator.evaluation.quantile_scores import benchmark_quantiles

HORIZONS = (1, 2, 3, 5, 10, 20)
"""Bars over which the decay of the evidence is shown."""


@dataclass(frozen=True, slots=True, eq=False)
class LearningBenchmarks:
    """`changes` and `rivals` (R, N) as `score_record` of `orchestrator/evaluation/scoring.py` takes
    them. `earned_influence` would be in force at each row, and `earned_trust` (R, A) too, had the
    settings asked for them. `rows` are those of `calendar`, on which most symbols trade: each
    calendar learns by itself, so one is shown."""

    changes: dict[int, Floats]
    rivals: dict[str, Floats]
    earned_influence: Influence
    earned_trust: Floats
    calendar: str
    rows: NDArray[np.intp]


def learning_benchmarks(
    record: ForecastRecord, panels: Iterable[Panel], *, calibrated: bool
) -> LearningBenchmarks:
    """Compute the benchmarks of a record; `panels` hold the history of its symbols."""
    influence = influence_from_record(record, calibrated=calibrated)
    trust = influence_from_record(record, calibrated=True).trust
    changes = {bars: np.full(record.change.shape, np.nan) for bars in HORIZONS}
    rivals: dict[str, Floats] = {}
    for panel in panels:
        since = int(np.searchsorted(panel.known_at, record.known_at[0]))
        cells = _RecordCells(panel, since, record)
        for bars, change in changes.items():
            cells.fill(change, forward_returns_over(panel, since, bars))
        for name, forecast in benchmark_quantiles(panel, since).items():
            cells.fill(rivals.setdefault(name, np.full(record.change.shape, np.nan)), forecast)
    calendar, columns = max(_by_calendar(record.symbols), key=lambda each: len(each[1]))
    return LearningBenchmarks(
        changes, rivals, influence, trust, calendar, _rows_with_bars(record, columns)
    )


def influence_from_record(record: ForecastRecord, *, calibrated: bool) -> Influence:
    """The influence (R, A) that earned weights would have had at each row; equal where a row holds
    nobody's bar."""
    rows, agents = len(record.known_at), len(record.agents)
    weights, trust = np.full((rows, agents), 1.0 / agents), np.ones((rows, agents))
    for _, columns in _by_calendar(record.symbols):
        own = _rows_with_bars(record, columns)
        down = own[:, np.newaxis]
        found = influence_by_row(
            record.log_odds[:, down, columns],
            record.base_rate[down, columns],
            record.change[down, columns],
            "earned",
            calibrated,
            record.horizon,
        )
        weights[own], trust[own] = found.weights, found.trust
    return Influence(weights, trust)


class _RecordCells:
    """Where a panel's rows from `since` on and its symbols lie in a record."""

    def __init__(self, panel: Panel, since: int, record: ForecastRecord) -> None:
        self._columns = [record.symbols.index(symbol) for symbol in panel.symbols]
        times = panel.known_at[since:]
        self._from = np.flatnonzero(np.isin(times, record.known_at))
        self._to = np.searchsorted(record.known_at, times[self._from])

    def fill(self, whole: Floats, part: Floats) -> None:
        whole[self._to[:, np.newaxis], self._columns] = part[self._from]


def _rows_with_bars(record: ForecastRecord, columns: list[int]) -> NDArray[np.intp]:
    """Where any of the symbols had a bar."""
    return np.flatnonzero(~np.isnan(record.base_rate[:, columns]).all(axis=1))


def _by_calendar(symbols: tuple[str, ...]) -> Iterator[tuple[str, list[int]]]:
    def calendar(column: int) -> str:
        return calendar_of(symbols[column])

    for name, columns in groupby(sorted(range(len(symbols)), key=calendar), calendar):
        yield name, list(columns)
