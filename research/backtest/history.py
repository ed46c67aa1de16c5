"""What a backtest is played on: a panel for each calendar, and one axis of time for all of them.

The panels are those that live cycles are built from, with the quality gate's word on every row.
Nothing known after the period's end is in them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.errors import InputError
from domain.panel import Floats, Ints, Panel, Times
from market.panels.panel_builder import build_traded
from market.store import Library
from research.backtest.request import Request

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One calendar's panel of T bars and N symbols, of which rows `since` to T - 1 are voted on.

    `blocked` (R, N), R = T - since, is where the quality gate allows no decision. `factor` (T, N)
    is what the panel's prices are of those that were traded.
    """

    panel: Panel
    since: int
    blocked: Bools
    factor: Floats

    @property
    def traded(self) -> Bools:
        """(R, N): where there is a bar."""
        return ~np.isnan(self.panel.close[self.since :])


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """K rows of all parts in order of time (of rows that close together, the first part's first).

    Row `rows[p][r]` is row r of part p, whose symbols are the columns `columns[p]`. A row that is
    `together` (K,) with the one before closed at the same instant.
    """

    symbols: tuple[str, ...]
    known_at: Times
    rows: tuple[Ints, ...]
    columns: tuple[slice, ...]
    together: Bools

    def wide(self, arrays: Sequence[NDArray[Any]], fill: Any) -> NDArray[Any]:
        """One (K, N) array of the parts' (R, N) ones, `fill` where a part has no row."""
        if len(arrays) == 1:
            return arrays[0]
        grid = np.full((len(self.known_at), len(self.symbols)), fill, arrays[0].dtype)
        for array, rows, columns in zip(arrays, self.rows, self.columns, strict=True):
            grid[rows, columns] = array
        return grid


def read(library: Library, asked: Request, simulated: bool) -> tuple[Part, ...]:
    """The parts of `asked`, a calendar each.

    Raises UnknownSymbolError for a symbol that is not stored and InputError for one without a bar
    in the period, and for a period too short for any vote to be settled.
    """
    built = build_traded(
        library, asked.market, asked.symbols, asked.timeframe, asked.as_of, asked.horizon,
        simulated=simulated,
    )  # fmt: skip
    begins = np.datetime64(asked.begins.replace(tzinfo=None), "us")
    parts = []
    for each in built:
        since = int(np.searchsorted(each.panel.known_at, begins, side="right"))
        parts.append(Part(each.panel, since, each.blocked[since:], each.factor))
    _refuse_without_bars(parts, asked)
    _refuse_too_short(parts, asked)
    return tuple(parts)


def grid_of(parts: Sequence[Part]) -> Grid:
    """All parts on one axis."""
    times = [part.panel.known_at[part.since :] for part in parts]
    together = np.concatenate(times)
    order = np.argsort(together, kind="stable")
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order))
    ends = np.cumsum([len(each) for each in times])
    widths = np.cumsum([0, *(len(part.panel.symbols) for part in parts)])
    known_at = together[order]
    return Grid(
        symbols=tuple(symbol for part in parts for symbol in part.panel.symbols),
        known_at=known_at,
        rows=tuple(np.split(place, ends[:-1])),
        columns=tuple(slice(int(a), int(b)) for a, b in pairwise(widths)),
        together=np.append(False, known_at[1:] == known_at[:-1]),
    )


def _refuse_without_bars(parts: Sequence[Part], asked: Request) -> None:
    missing = [
        symbol
        for part in parts
        for column, symbol in enumerate(part.panel.symbols)
        if not part.traded[:, column].any()
    ]
    if missing:
        raise InputError(
            f"No {asked.timeframe} bar of {', '.join(missing)} lies between {asked.start} and "
            f"{asked.end} in the market {asked.market!r}. Leave them out, choose another period, "
            "or add history."
        )


def _refuse_too_short(parts: Sequence[Part], asked: Request) -> None:
    longest = max(int(part.traded.sum(axis=0).max()) for part in parts)
    if longest < asked.horizon + 2:
        raise InputError(
            f"Bars in the period {asked.start} to {asked.end}: {longest}. A vote speaks of the "
            f"{asked.horizon} bars after the next open, so {asked.horizon + 2} are needed to "
            "settle even one. Choose a longer period."
        )
