"""Simple strategies to compare a committee with, on the same bars, costs and fills.

Each returns shares of equity and the bars on which orders are placed. They use only past prices.
Breakers do not apply to them: only costs, volume and cash limit their orders. Leaves out the random
committees, which need a committee (`scenarios.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.instants import Times
from domain.panel import Bools, Floats
from quant.features.indicators import sma
from research.backtest.history import CalendarPanel, TimeGrid
from trading.account.simulation import targets_where
from trading.kernels.state import NO_SHARED_LIMITS, SharedLimits, TargetMatrix
from trading.limits import UNLIMITED, LimitSettings

FAST, SLOW = 20, 50


@dataclass(frozen=True, slots=True, eq=False)
class TargetPlan:
    """Targets at the close of each row, and the limits that apply to them; `shared_limits` are
    those that symbols share."""

    target_matrix: TargetMatrix
    limits: LimitSettings
    shared_limits: SharedLimits = NO_SHARED_LIMITS


def buy_and_hold(buyable: Bools) -> TargetPlan:
    """Buy an equal share of each symbol at its first bar (`buyable` (K, N)), and never trade
    again."""
    first = np.cumsum(buyable, axis=0) == 1
    return _plan(np.full(buyable.shape, _equal_weight(buyable)), first & buyable)


def equal_weight(buyable: Bools, known_at: Times) -> TargetPlan:
    """Hold equal shares of all symbols that have had a bar, rebalanced at the first bar of each
    month."""
    listed = np.maximum.accumulate(buyable, axis=0)
    months = known_at.astype("datetime64[M]")
    rebalance = np.zeros(buyable.shape, bool)
    for column in range(buyable.shape[1]):
        rows = np.flatnonzero(buyable[:, column])
        rebalance[rows, column] = np.append(True, months[rows][1:] != months[rows][:-1])[
            : len(rows)
        ]
    return _plan(listed / np.maximum(listed.sum(axis=1), 1)[:, np.newaxis], rebalance)


def sma_cross(parts: Sequence[CalendarPanel], grid: TimeGrid, buyable: Bools) -> TargetPlan:
    """Hold an equal share of each symbol while its 20-bar average is above its 50-bar average."""
    crossed = []
    for part in parts:
        close = part.panel.close
        crossed.append((sma(close, FAST) > sma(close, SLOW))[part.since :])
    above_slow = grid.widen(crossed, False) & buyable.any(axis=0)
    changed = np.zeros(above_slow.shape, bool)
    for column in np.flatnonzero(buyable.any(axis=0)):
        rows = np.flatnonzero(buyable[:, column])
        state = above_slow[rows, column]
        changed[rows, column] = np.diff(state, prepend=False)
        above_slow[:, column] = _carry_forward(state, rows, len(above_slow))
    return _plan(np.where(above_slow, _equal_weight(buyable), 0.0), changed)


def _plan(targets: Floats, order_rows: Bools) -> TargetPlan:
    return TargetPlan(targets_where(targets, order_rows), UNLIMITED)


def _carry_forward(state: Bools, rows: NDArray[np.intp], length: int) -> Bools:
    """Return, for every row, the state of the last row that had one."""
    at = np.searchsorted(rows, np.arange(length), side="right") - 1
    return np.where(at >= 0, state[np.maximum(at, 0)], False)


def _equal_weight(buyable: Bools) -> float:
    """Return the equal share of each symbol that can be bought at all."""
    return 1.0 / max(int(buyable.any(axis=0).sum()), 1)
