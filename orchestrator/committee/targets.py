"""From pooled votes to actions and target weights, row after row.

Pure. `decide_row` turns one row of inputs into actions and targets, from the targets before it;
`decide_rows` does so row after row, for calibration and backtests. A live cycle calls `decide_row`
on the last row, so live and backtest cannot differ. Inputs are of one calendar (`target_inputs`),
of one calendar with symbols of others (`with_other_symbols`: a live cycle) or of many calendars on
one axis of time (`merge_calendars`: history).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from domain.panel import Bools, Floats, Ints
from orchestrator.committee.pooling import Codes, CommitteeSettings, PooledVotes, action_codes
from trading.sizing.correlation import CorrelationGroups
from trading.sizing.position_sizing import (
    LimitClamp,
    SizingInputs,
    find_buyable,
    raw_weights,
    sector_numbers,
    size_row,
    size_rows,
)

Scalar = TypeVar("Scalar", bound=np.generic)

_OTHER_CALENDAR = {
    "edge": np.nan, "p_up": np.nan, "volatility": np.nan, "cap": 1.0, "voters": 0,
    "has_risk_forecast": False, "blocked": False, "present": False,
}  # fmt: skip
"""By field, the value on a row for symbols of other calendars."""


@dataclass(frozen=True, slots=True, eq=False)
class TargetInputs:
    """K rows of N symbols, of one calendar or many, to be decided one after the other.

    All arrays are (K, N) but for the last four fields. Where not `present`, the row belongs to
    another calendar: the symbol keeps its target, which counts against the limits. `voters` is how
    many agents voted, `blocked` where the quality gate blocks. Rows are in order of time; a row
    with `same_instant` (K,) closes at the instant of the row before, so neither knows the other's
    new targets. `horizons_per_year` (N,) is how many horizons a year of the symbol has;
    `correlation_groups` says which symbols are correlated.
    """

    edge: Floats
    p_up: Floats
    volatility: Floats
    cap: Floats
    voters: NDArray[np.int64]
    has_risk_forecast: Bools
    blocked: Bools
    present: Bools
    same_instant: Bools
    symbols: tuple[str, ...]
    horizons_per_year: Floats
    correlation_groups: CorrelationGroups


@dataclass(frozen=True, slots=True, eq=False)
class RowDecision:
    """The decisions on one row, all (N,): `action` codes, `target` weights and the limits applied.
    `eligible` is where the pooled probability counts: a quorum voted and nothing blocks."""

    eligible: Bools
    action: Codes
    target: Floats
    clamps: tuple[LimitClamp, ...]


def target_inputs(pooled: PooledVotes, blocked: Bools) -> TargetInputs:
    """Return the inputs of one calendar; `blocked` (R, N) is where the quality gate blocks."""
    votes = pooled.votes
    return TargetInputs(
        edge=pooled.edge,
        p_up=pooled.p_up,
        volatility=votes.volatility,
        cap=votes.cap,
        voters=pooled.pool.voters,
        has_risk_forecast=votes.has_risk_forecast,
        blocked=blocked,
        present=np.ones(blocked.shape, bool),
        same_instant=np.zeros(len(blocked), bool),
        symbols=votes.symbols,
        horizons_per_year=np.full(len(votes.symbols), votes.horizons_per_year),
        correlation_groups=votes.correlation_groups,
    )


def with_other_symbols(inputs: TargetInputs, others: Sequence[str]) -> TargetInputs:
    """Add `others` as more symbols, which belong to other calendars than the rows."""

    def widen(array: NDArray[Scalar], fill: float) -> NDArray[Scalar]:
        return np.pad(array, ((0, 0), (0, len(others))), constant_values=fill)

    widened_fields = {
        name: widen(getattr(inputs, name), fill) for name, fill in _OTHER_CALENDAR.items()
    }
    return replace(
        inputs,
        **widened_fields,
        symbols=(*inputs.symbols, *others),
        horizons_per_year=np.append(inputs.horizons_per_year, np.ones(len(others))),
        correlation_groups=inputs.correlation_groups.pad(len(others)),
    )


def merge_calendars(
    parts: Sequence[TargetInputs],
    rows: Sequence[Ints],
    columns: Sequence[slice],
    same_instant: Bools,
) -> TargetInputs:
    """Put the inputs of several calendars on one axis of K rows: row r of part p becomes row
    `rows[p][r]` and its symbols become the columns `columns[p]`. `same_instant` (K,) as in
    `TargetInputs`."""
    if len(parts) == 1:
        return replace(parts[0], same_instant=same_instant)
    symbols = tuple(symbol for part in parts for symbol in part.symbols)

    def wide(name: str, fill: float) -> NDArray[Any]:
        shape, dtype = (len(same_instant), len(symbols)), getattr(parts[0], name).dtype
        grid: NDArray[Any] = np.full(shape, fill, dtype)
        for part, places, own in zip(parts, rows, columns, strict=True):
            grid[places, own] = getattr(part, name)
        return grid

    return TargetInputs(
        **{name: wide(name, fill) for name, fill in _OTHER_CALENDAR.items()},
        same_instant=same_instant,
        symbols=symbols,
        horizons_per_year=np.concatenate([part.horizons_per_year for part in parts]),
        correlation_groups=_merge_groups(
            [part.correlation_groups for part in parts], rows, columns
        ),
    )


def decide_row(
    inputs: TargetInputs, row: int, previous: Floats, settings: CommitteeSettings
) -> RowDecision:
    """Return actions and targets of one row, from the targets so far, `previous` (N,).

    A buy requests its stake, a sell requests nothing, a hold keeps its target; below the quorum and
    where blocked the action is hold.
    """
    eligible, action, sizing = _sizing_inputs(inputs, slice(row, row + 1), settings)
    target, clamps = size_row(sizing, 0, previous, settings.sizing)
    return RowDecision(eligible[0], action[0], target, clamps)


def decide_rows(
    inputs: TargetInputs, previous: Floats, settings: CommitteeSettings
) -> tuple[Codes, Floats]:
    """Return action codes and targets (K, N), each row starting from the targets of the one before.

    `previous` (N,) are the targets before the first row. Every row is decided as in `decide_row`.
    """
    _, action, sizing = _sizing_inputs(inputs, slice(None), settings)
    return action, size_rows(sizing, previous, settings.sizing)


def _sizing_inputs(
    inputs: TargetInputs, rows: slice, settings: CommitteeSettings
) -> tuple[Bools, Codes, SizingInputs]:
    """Return where the votes count, the actions, and the inputs of sizing; all (K, N)."""
    blocked, present = inputs.blocked[rows], inputs.present[rows]
    eligible = (inputs.voters[rows] >= settings.quorum) & ~blocked & present
    edge = np.where(eligible, inputs.edge[rows], np.nan)
    action = action_codes(edge, settings)
    stake = raw_weights(edge, inputs.volatility[rows], inputs.horizons_per_year, settings.sizing)
    sizing = SizingInputs(
        requested=np.where(action > 0, stake, np.where(action < 0, 0.0, np.nan)),
        cap=inputs.cap[rows],
        risk_missing=~inputs.has_risk_forecast[rows],
        low_probability=inputs.p_up[rows] < settings.minimum_probability,
        untradable=blocked,
        has_bar=present,
        same_instant=inputs.same_instant[rows],
        correlation=replace(
            inputs.correlation_groups, matrix_index=inputs.correlation_groups.matrix_index[rows]
        ),
        buyable=find_buyable(inputs.symbols, settings.sizing),
        sector=sector_numbers(inputs.symbols, settings.sizing),
    )
    return eligible, action, sizing


def _merge_groups(
    parts: Sequence[CorrelationGroups], rows: Sequence[Ints], columns: Sequence[slice]
) -> CorrelationGroups:
    matrices, symbols = sum(len(part.correlated) for part in parts), columns[-1].stop
    correlated = np.zeros((matrices, symbols, symbols), bool)
    matrix_index = np.empty(sum(len(part.matrix_index) for part in parts), np.int32)
    first = 0
    for part, places, own in zip(parts, rows, columns, strict=True):
        last = first + len(part.correlated)
        correlated[first:last, own, own] = part.correlated
        matrix_index[places] = part.matrix_index + first
        first = last
    return CorrelationGroups(correlated, matrix_index)
