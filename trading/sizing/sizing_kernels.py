"""Size the targets of one row, and of many in turn: the compiled loops of `position_sizing.py`.

Leaves out checks of the inputs.
"""

import numpy as np
from numpy.typing import NDArray

from domain.panel import Bools, Floats, Ints
from quant.jit import cached_njit

Counts = NDArray[np.int64]

CLAMP_NAMES = (
    "not bought",
    "cap",
    "position limit",
    "risk missing",
    "probability",
    "sector limit",
    "correlation limit",
    "gross limit",
    "net limit",
)
"""The limits of `size_row` in their order."""
POSITION, SECTOR, CORRELATED, GROSS, NET = range(5)
"""Indices into the `limits` of `size_row`."""
ROUNDING_MARGIN = 1.0 - 2.0**-48
"""Shares are multiplied by this, so that rounding never puts the sum of many targets above their
limit, and a limit that was reached does not apply again at the next row."""

SAFELY_WITHIN = 1.0 - 2.0**-20
"""A group whose plain sum is below this fraction of its limit is certainly within it and needs no
exact sum."""


@cached_njit
def add_exact(value: float, sums: Counts) -> None:
    """Add a value in [0, 1] to the sum `sums` (2,): whole multiples of 2^-42, and the rest in
    multiples of 2^-94."""
    scaled = value * 2.0**42
    whole = int(scaled)
    low = sums[1] + int((scaled - whole) * 2.0**52)
    sums[0] += whole + (low >> 52)
    sums[1] = low & ((1 << 52) - 1)


@cached_njit
def exact_value(sums: Counts) -> float:
    return int(sums[0]) * 2.0**-42 + int(sums[1]) * 2.0**-94


@cached_njit
def exact_total(values: Floats, flags: Bools, flag: bool) -> float:
    """Return the sum of the values in [0, 1] whose flag is `flag`, in whole multiples of 2^-94.

    Whole numbers add up to the same in any order and with any zeros among them, so a symbol may be
    at any index and calendars may be sized apart or together. The result is that of `math.fsum`
    unless a value has bits below 2^-94.
    """
    sums = np.zeros(2, np.int64)
    for n in range(len(values)):
        if flags[n] == flag:
            add_exact(values[n], sums)
    return exact_value(sums)


@cached_njit
def scale_to_limit(fixed: float, sharing: float, limit: float) -> float:
    """Return the factor on targets that add up to `sharing`, so that together with what is `fixed`
    they keep to the limit."""
    available = max(limit - fixed, 0.0)
    return 1.0 if sharing <= available else available / sharing * ROUNDING_MARGIN


@cached_njit
def limit_sectors(before: Floats, fixed: Bools, sector: Ints, limit: float, after: Floats) -> None:
    """Shrink each sector to the limit; -1 is no sector."""
    groups = 1 + max(sector.max(), 0)
    sums = np.zeros((groups, 2, 2), np.int64)
    for n in range(len(before)):
        if sector[n] >= 0:
            add_exact(before[n], sums[sector[n], int(fixed[n])])
    shares = np.empty(groups)
    for g in range(groups):
        shares[g] = scale_to_limit(exact_value(sums[g, 1]), exact_value(sums[g, 0]), limit)
    for n in range(len(before)):
        shrinks = sector[n] >= 0 and not fixed[n]
        after[n] = before[n] * shares[sector[n]] if shrinks else before[n]


@cached_njit
def limit_correlated(
    before: Floats, fixed: Bools, correlated: Bools, limit: float, after: Floats
) -> None:
    """Shrink each symbol with those correlated with it to the limit.

    A symbol is in its own group and in that of each it is correlated with; it shrinks by the
    smallest of their factors. So every group keeps to the limit at once, in whatever order they are
    taken.
    """
    nonzero = [n for n in range(len(before)) if before[n] > 0.0]
    factor, sums = np.ones(len(before)), np.empty((2, 2), np.int64)
    for g in nonzero:
        estimate = 0.0
        for n in nonzero:
            if n == g or correlated[g, n]:
                estimate += before[n]
        if estimate < SAFELY_WITHIN * limit:
            continue
        sums[:] = 0
        for n in nonzero:
            if n == g or correlated[g, n]:
                add_exact(before[n], sums[int(fixed[n])])
        fraction = scale_to_limit(exact_value(sums[1]), exact_value(sums[0]), limit)
        if fraction < 1.0:
            for n in nonzero:
                if n == g or correlated[g, n]:
                    factor[n] = min(factor[n], fraction)
    for n in range(len(before)):
        after[n] = before[n] if fixed[n] else before[n] * factor[n]


@cached_njit
def size_row(
    requested: Floats,
    previous: Floats,
    cap: Floats,
    risk_missing: Bools,
    low_probability: Bools,
    fixed: Bools,
    has_bar: Bools,
    buyable: Bools,
    sector: Ints,
    correlated: Bools,
    limits: Floats,
    steps: Floats,
) -> None:
    """Fill `steps` (10, N): the target requested, and what is left after each of `CLAMP_NAMES`.

    A sector, correlation or net limit of 1 is no limit, because the gross limit is no larger.
    """
    for n in range(len(requested)):
        if not has_bar[n]:
            steps[:, n] = previous[n]
            continue
        steps[0, n] = previous[n] if np.isnan(requested[n]) else requested[n]
        steps[1, n] = steps[0, n] if buyable[n] else 0.0
        steps[2, n] = min(steps[1, n], cap[n])
        steps[3, n] = min(steps[2, n], limits[POSITION])
        steps[4, n] = min(steps[3, n], previous[n]) if risk_missing[n] else steps[3, n]
        steps[5, n] = min(steps[4, n], previous[n]) if low_probability[n] else steps[4, n]
    steps[6], steps[7] = steps[5], steps[5]
    if limits[SECTOR] < 1.0:
        limit_sectors(steps[5], fixed, sector, limits[SECTOR], steps[6])
        steps[7] = steps[6]
    if limits[CORRELATED] < 1.0:
        limit_correlated(steps[6], fixed, correlated, limits[CORRELATED], steps[7])
    available = max(limits[GROSS] - exact_total(steps[7], fixed, True), 0.0)
    sharing = exact_total(steps[7], fixed, False)
    fraction = 1.0 if sharing <= available else available / sharing
    for n in range(len(requested)):
        steps[8, n] = steps[7, n] if fixed[n] or fraction == 1.0 else steps[7, n] * fraction
    steps[9] = steps[8]
    if limits[NET] < 1.0:
        fraction = scale_to_limit(
            exact_total(steps[8], fixed, True), exact_total(steps[8], fixed, False), limits[NET]
        )
        for n in range(len(requested)):
            steps[9, n] = steps[8, n] if fixed[n] else steps[8, n] * fraction


@cached_njit
def size_rows(
    requested: Floats,
    previous: Floats,
    cap: Floats,
    risk_missing: Bools,
    low_probability: Bools,
    untradable: Bools,
    has_bar: Bools,
    same_instant: Bools,
    buyable: Bools,
    sector: Ints,
    correlated: Bools,
    matrix_index: Ints,
    limits: Floats,
) -> Floats:
    """Return the targets (K, N), each row from the targets of the one before. A row with
    `same_instant` as the one before starts from the same targets as that one did. The pairs of row
    k are `correlated[matrix_index[k]]`."""
    rows, symbols = requested.shape
    targets = np.empty((rows, symbols))
    steps = np.empty((len(CLAMP_NAMES) + 1, symbols))
    fixed = np.empty(symbols, np.bool_)
    row_start, current = previous.copy(), previous.copy()
    for k in range(rows):
        if not same_instant[k]:
            row_start[:] = current
        for n in range(symbols):
            fixed[n] = untradable[k, n] or not has_bar[k, n]
        size_row(
            requested[k], row_start, cap[k], risk_missing[k], low_probability[k], fixed, has_bar[k],
            buyable, sector, correlated[matrix_index[k]], limits, steps,
        )  # fmt: skip
        for n in range(symbols):
            if has_bar[k, n]:
                current[n] = steps[-1, n]
        targets[k] = current
    return targets


@cached_njit
def kelly_stakes(
    edge: Floats, volatility: Floats, fraction: float, peak: float, stake: Floats
) -> None:
    """Fill `stake` with `fraction * (edge / peak) / volatility`, 0 without either; all (M,)."""
    for n in range(len(edge)):
        known = volatility[n] > 0.0 and edge[n] > 0.0
        stake[n] = fraction * (edge[n] / peak) / volatility[n] if known else 0.0
