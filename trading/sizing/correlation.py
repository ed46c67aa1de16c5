"""Pairs of symbols whose returns correlate, measured anew every week.

A pair is measured on the closes of its last `CORRELATION_BARS` + 1 bars that both symbols have and
that belong to weeks before the row's own (Monday to Sunday, UTC), so the pairs are constant within
a week and nothing of the row itself is needed. Only the two symbols' own closes matter: no other
symbol in the panel and no row of another can change a bit. A pair with fewer bars in common is not
measured and counts as uncorrelated. Leaves out what follows from it (`sizing_kernels.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.panel import Bools, Floats, Ints
from quant.jit import cached_njit

CORRELATION_BARS = 63
"""Returns of one bar that a correlation is measured on: a quarter of daily ones."""
CORRELATION_THRESHOLD = 0.8
"""Correlation above which two symbols count as one bet. Two large American shares have about 0.3
(about 0.4 within a sector); above 0.8 are near copies: two bond funds, two share classes of one
company, two large banks. In a crash there are many more such pairs (docs/understand/sizing.md)."""


@dataclass(frozen=True, slots=True, eq=False)
class CorrelationGroups:
    """Which of N symbols are correlated, on K rows.

    The pairs of row k are `correlated[matrix_index[k]]`; `correlated` (M, N, N) has M matrices,
    symmetric and false on the diagonal.
    """

    correlated: Bools
    matrix_index: Ints

    def reindex(self, symbols: Sequence[str], new_symbols: Sequence[str]) -> "CorrelationGroups":
        """Return the groups for `new_symbols` in place of `symbols`; a symbol that is new is
        correlated with none."""
        correlated = np.zeros((len(self.correlated), len(new_symbols), len(new_symbols)), bool)
        old_columns = [n for n, symbol in enumerate(symbols) if symbol in new_symbols]
        new_columns = [new_symbols.index(symbols[n]) for n in old_columns]
        correlated[:, np.array(new_columns)[:, None], new_columns] = self.correlated[
            :, np.array(old_columns)[:, None], old_columns
        ]
        return CorrelationGroups(correlated, self.matrix_index)

    def pad(self, count: int) -> "CorrelationGroups":
        """Add `count` symbols, which are correlated with none."""
        return CorrelationGroups(
            np.pad(self.correlated, ((0, 0), (0, count), (0, count))), self.matrix_index
        )


def no_correlation_groups(rows: int, symbols: int) -> CorrelationGroups:
    """Return groups in which no symbol is correlated with another."""
    return CorrelationGroups(np.zeros((1, symbols, symbols), bool), np.zeros(rows, np.int32))


def correlation_groups(close: Floats, week: NDArray[np.int64], since: int) -> CorrelationGroups:
    """Return the groups of rows `since` to T - 1. `close` is (T, N), NaN without a bar; `week` (T,)
    numbers the week of each row and never falls."""
    weeks, matrix_index = np.unique(week[since:], return_inverse=True)
    known = np.searchsorted(week, weeks)
    return CorrelationGroups(
        _correlated_pairs(np.ascontiguousarray(close.T), known, CORRELATION_THRESHOLD),
        matrix_index.astype(np.int32),
    )


@cached_njit
def _returns(close: Floats, out: Floats) -> None:
    """Fill `out` (CORRELATION_BARS,) with the returns between CORRELATION_BARS + 1 closes, less
    their mean and scaled to length 1, so that the product of two such vectors is the correlation;
    NaN where the price did not move."""
    mean = 0.0
    for t in range(len(out)):
        out[t] = close[t + 1] / close[t] - 1.0
        mean += out[t]
    mean /= len(out)
    squares = 0.0
    for t in range(len(out)):
        out[t] -= mean
        squares += out[t] * out[t]
    length = np.sqrt(squares) if squares > 0.0 else np.nan
    for t in range(len(out)):
        out[t] /= length


@cached_njit
def _correlation(close: Floats, known: int, one: int, other: int, work: Floats) -> float:
    """Return the correlation of two symbols that lack some of each other's bars; `close` is (N, T),
    `work` (4, CORRELATION_BARS + 1) is scratch space. NaN with fewer bars in common than needed."""
    count = 0
    for t in range(known - 1, -1, -1):
        if not (np.isnan(close[one, t]) or np.isnan(close[other, t])):
            count += 1
            work[0, CORRELATION_BARS + 1 - count] = close[one, t]
            work[1, CORRELATION_BARS + 1 - count] = close[other, t]
            if count == CORRELATION_BARS + 1:
                break
    if count <= CORRELATION_BARS:
        return np.nan
    _returns(work[0], work[2, :CORRELATION_BARS])
    _returns(work[1], work[3, :CORRELATION_BARS])
    correlation = 0.0
    for t in range(CORRELATION_BARS):
        correlation += work[2, t] * work[3, t]
    return correlation


@cached_njit
def _fill_return_matrix(
    close: Floats,
    known: int,
    returns_matrix: Floats,
    same_bars_as: NDArray[np.int64],
    rows: NDArray[np.int64],
) -> None:
    """Fill `returns_matrix` (CORRELATION_BARS, N) with each symbol's last returns before the
    row `known` and `same_bars_as` (N,) with the first symbol that has its bars in the same
    rows, or -1 where there are too few. `close` is (N, T), `rows` (N, CORRELATION_BARS + 1) is
    scratch space."""
    last, returns = np.empty(CORRELATION_BARS + 1), np.empty(CORRELATION_BARS)
    returns_matrix[:] = 0.0
    for n in range(len(close)):
        count, t = 0, known - 1
        while t >= 0 and count <= CORRELATION_BARS:
            if not np.isnan(close[n, t]):
                count += 1
                rows[n, CORRELATION_BARS + 1 - count] = t
                last[CORRELATION_BARS + 1 - count] = close[n, t]
            t -= 1
        if count <= CORRELATION_BARS:
            same_bars_as[n] = -1
            continue
        _returns(last, returns)
        returns_matrix[:, n] = returns
        same_bars_as[n] = n
        for j in range(n):
            if same_bars_as[j] == j and np.array_equal(rows[j], rows[n]):
                same_bars_as[n] = j
                break


@cached_njit
def _correlated_pairs(close: Floats, known: NDArray[np.int64], threshold: float) -> Bools:
    """Return (M, N, N): which pairs correlate above the threshold on the first `known[m]` rows of
    `close` (N, T).

    Nearly all symbols of a calendar have the same bars: their returns are put side by side and
    multiplied for all pairs at once, each sum still in order of time.
    """
    symbols = len(close)
    correlated = np.zeros((len(known), symbols, symbols), np.bool_)
    returns_matrix, sums = np.empty((CORRELATION_BARS, symbols)), np.empty(symbols)
    same_bars_as = np.empty(symbols, np.int64)
    rows = np.empty((symbols, CORRELATION_BARS + 1), np.int64)
    work = np.empty((4, CORRELATION_BARS + 1))
    for m in range(len(known)):
        _fill_return_matrix(close, known[m], returns_matrix, same_bars_as, rows)
        for i in range(symbols):
            if same_bars_as[i] < 0:
                continue
            rest = sums[i:]
            rest[:] = 0.0
            for t in range(CORRELATION_BARS):
                factor, others = returns_matrix[t, i], returns_matrix[t, i:]
                for j in range(len(rest)):
                    rest[j] += factor * others[j]
            for j in range(i + 1, symbols):
                if same_bars_as[j] >= 0:
                    correlation = sums[j]
                    if same_bars_as[j] != same_bars_as[i]:
                        correlation = _correlation(close, known[m], i, j, work)
                    correlated[m, i, j] = correlated[m, j, i] = correlation > threshold
    return correlated
