"""Targets of one row sized, and of many one after the other: the compiled loops of `sizing.py`.

All that inline each other are in one file because numba stamps its cache by the file of the
caller: a function inlined from another file would go stale unseen. Left out: checks of what goes
in.
"""

import numpy as np
from numpy.typing import NDArray

from domain.panel import Floats
from quant.compiled import compiled

Bools = NDArray[np.bool_]

CLAMPS = ("cap", "position limit", "risk missing", "gross limit")
"""The limits of `size_row` in their order."""


@compiled
def total(values: Floats, counted: Bools, wanted: bool) -> float:
    """Sum of the values in [0, 1] whose `counted` is `wanted`, in whole multiples of 2^-94.

    Whole numbers add up to the same in any order and beside any zeros, so a symbol may stand
    anywhere and calendars may be sized apart or together. It is `math.fsum` unless a value has
    bits below 2^-94.
    """
    high, low = 0, 0
    for n in range(len(values)):
        if counted[n] == wanted:
            scaled = values[n] * 2.0**42
            whole = int(scaled)
            low += int((scaled - whole) * 2.0**52)
            high += whole + (low >> 52)
            low &= (1 << 52) - 1
    return high * 2.0**-42 + low * 2.0**-94


@compiled
def size_row(
    asked: Floats,
    previous: Floats,
    cap: Floats,
    frozen: Bools,
    fixed: Bools,
    present: Bools,
    position_limit: float,
    gross_limit: float,
    steps: Floats,
) -> None:
    """Fill `steps` (5, N): the target asked for, and what is left of it after each of `CLAMPS`."""
    for n in range(len(asked)):
        if not present[n]:
            steps[:, n] = previous[n]
            continue
        steps[0, n] = previous[n] if np.isnan(asked[n]) else asked[n]
        steps[1, n] = min(steps[0, n], cap[n])
        steps[2, n] = min(steps[1, n], position_limit)
        steps[3, n] = min(steps[2, n], previous[n]) if frozen[n] else steps[2, n]
    room = max(gross_limit - total(steps[3], fixed, True), 0.0)
    sharing = total(steps[3], fixed, False)
    share = 1.0 if sharing <= room else room / sharing
    for n in range(len(asked)):
        steps[4, n] = steps[3, n] if fixed[n] or share == 1.0 else steps[3, n] * share


@compiled
def size_rows(
    asked: Floats,
    previous: Floats,
    cap: Floats,
    frozen: Bools,
    untradable: Bools,
    present: Bools,
    together: Bools,
    position_limit: float,
    gross_limit: float,
) -> Floats:
    """Targets (K, N), each row from the targets of the one before; a row that is `together` with
    the one before starts from the same targets as that one did."""
    rows, symbols = asked.shape
    targets = np.empty((rows, symbols))
    steps = np.empty((5, symbols))
    fixed = np.empty(symbols, np.bool_)
    standing, now = previous.copy(), previous.copy()
    for k in range(rows):
        if not together[k]:
            standing[:] = now
        for n in range(symbols):
            fixed[n] = untradable[k, n] or not present[k, n]
        size_row(
            asked[k], standing, cap[k], frozen[k], fixed, present[k],
            position_limit, gross_limit, steps,
        )  # fmt: skip
        for n in range(symbols):
            if present[k, n]:
                now[n] = steps[4, n]
        targets[k] = now
    return targets


@compiled
def kelly(edge: Floats, volatility: Floats, fraction: float, peak: float, stake: Floats) -> None:
    """Fill `stake` with `fraction * (edge / peak) / volatility`, 0 without either; all (M,)."""
    for n in range(len(edge)):
        known = volatility[n] > 0.0 and edge[n] > 0.0
        stake[n] = fraction * (edge[n] / peak) / volatility[n] if known else 0.0
