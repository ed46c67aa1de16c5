"""Plain strategies that a committee must be compared with, on the same bars, costs and fills.

Each gives shares of equity and the bars on which orders for them go out. None looks at anything
but prices, and none uses the future. They are no accounts with breakers: what they ask for is
bound by costs, volume and cash alone. Leaves out the random committees, which need a committee
(`contest.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.panel import Floats, Times
from quant.features.indicators import sma
from research.backtest.history import Grid, Part
from trading.account.simulation import asked
from trading.kernels.state import NO_GROUPS, Asks, Groups
from trading.limits import UNLIMITED, LimitSettings

Bools = NDArray[np.bool_]

FAST, SLOW = 20, 50


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What is wanted at the close of each row, and the limits that bind it; `groups` are those that
    symbols share."""

    asks: Asks
    limits: LimitSettings
    groups: Groups = NO_GROUPS


def buy_and_hold(buyable: Bools) -> Plan:
    """An equal share of each symbol at its first bar (`buyable` (K, N)), and never again."""
    first = np.cumsum(buyable, axis=0) == 1
    return _plan(np.full(buyable.shape, _share(buyable)), first & buyable)


def equal_weight(buyable: Bools, known_at: Times) -> Plan:
    """Equal shares of all symbols that have had a bar, restored at the first bar of each month."""
    there = np.maximum.accumulate(buyable, axis=0)
    months = known_at.astype("datetime64[M]")
    opens = np.zeros(buyable.shape, bool)
    for column in range(buyable.shape[1]):
        rows = np.flatnonzero(buyable[:, column])
        opens[rows, column] = np.append(True, months[rows][1:] != months[rows][:-1])[: len(rows)]
    return _plan(there / np.maximum(there.sum(axis=1), 1)[:, np.newaxis], opens)


def sma_cross(parts: Sequence[Part], grid: Grid, buyable: Bools) -> Plan:
    """An equal share of each symbol while its 20-bar average stands above its 50-bar one."""
    above = []
    for part in parts:
        close = part.panel.close
        above.append((sma(close, FAST) > sma(close, SLOW))[part.since :])
    held = grid.wide(above, False) & buyable.any(axis=0)
    changed = np.zeros(held.shape, bool)
    for column in np.flatnonzero(buyable.any(axis=0)):
        rows = np.flatnonzero(buyable[:, column])
        state = held[rows, column]
        changed[rows, column] = np.diff(state, prepend=False)
        held[:, column] = _carried(state, rows, len(held))
    return _plan(np.where(held, _share(buyable), 0.0), changed)


def _plan(targets: Floats, ordered: Bools) -> Plan:
    return Plan(asked(targets, ordered), UNLIMITED)


def _carried(state: Bools, rows: NDArray[np.intp], length: int) -> Bools:
    """The state of the last row that had one, for every row."""
    at = np.searchsorted(rows, np.arange(length), side="right") - 1
    return np.where(at >= 0, state[np.maximum(at, 0)], False)


def _share(buyable: Bools) -> float:
    """Of each symbol that can be bought at all."""
    return 1.0 / max(int(buyable.any(axis=0).sum()), 1)
