"""Company figures after each report: trailing twelve months and earnings surprises.

Arrays are (K,) for one company, in the order in which the reports became known; entry k uses
reports 0 to k. The first figure filed for a period is used; restatements are ignored.
"""

import numpy as np
from numpy.typing import NDArray

from quant.per_symbol import Floats

Ints = NDArray[np.int32]

PRIOR_SURPRISE = 0.10
"""Typical size of a surprise, as a share of the estimate, before any is known."""
PRIOR_COUNT = 4.0
"""Weight of the prior size, in surprises."""


def trailing_twelve_months(year: Ints, quarter: Ints, figure: Floats) -> tuple[Floats, Floats]:
    """The figure over the last four quarters reported, and over the four a year earlier.

    `quarter` is 1 to 3 for a quarter and 4 for the whole year, so that the trailing year is the
    last whole year, plus this year's quarters, less the same quarters of last year. NaN where
    one of them is missing.
    """
    filed: dict[tuple[int, int], float] = {}
    latest = (0, 0)
    now = np.full(len(figure), np.nan)
    before = np.full(len(figure), np.nan)
    for k in range(len(figure)):
        period = (int(year[k]), int(quarter[k]))
        if not np.isnan(figure[k]):
            filed.setdefault(period, float(figure[k]))
        latest = max(latest, period)
        now[k] = _trailing(filed, *latest)
        before[k] = _trailing(filed, latest[0] - 1, latest[1])
    return now, before


def standardised_surprises(estimate: Floats, actual: Floats) -> Floats:
    """Earnings surprises in units of the company's usual surprise.

    (actual - estimate) / |estimate|, clipped to [-1, 1], over the root mean square of the earlier
    ones, which is shrunk towards `PRIOR_SURPRISE`. NaN where a figure is missing.
    """
    known = ~np.isnan(estimate) & ~np.isnan(actual) & (estimate != 0.0)
    relative = np.where(known, actual - estimate, 0.0) / np.where(known, np.abs(estimate), 1.0)
    relative = np.clip(relative, -1.0, 1.0)
    squares = np.cumsum(relative * relative) - relative * relative
    count = np.cumsum(known) - known
    usual = np.sqrt((PRIOR_COUNT * PRIOR_SURPRISE**2 + squares) / (PRIOR_COUNT + count))
    answers: Floats = np.where(known, relative / usual, np.nan)
    return answers


def _trailing(filed: dict[tuple[int, int], float], year: int, quarter: int) -> float:
    if quarter == 4:
        return filed.get((year, 4), np.nan)
    total = filed.get((year - 1, 4), np.nan)
    for q in range(1, quarter + 1):
        total += filed.get((year, q), np.nan) - filed.get((year - 1, q), np.nan)
    return total
