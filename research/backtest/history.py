"""The data a backtest runs on: a panel for each calendar, and one time axis for all of them.

Panels are built as for live cycles, with the quality gate's verdict on every row. Nothing known
after the period's end is in them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.errors import InputError
from domain.instants import Times
from domain.panel import Bools, Floats, Ints, Panel
from market.panels.panel_builder import PanelQuery, build_panel_histories
from market.store import MarketDataStore
from research.backtest.request import BacktestRequest


@dataclass(frozen=True, slots=True, eq=False)
class CalendarPanel:
    """One calendar's panel of T bars and N symbols, of which rows `since` to T - 1 are voted on.

    `blocked` (R, N), R = T - since, is where the quality gate allows no decision, `withheld` (R, N)
    where a bar is left out because it is in doubt. `factor` (T, N) is the panel's prices divided by
    the traded ones.
    """

    panel: Panel
    since: int
    blocked: Bools
    withheld: Bools
    factor: Floats

    @property
    def traded(self) -> Bools:
        """(R, N) whether there is a bar."""
        return ~np.isnan(self.panel.close[self.since :])


@dataclass(frozen=True, slots=True, eq=False)
class TimeGrid:
    """K rows of all parts in order of time (of rows that close at the same instant, the first
    part's first).

    Row `rows[p][r]` is row r of part p, whose symbols are the columns `columns[p]`. `same_instant`
    (K,) is True for a row that closed at the same instant as the row before.
    """

    symbols: tuple[str, ...]
    known_at: Times
    rows: tuple[Ints, ...]
    columns: tuple[slice, ...]
    same_instant: Bools

    def widen(self, arrays: Sequence[NDArray[Any]], fill: Any) -> NDArray[Any]:
        """Return one (K, N) array from the parts' (R, N) arrays, `fill` where a part has no row."""
        if len(arrays) == 1:
            return arrays[0]
        grid = np.full((len(self.known_at), len(self.symbols)), fill, arrays[0].dtype)
        for array, rows, columns in zip(arrays, self.rows, self.columns, strict=True):
            grid[rows, columns] = array
        return grid


def load_panels(
    store: MarketDataStore, request: BacktestRequest, simulated: bool
) -> tuple[CalendarPanel, ...]:
    """Load the parts of `request`, one per calendar.

    Raises UnknownSymbolError for a symbol that is not stored and InputError for one without a bar
    in the period, and for a period too short for any vote to be settled.
    """
    built = build_panel_histories(
        store,
        PanelQuery(
            market=request.market,
            symbols=request.symbols,
            timeframe=request.timeframe,
            as_of=request.as_of,
            horizon=request.horizon,
            simulated=simulated,
        ),
    )
    begins = np.datetime64(request.starts_at.replace(tzinfo=None), "us")
    parts = []
    for each in built:
        since = int(np.searchsorted(each.panel.known_at, begins, side="right"))
        parts.append(
            CalendarPanel(
                each.panel, since, each.blocked[since:], each.withheld[since:], each.factor
            )
        )
    _refuse_without_bars(parts, request)
    _refuse_too_short(parts, request)
    return tuple(parts)


def build_grid(parts: Sequence[CalendarPanel]) -> TimeGrid:
    """Merge all parts on one time axis."""
    times = [part.panel.known_at[part.since :] for part in parts]
    joined_times = np.concatenate(times)
    order = np.argsort(joined_times, kind="stable")
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order))
    ends = np.cumsum([len(each) for each in times])
    widths = np.cumsum([0, *(len(part.panel.symbols) for part in parts)])
    known_at = joined_times[order]
    return TimeGrid(
        symbols=tuple(symbol for part in parts for symbol in part.panel.symbols),
        known_at=known_at,
        rows=tuple(np.split(place, ends[:-1])),
        columns=tuple(slice(int(a), int(b)) for a, b in pairwise(widths)),
        same_instant=np.append(False, known_at[1:] == known_at[:-1]),
    )


def _refuse_without_bars(parts: Sequence[CalendarPanel], request: BacktestRequest) -> None:
    missing = [
        symbol
        for part in parts
        for column, symbol in enumerate(part.panel.symbols)
        if not part.traded[:, column].any()
    ]
    if missing:
        raise InputError(
            f"No {request.timeframe} bar of {', '.join(missing)} lies between {request.start} and "
            f"{request.end} in the market {request.market!r}. Leave them out, choose another "
            "period, or add history."
        )


def _refuse_too_short(parts: Sequence[CalendarPanel], request: BacktestRequest) -> None:
    longest = max(int(part.traded.sum(axis=0).max()) for part in parts)
    if longest < request.horizon + 2:
        raise InputError(
            f"Bars in the period {request.start} to {request.end}: {longest}. A vote speaks of the "
            f"{request.horizon} bars after the next open, so {request.horizon + 2} are needed to "
            "settle even one. Choose a longer period."
        )
