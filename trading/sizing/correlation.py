"""Who moves together: pairs of symbols whose returns correlate, measured anew every week.

A pair is measured on the closes of its last `BARS` + 1 bars that both symbols have and that
belong to weeks before the row's own (Monday to Sunday, UTC), so a whole week goes by the same
pairs and nothing of the row itself is needed. Nothing but the two symbols' own closes goes in: no
neighbour in the panel and no row of another can change a bit. A pair with fewer bars in common is
not measured and counts as apart. Leaves out what follows from it (`sizing_kernels.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.panel import Floats, Ints
from quant.jit import compiled

Bools = NDArray[np.bool_]

BARS = 63
"""Returns of one bar that a correlation is measured on: a quarter of daily ones."""
ALIKE = 0.8
"""Correlation above which two symbols count as one bet. Two large American shares lie about 0.3
(about 0.4 within a sector); above 0.8 are twins: two funds of bonds, two kinds of share of one
company, two large banks. In a crash it is many more pairs (docs/sizing.md)."""


@dataclass(frozen=True, slots=True, eq=False)
class Kinship:
    """Who moves together with whom, of N symbols on K rows.

    Row k goes by the pairs `alike[table[k]]`; `alike` (M, N, N) is symmetric and false on the
    diagonal.
    """

    alike: Bools
    table: Ints

    def placed(self, symbols: Sequence[str], among: Sequence[str]) -> "Kinship":
        """Of `among`, where `symbols` are those of now; the rest moves with nobody."""
        alike = np.zeros((len(self.alike), len(among), len(among)), bool)
        here = [n for n, symbol in enumerate(symbols) if symbol in among]
        there = [among.index(symbols[n]) for n in here]
        alike[:, np.array(there)[:, None], there] = self.alike[:, np.array(here)[:, None], here]
        return Kinship(alike, self.table)

    def among(self, others: int) -> "Kinship":
        """With so many more symbols, which move with nobody."""
        return Kinship(np.pad(self.alike, ((0, 0), (0, others), (0, others))), self.table)


def strangers(rows: int, symbols: int) -> Kinship:
    """Nobody moves with anybody."""
    return Kinship(np.zeros((1, symbols, symbols), bool), np.zeros(rows, np.int32))


def kinship(close: Floats, week: NDArray[np.int64], since: int) -> Kinship:
    """Of the rows `since` to T - 1. `close` is (T, N), NaN without a bar; `week` (T,) numbers
    the week of each row and never falls."""
    weeks, table = np.unique(week[since:], return_inverse=True)
    known = np.searchsorted(week, weeks)
    return Kinship(_alike(np.ascontiguousarray(close.T), known, ALIKE), table.astype(np.int32))


@compiled
def _returns(close: Floats, into: Floats) -> None:
    """Fill `into` (BARS,) with the returns between BARS + 1 closes, less their mean and of length
    1, so that two such vectors multiply to the correlation; NaN where the price stood still."""
    mean = 0.0
    for t in range(len(into)):
        into[t] = close[t + 1] / close[t] - 1.0
        mean += into[t]
    mean /= len(into)
    squares = 0.0
    for t in range(len(into)):
        into[t] -= mean
        squares += into[t] * into[t]
    length = np.sqrt(squares) if squares > 0.0 else np.nan
    for t in range(len(into)):
        into[t] /= length


@compiled
def _correlation(close: Floats, known: int, one: int, other: int, work: Floats) -> float:
    """Of two symbols that lack some of each other's bars; `close` is (N, T), `work` (4, BARS + 1)
    to work in. NaN with fewer bars in common than are needed."""
    found = 0
    for t in range(known - 1, -1, -1):
        if not (np.isnan(close[one, t]) or np.isnan(close[other, t])):
            found += 1
            work[0, BARS + 1 - found] = close[one, t]
            work[1, BARS + 1 - found] = close[other, t]
            if found == BARS + 1:
                break
    if found <= BARS:
        return np.nan
    _returns(work[0], work[2, :BARS])
    _returns(work[1], work[3, :BARS])
    correlation = 0.0
    for t in range(BARS):
        correlation += work[2, t] * work[3, t]
    return correlation


@compiled
def _lay_side_by_side(
    close: Floats, known: int, side: Floats, step: NDArray[np.int64], rows: NDArray[np.int64]
) -> None:
    """Fill `side` (BARS, N) with each symbol's last returns before the row `known` and `step` (N,)
    with the first symbol that has its bars in the same rows, or -1 where there are too few.
    `close` is (N, T), `rows` (N, BARS + 1) to work in."""
    last, returns = np.empty(BARS + 1), np.empty(BARS)
    side[:] = 0.0
    for n in range(len(close)):
        found, t = 0, known - 1
        while t >= 0 and found <= BARS:
            if not np.isnan(close[n, t]):
                found += 1
                rows[n, BARS + 1 - found] = t
                last[BARS + 1 - found] = close[n, t]
            t -= 1
        if found <= BARS:
            step[n] = -1
            continue
        _returns(last, returns)
        side[:, n] = returns
        step[n] = n
        for j in range(n):
            if step[j] == j and np.array_equal(rows[j], rows[n]):
                step[n] = j
                break


@compiled
def _alike(close: Floats, known: NDArray[np.int64], threshold: float) -> Bools:
    """(M, N, N): which pairs correlate above the threshold on the first `known[m]` rows of
    `close` (N, T).

    Nearly all symbols of a calendar have the same bars: the returns of those are laid side by
    side and multiplied for all pairs at once, each sum still in order of time.
    """
    symbols = len(close)
    alike = np.zeros((len(known), symbols, symbols), np.bool_)
    side, sums = np.empty((BARS, symbols)), np.empty(symbols)
    step, rows = np.empty(symbols, np.int64), np.empty((symbols, BARS + 1), np.int64)
    work = np.empty((4, BARS + 1))
    for m in range(len(known)):
        _lay_side_by_side(close, known[m], side, step, rows)
        for i in range(symbols):
            if step[i] < 0:
                continue
            rest = sums[i:]
            rest[:] = 0.0
            for t in range(BARS):
                factor, beside = side[t, i], side[t, i:]
                for j in range(len(rest)):
                    rest[j] += factor * beside[j]
            for j in range(i + 1, symbols):
                if step[j] >= 0:
                    found = sums[j]
                    if step[j] != step[i]:
                        found = _correlation(close, known[m], i, j, work)
                    alike[m, i, j] = alike[m, j, i] = found > threshold
    return alike
