"""Bootstrap intervals of many ratios over the same rows, from one set of draws.

Does what `quant.resampling.ratio_estimate` does for one series, at a small part of the cost for a
table of thousands: rows are drawn once, and a drawn block costs one difference of running sums. A
row in which a series has no data (a denominator of 0) can still be drawn, so that slices of one
record (a year, a symbol) share the draws.

Letters: K series, R rows, S samples.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quant.jit import cached_njit
from quant.resampling import MIN_BLOCKS, MIN_ROWS, stationary_indices

Floats = NDArray[np.float64]
RunBounds = NDArray[np.uint32]

SAMPLES = 300
"""Enough for the quantiles at 5% and 95%: an interval's ends move by about 4% of its width from
seed to seed."""
SIMD_LANES = 8


@dataclass(frozen=True, slots=True, eq=False)
class BootstrapDraws:
    """S samples of `rows` rows, drawn in blocks of `block` rows on average.

    Stored as runs of consecutive rows: the first row (`run_starts`) and one past the last
    (`run_ends`) of each run, and `sample_offsets` (S + 1,), where each sample's runs begin.
    """

    rows: int
    block: float
    run_starts: RunBounds
    run_ends: RunBounds
    sample_offsets: RunBounds

    def ratios(self, numerators: Floats, denominators: Floats) -> Floats:
        """(K, 3) value, low and high of sum of numerators over sum of denominators, both (K, R).

        Low and high are the 90% percentile interval of the stationary bootstrap. NaN where the
        denominators sum to zero; no interval where the rows with data make up too few blocks.
        """
        answers = np.full((len(numerators), 3), np.nan)
        below = denominators.sum(axis=1)
        defined = below != 0.0
        answers[defined, 0] = numerators.sum(axis=1)[defined] / below[defined]
        filled = (denominators != 0.0).sum(axis=1)
        enough = defined & (filled >= max(MIN_ROWS, MIN_BLOCKS * self.block))
        if enough.any():
            answers[enough, 1:] = _percentile_intervals(
                self._sums(numerators, enough), self._sums(denominators, enough)
            )
        return answers

    def _sums(self, series: Floats, enough: NDArray[np.bool_]) -> Floats:
        chosen = np.ascontiguousarray(series if enough.all() else series[enough])
        return _resampled_sums(chosen, self.run_starts, self.run_ends, self.sample_offsets)


def draw_bootstrap(rows: int, block: float, seed: int, samples: int = SAMPLES) -> BootstrapDraws:
    """Draw the samples of `quant.resampling.stationary_indices`."""
    if rows == 0:
        nothing = np.zeros(0, np.uint32)
        return BootstrapDraws(rows, block, nothing, nothing, np.zeros(samples + 1, np.uint32))
    return BootstrapDraws(rows, block, *_runs(stationary_indices(rows, block, samples, seed)))


def _runs(drawn: NDArray[np.intp]) -> tuple[RunBounds, RunBounds, RunBounds]:
    """Convert drawn rows (S, R) to runs: the first row and one past the last row of each run, and
    the index of each sample's first run, (S + 1,)."""
    samples, rows = drawn.shape
    begins = np.ones((samples, rows), bool)
    begins[:, 1:] = np.diff(drawn, axis=1) != 1
    starts = np.flatnonzero(begins)
    run_starts = drawn.reshape(-1)[starts]
    run_ends = run_starts + np.diff(np.append(starts, samples * rows))
    offsets = np.concatenate([[0], np.cumsum(begins.sum(axis=1))])
    return run_starts.astype(np.uint32), run_ends.astype(np.uint32), offsets.astype(np.uint32)


def _percentile_intervals(above: Floats, below: Floats) -> Floats:
    """(K, 2) intervals from resampled sums (K, S); NaN where less than half of the samples have a
    ratio."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.sort(np.where(below == 0.0, np.nan, above / below), axis=1)
    known = (~np.isnan(ratios)).sum(axis=1)
    ends = np.full((len(ratios), 2), np.nan)
    usable = np.flatnonzero(2 * known >= ratios.shape[1])
    for end, level in enumerate((0.05, 0.95)):
        place = level * (known[usable] - 1)
        lower = np.floor(place).astype(np.int64)
        upper = np.minimum(lower + 1, known[usable] - 1)
        left, right = ratios[usable, lower], ratios[usable, upper]
        ends[usable, end] = left + (place - lower) * (right - left)
    return ends


@cached_njit
def _resampled_sums(
    values: Floats, run_starts: RunBounds, run_ends: RunBounds, sample_offsets: RunBounds
) -> Floats:
    """(K, S) sums of `values` (K, R) over the rows that each sample drew.

    Eight series at a time, so that their sums stay in registers.
    """
    series, rows = values.shape
    samples = len(sample_offsets) - 1
    answers = np.empty((series, samples))
    running = np.zeros((rows + 1, SIMD_LANES))
    for lane in range(0, series, SIMD_LANES):
        width = min(SIMD_LANES, series - lane)
        for row in range(rows):
            for k in range(width):
                running[row + 1, k] = running[row, k] + values[lane + k, row]
        for sample in range(samples):
            a = b = c = d = e = f = g = h = 0.0
            for run in range(sample_offsets[sample], sample_offsets[sample + 1]):
                last, first = running[run_ends[run]], running[run_starts[run]]
                a += last[0] - first[0]
                b += last[1] - first[1]
                c += last[2] - first[2]
                d += last[3] - first[3]
                e += last[4] - first[4]
                f += last[5] - first[5]
                g += last[6] - first[6]
                h += last[7] - first[7]
            totals = (a, b, c, d, e, f, g, h)
            for k in range(width):
                answers[lane + k, sample] = totals[k]
    return answers
