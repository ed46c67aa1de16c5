"""Computation on each symbol's own bars, so that indicators never see the gaps of a panel.

`by_symbol` takes the bars of each column, passes them on as a gapless series and puts the results
back in the rows of the bars. So a lag of five is five bars of the symbol, a missing value affects
no other row, and no symbol's numbers depend on another symbol's.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def by_symbol(function: Callable[..., NDArray[np.generic]], *series: Floats) -> Floats:
    """Apply `function` to each column's bars; the result is NaN where any of `series` has a gap.

    `series` are float64 of one shape, (T, N) or (T,). `function` takes as many gapless,
    C-contiguous 1-D arrays, which it must not modify, and returns one number a bar.
    Columns without a bar stay NaN.
    """
    if series[0].ndim == 1:
        return by_symbol(function, *(s.reshape(-1, 1) for s in series)).reshape(-1)
    holes = np.isnan(series[0])
    for other in series[1:]:
        holes = holes | np.isnan(other)
    whole = np.asarray(~holes.any(axis=0) & (len(holes) > 0))
    columns = [np.ascontiguousarray(each.T) for each in series]
    answers = np.full(columns[0].shape, np.nan)
    for n in range(len(whole)):
        if whole[n]:
            answers[n] = function(*(each[n] for each in columns))
        elif len(bars := np.flatnonzero(~holes[:, n])):
            answers[n, bars] = function(*(each[n, bars] for each in columns))
    return np.ascontiguousarray(answers.T)


def lag(values: Floats, bars: int) -> Floats:
    """The value `bars` bars of the symbol earlier; NaN before there was one."""

    def shifted(series: Floats) -> Floats:
        earlier = np.full(len(series), np.nan)
        earlier[bars:] = series[: max(len(series) - bars, 0)]
        return earlier

    return by_symbol(shifted, values)


def pct_change(values: Floats, bars: int) -> Floats:
    """Simple return over `bars` bars of the symbol, as a fraction."""
    return values / lag(values, bars) - 1.0


def ratio(values: Floats, unit: Floats) -> Floats:
    """`values / unit`, NaN where the unit is not positive."""
    positive = unit > 0.0
    return np.where(positive, values / np.where(positive, unit, 1.0), np.nan)


def rebase(values: Floats, unit: Floats) -> Floats:
    """`values` (T, N) over the first positive entry of each column of `unit`.

    Only ratios of prices and volumes carry meaning. Rebasing first makes every later number equal
    to the last bit when all prices (or volumes) of a symbol are doubled, even where a library
    compares with a fixed epsilon.
    """
    positive = unit > 0.0
    first = np.argmax(positive, axis=0)
    columns = np.arange(unit.shape[1])
    base = np.where(positive[first, columns], unit[first, columns], 1.0)
    return values / base


def apply_to_completed_periods(
    values: Floats, period: NDArray[np.int64], function: Callable[..., Floats]
) -> Floats:
    """Apply `function` to each symbol's last values of completed periods (weeks of a daily panel).

    `period` (T,) numbers the period of each row and never decreases. `function` receives one value
    for each completed period and returns as many; row t gets the result for the last period before
    its own. A period is complete once a bar of a later one has closed, so Friday's row still uses
    the week before: that way no knowledge of future holidays is needed.
    """

    def on_completed(series: Floats, periods: Floats) -> Floats:
        ends = np.flatnonzero(np.diff(periods) > 0)
        answers = np.full(len(series), np.nan)
        if len(ends):
            last_complete = np.searchsorted(ends, np.arange(len(series)), side="left") - 1
            known = last_complete >= 0
            answers[known] = function(series[ends])[last_complete[known]]
        return answers

    rows = np.broadcast_to(period.astype(np.float64)[:, np.newaxis], values.shape)
    return by_symbol(on_completed, values, rows)


def week_numbers(known_at: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Number of the week, Monday to Sunday UTC, of a bar that closes at `known_at`."""
    return (day_numbers(known_at) + 3) // 7


def day_numbers(known_at: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Number of the UTC day of a bar that closes at `known_at` (midnight ends a day)."""
    within = known_at - np.timedelta64(1, "us")
    return within.astype("datetime64[D]").astype(np.int64)


def latest_known(
    values: Floats, known_at: NDArray[np.datetime64], rows: NDArray[np.datetime64]
) -> Floats:
    """The newest of `values` (K,) known by each of `rows` (T,); NaN before the first.

    `known_at` (K,) never decreases.
    """
    newest = np.searchsorted(known_at, rows, side="right") - 1
    answers = np.full(len(rows), np.nan)
    answers[newest >= 0] = values[newest[newest >= 0]]
    return answers


def days_since(known_at: NDArray[np.datetime64], rows: NDArray[np.datetime64]) -> Floats:
    """Days from the newest of `known_at` (K,) to each of `rows` (T,); NaN before the first."""
    stamps = known_at.astype("datetime64[us]").astype(np.int64).astype(np.float64)
    newest = latest_known(stamps, known_at, rows)
    return (rows.astype("datetime64[us]").astype(np.int64) - newest) / 86_400e6
