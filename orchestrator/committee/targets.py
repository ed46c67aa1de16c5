"""What the committee does about its votes: actions and target weights, row after row.

Pure. `settle` turns one row of a docket into actions and targets, given what is held; `fold` does
so row after row, for calibration and backtests. Live is `settle` on the last row, so nothing can
differ. A docket is of one calendar (`docket`), of one beside symbols of others (`beside`: a live
cycle) or of many on one axis of time (`woven`: history).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from domain.panel import Floats, Ints
from orchestrator.committee.pooling import Bools, Codes, CommitteeSettings, Tally, action_codes
from trading.sizing.correlation import Kinship
from trading.sizing.position_sizing import (
    Clamp,
    Wishes,
    buyable,
    sector_numbers,
    size,
    size_all,
    stakes,
)

Scalar = TypeVar("Scalar", bound=np.generic)

_ELSEWHERE = {
    "edge": np.nan, "p_up": np.nan, "volatility": np.nan, "cap": 1.0, "voters": 0,
    "risk_heard": False, "blocked": False, "present": False,
}  # fmt: skip
"""What a row says of symbols of other calendars: nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Docket:
    """K rows of N symbols to be decided one after the other, of one calendar or many.

    All are (K, N) but for the last four. Where not `present`, the row is another calendar's: the
    symbol keeps its target, which counts against the limits. `voters` is how many voted, `blocked`
    the quality gate's word. Rows are in order of time; one that is `together` (K,) with the row
    before closes at the same instant, so that neither knows the other's new targets. `horizons`
    (N,) is how many horizons a year of the symbol has, `kinship` who moves together.
    """

    edge: Floats
    p_up: Floats
    volatility: Floats
    cap: Floats
    voters: NDArray[np.int64]
    risk_heard: Bools
    blocked: Bools
    present: Bools
    together: Bools
    symbols: tuple[str, ...]
    horizons: Floats
    kinship: Kinship


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """One row decided, all (N,): `action` codes, `target` weights and the limits on the way.
    `counted` says where the pooled probability counts: a quorum voted and nothing blocks."""

    counted: Bools
    action: Codes
    target: Floats
    clamps: tuple[Clamp, ...]


def docket(tally: Tally, blocked: Bools) -> Docket:
    """The rows of one calendar, where `blocked` (R, N) is the quality gate's word."""
    heard = tally.heard
    return Docket(
        edge=tally.edge,
        p_up=tally.p_up,
        volatility=heard.volatility,
        cap=heard.cap,
        voters=tally.pooled.voters,
        risk_heard=heard.risk_heard,
        blocked=blocked,
        present=np.ones(blocked.shape, bool),
        together=np.zeros(len(blocked), bool),
        symbols=heard.symbols,
        horizons=np.full(len(heard.symbols), heard.horizons),
        kinship=heard.kinship,
    )


def beside(docket: Docket, others: Sequence[str]) -> Docket:
    """The docket with `others` more symbols, which belong to other calendars than its rows."""

    def widened(array: NDArray[Scalar], fill: float) -> NDArray[Scalar]:
        return np.pad(array, ((0, 0), (0, len(others))), constant_values=fill)

    wide = {name: widened(getattr(docket, name), fill) for name, fill in _ELSEWHERE.items()}
    return replace(
        docket,
        **wide,
        symbols=(*docket.symbols, *others),
        horizons=np.append(docket.horizons, np.ones(len(others))),
        kinship=docket.kinship.among(len(others)),
    )


def woven(
    parts: Sequence[Docket], rows: Sequence[Ints], columns: Sequence[slice], together: Bools
) -> Docket:
    """Dockets of a calendar each on one axis of K rows, where row r of part p is row `rows[p][r]`
    and its symbols are `columns[p]`; `together` (K,) as in a docket."""
    if len(parts) == 1:
        return replace(parts[0], together=together)
    symbols = tuple(symbol for part in parts for symbol in part.symbols)

    def wide(name: str, fill: float) -> NDArray[Any]:
        shape, kind = (len(together), len(symbols)), getattr(parts[0], name).dtype
        grid: NDArray[Any] = np.full(shape, fill, kind)
        for part, places, own in zip(parts, rows, columns, strict=True):
            grid[places, own] = getattr(part, name)
        return grid

    return Docket(
        **{name: wide(name, fill) for name, fill in _ELSEWHERE.items()},
        together=together,
        symbols=symbols,
        horizons=np.concatenate([part.horizons for part in parts]),
        kinship=_woven_kinship([part.kinship for part in parts], rows, columns),
    )


def settle(docket: Docket, row: int, previous: Floats, settings: CommitteeSettings) -> Settled:
    """Actions and targets of one row, `previous` (N,) being the targets so far.

    A buy asks for its stake, a sell for nothing, a hold for what it has; below the quorum and
    where blocked the action is hold.
    """
    counted, action, wishes = _wishes(docket, slice(row, row + 1), settings)
    target, clamps = size(wishes, 0, previous, settings.sizing)
    return Settled(counted[0], action[0], target, clamps)


def fold(docket: Docket, previous: Floats, settings: CommitteeSettings) -> tuple[Codes, Floats]:
    """Action codes and targets (K, N), each row starting from the targets of the one before.

    `previous` (N,) are the targets before the first row. Every row is what `settle` makes of it.
    """
    _, action, wishes = _wishes(docket, slice(None), settings)
    return action, size_all(wishes, previous, settings.sizing)


def _wishes(
    docket: Docket, rows: slice, settings: CommitteeSettings
) -> tuple[Bools, Codes, Wishes]:
    """Where the votes count, the action and what it asks for; all (K, N)."""
    blocked, present = docket.blocked[rows], docket.present[rows]
    counted = (docket.voters[rows] >= settings.quorum) & ~blocked & present
    edge = np.where(counted, docket.edge[rows], np.nan)
    action = action_codes(edge, settings)
    stake = stakes(edge, docket.volatility[rows], docket.horizons, settings.sizing)
    wishes = Wishes(
        asked=np.where(action > 0, stake, np.where(action < 0, 0.0, np.nan)),
        cap=docket.cap[rows],
        frozen=~docket.risk_heard[rows],
        doubtful=docket.p_up[rows] < settings.minimum_probability,
        untradable=blocked,
        present=present,
        together=docket.together[rows],
        kinship=replace(docket.kinship, table=docket.kinship.table[rows]),
        buyable=buyable(docket.symbols, settings.sizing),
        sector=sector_numbers(docket.symbols, settings.sizing),
    )
    return counted, action, wishes


def _woven_kinship(
    parts: Sequence[Kinship], rows: Sequence[Ints], columns: Sequence[slice]
) -> Kinship:
    tables, symbols = sum(len(part.alike) for part in parts), columns[-1].stop
    alike = np.zeros((tables, symbols, symbols), bool)
    table = np.empty(sum(len(part.table) for part in parts), np.int32)
    first = 0
    for part, places, own in zip(parts, rows, columns, strict=True):
        last = first + len(part.alike)
        alike[first:last, own, own] = part.alike
        table[places] = part.table + first
        first = last
    return Kinship(alike, table)
