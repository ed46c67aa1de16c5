"""Scores of forecasts against known outcomes: proper scores, hits and rank correlations.

Arrays of forecasts and outcomes are (R, N), R rows voted on of N symbols, with NaN for a missing
forecast or an outcome not yet known; a score is NaN where either is. `up` is 1 where the outcome
was positive, else 0. *Evidence* is log-odds less those of the base rate. Leaves out means and
intervals over rows (`quant.bootstrap_ratios`), since neighbouring outcomes overlap.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quant.jit import cached_njit

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
SortOrder = NDArray[np.intp]

EVIDENCE_TOLERANCE = 1e-9
"""Evidence smaller than this is rounding and has no direction."""
MIN_SYMBOLS = 5
"""With fewer symbols in a row, its ranks carry no information."""


def brier(log_odds: Floats, up: Floats) -> Floats:
    """Squared distance of the probability from the outcome (Brier 1950), elementwise."""
    distance: Floats = probability(log_odds) - up
    return distance * distance


def log_loss(log_odds: Floats, up: Floats) -> Floats:
    """Minus the logarithm of the probability of the outcome, in nats, elementwise."""
    against = log_odds * (1.0 - 2.0 * up)
    loss: Floats = np.maximum(against, 0.0) + np.log1p(np.exp(-np.abs(against)))
    return loss


def probability(log_odds: Floats) -> Floats:
    """1 / (1 + exp(-L)), elementwise."""
    p_up: Floats = 1.0 / (1.0 + np.exp(-log_odds))
    return p_up


def hits(evidence: Floats, up: Floats) -> Floats:
    """1 where the direction of the evidence was right (above zero and the symbol rose, below zero
    and it did not), else 0; NaN without evidence."""
    right = (evidence > 0.0) == (up > 0.5)
    return np.where(_has_direction(evidence) & ~np.isnan(up), right, np.nan)


def expected_hit_rate(evidence: Floats, base_rate: Floats) -> Floats:
    """Probability of a hit by the base rate alone; NaN without evidence.

    A forecaster that always predicts a rise in a rising market has many hits without skill: only
    the hit rate above this one counts.
    """
    expected = np.where(evidence > 0.0, base_rate, 1.0 - base_rate)
    return np.where(_has_direction(evidence), expected, np.nan)


def minus_median(values: Floats, mask: Bools, median: Floats) -> Floats:
    """`values` (R, N) less their row's `median` (R,): a symbol's forecast or outcome relative to
    the others. NaN outside `mask`."""
    return np.where(mask, values - median[:, np.newaxis], np.nan)


def above_median(distance: Floats) -> Floats:
    """1 above the median, 0 below it, NaN on it: the outcome of a relative forecast, to compare
    with evidence `minus_median` in `hits`."""
    return np.where(np.isnan(distance) | (distance == 0.0), np.nan, distance > 0.0)


def _has_direction(evidence: Floats) -> Bools:
    return np.abs(evidence) > EVIDENCE_TOLERANCE


@dataclass(frozen=True, slots=True, eq=False)
class SortedRows:
    """`values` (M, L), M rows of L cells, and the `order` (M, L) that sorts each row, NaN last."""

    values: Floats
    order: SortOrder


def sort_rows(values: Floats) -> SortedRows:
    contiguous = np.ascontiguousarray(values)
    return SortedRows(contiguous, np.argsort(contiguous, axis=1))


def ranks(rows: SortedRows, mask: Bools) -> Floats:
    """Ranks from 1 within each row among the cells in `mask` (M, L), ties sharing their average;
    NaN elsewhere. `mask` holds no NaN."""
    return _ranks(rows.values, rows.order, np.ascontiguousarray(mask))


def medians(rows: SortedRows, mask: Bools) -> Floats:
    """Median (M,) of each row's cells in `mask`, NaN where there are none."""
    return _medians(rows.values, rows.order, np.ascontiguousarray(mask))


def rank_correlation(one: SortedRows, other: SortedRows, mask: Bools, minimum: int) -> Floats:
    """Spearman's rank correlation (M,) of each row over its cells in `mask`; NaN with fewer than
    `minimum` cells or where one side is constant.

    Over symbols, evidence against return: the rank information coefficient (Grinold 1989).
    """
    products = rank_products(one, other, mask)
    count = mask.sum(axis=1)
    total = np.nansum(products, axis=1)
    still = np.isnan(products).all(axis=1)
    return np.where(still | (count < minimum), np.nan, total / np.maximum(count, 1))


def rank_products(one: SortedRows, other: SortedRows, mask: Bools) -> Floats:
    """(M, L) products of standardised ranks, whose mean over a row is its rank correlation."""
    return _standardise(ranks(one, mask)) * _standardise(ranks(other, mask))


def _standardise(ranked: Floats) -> Floats:
    """Standardise rows to mean 0 and variance 1; NaN where a row is constant."""
    count = np.maximum((~np.isnan(ranked)).sum(axis=1, keepdims=True), 1)
    distance = ranked - np.nansum(ranked, axis=1, keepdims=True) / count
    variance = np.nansum(np.square(distance), axis=1, keepdims=True) / count
    standardised: Floats = distance / np.sqrt(np.where(variance > 0.0, variance, np.nan))
    return standardised


@cached_njit
def _ranks(values: Floats, order: SortOrder, mask: Bools) -> Floats:
    answers = np.full(values.shape, np.nan)
    tied = np.empty(values.shape[1], np.int64)
    for row in range(values.shape[0]):
        ranked = count = 0
        for place in range(values.shape[1]):
            column = order[row, place]
            if not mask[row, column]:
                continue
            if count > 0 and values[row, column] != values[row, tied[0]]:
                for k in range(count):
                    answers[row, tied[k]] = ranked - 0.5 * (count - 1)
                count = 0
            tied[count] = column
            count += 1
            ranked += 1
        for k in range(count):
            answers[row, tied[k]] = ranked - 0.5 * (count - 1)
    return answers


@cached_njit
def _medians(values: Floats, order: SortOrder, mask: Bools) -> Floats:
    answers = np.full(len(values), np.nan)
    sorted_row = np.empty(values.shape[1])
    for row in range(len(values)):
        count = 0
        for place in range(values.shape[1]):
            column = order[row, place]
            if mask[row, column]:
                sorted_row[count] = values[row, column]
                count += 1
        if count > 0:
            answers[row] = 0.5 * (sorted_row[(count - 1) // 2] + sorted_row[count // 2])
    return answers
