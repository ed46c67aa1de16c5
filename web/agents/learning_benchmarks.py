"""What a live record is compared with: weights to be earned, other horizons, rival quantiles.

The same functions that score a backtest, on this run's votes and on the history known by now; a
calendar at a time, as its agents learn. Leaves out the scores (`scored.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from domain.panel import Floats, Panel
from domain.record import Record
from domain.symbols import calendar_of
from market.calendars import moment
from market.panels.panel_builder import build_panels
from orchestrator.committee.learned_weights import Influence, earned
from orchestrator.evaluation.forward_returns import changes_over
from orchestrator.evaluation.quantile_scores import tail_rivals
from web.services import House

HORIZONS = (1, 2, 3, 5, 10, 20)
"""Bars over which the decay of the evidence is told."""

WARMING = timedelta(days=3 * 365)
"""History before the record, for forecasts of the quantile to warm up on."""


@dataclass(frozen=True, slots=True, eq=False)
class Hindsight:
    """`changes` and `rivals` (R, N) as `orchestrator.evaluation.scoring.score` takes them. `earned`
    would be in force at each row, and `trust` (R, A) too, had the settings asked for them. `rows`
    are those of `calendar`, on which most symbols trade: each learns apart, so one is told of."""

    changes: dict[int, Floats]
    rivals: dict[str, Floats]
    earned: Influence
    trust: Floats
    calendar: str
    rows: NDArray[np.intp]


def hindsight(house: House, record: Record) -> Hindsight:
    learnt = learn(record, calibrated=house.committee.calibrated)
    trust = learn(record, calibrated=True).trust
    changes = {bars: np.full(record.change.shape, np.nan) for bars in HORIZONS}
    rivals: dict[str, Floats] = {}
    for panel in _panels(house, record):
        since = int(np.searchsorted(panel.known_at, record.known_at[0]))
        cells = _Cells(panel, since, record)
        for bars, change in changes.items():
            cells.put(change, changes_over(panel, since, bars))
        for name, forecast in tail_rivals(panel, since).items():
            cells.put(rivals.setdefault(name, np.full(record.change.shape, np.nan)), forecast)
    calendar, columns = max(_by_calendar(record.symbols), key=lambda each: len(each[1]))
    return Hindsight(changes, rivals, learnt, trust, calendar, _rows(record, columns))


def learn(record: Record, *, calibrated: bool) -> Influence:
    """The influence (R, A) that earned weights would have had at each row; equal where a row holds
    nobody's bar."""
    rows, agents = len(record.known_at), len(record.agents)
    weights, trust = np.full((rows, agents), 1.0 / agents), np.ones((rows, agents))
    for _, columns in _by_calendar(record.symbols):
        own = _rows(record, columns)
        down = own[:, np.newaxis]
        found = earned(
            record.log_odds[:, down, columns],
            record.base_rate[down, columns],
            record.change[down, columns],
            "earned",
            calibrated,
            record.horizon,
        )
        weights[own], trust[own] = found.weights, found.trust
    return Influence(weights, trust)


class _Cells:
    """Where a panel's rows from `since` on and its symbols lie in a record."""

    def __init__(self, panel: Panel, since: int, record: Record) -> None:
        self._columns = [record.symbols.index(symbol) for symbol in panel.symbols]
        times = panel.known_at[since:]
        self._from = np.flatnonzero(np.isin(times, record.known_at))
        self._to = np.searchsorted(record.known_at, times[self._from])

    def put(self, whole: Floats, part: Floats) -> None:
        whole[self._to[:, np.newaxis], self._columns] = part[self._from]


def _panels(house: House, record: Record) -> Iterator[Panel]:
    """The history of the record's symbols, as far as any is stored still."""
    stored = set(house.library.symbols(house.market, house.timeframe))
    symbols = [symbol for symbol in record.symbols if symbol in stored]
    if symbols:
        built = build_panels(
            house.library, house.market, symbols, house.timeframe, house.clock(), record.horizon,
            moment(record.known_at[0]) - WARMING, house.simulated,
        )  # fmt: skip
        yield from (panel for panel, _ in built)


def _rows(record: Record, columns: list[int]) -> NDArray[np.intp]:
    """Where any of the symbols had a bar."""
    return np.flatnonzero(~np.isnan(record.base_rate[:, columns]).all(axis=1))


def _by_calendar(symbols: tuple[str, ...]) -> Iterator[tuple[str, list[int]]]:
    def calendar(column: int) -> str:
        return calendar_of(symbols[column])

    for name, columns in groupby(sorted(range(len(symbols)), key=calendar), calendar):
        yield name, list(columns)
