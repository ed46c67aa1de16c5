"""How large an effect must be before a record can tell it from nothing.

The minimum detectable effect (Bloom 1995, "Minimum detectable effects", Evaluation Review 19): a
two-sided test at `LEVEL` finds a true effect of z(1 - LEVEL / 2) + z(POWER) = 2.80 standard errors
with probability `POWER`. Effects are in the unit of their score; NaN where nothing can be said.
Leaves out that the best of several scores looks good by chance (`quant/performance/significance.py`
has that for Sharpe ratios).
"""

import math

from scipy.special import ndtri

LEVEL = 0.05
POWER = 0.8
STANDARD_ERRORS = float(ndtri(1.0 - LEVEL / 2.0) + ndtri(POWER))
"""Standard errors in the minimum detectable effect."""
INTERVAL_ERRORS = float(ndtri(0.95) - ndtri(0.05))
"""Width of a 90% interval in standard errors, where estimates are normal."""


def detectable_effect(low: float, high: float) -> float:
    """Return the smallest effect that an estimate with this measured 90% interval could tell from
    zero."""
    return STANDARD_ERRORS * (high - low) / INTERVAL_ERRORS


def detectable_rank_ic(bars: float, symbols: int, horizon: int) -> float:
    """Return the smallest mean rank IC that `bars` bars of `symbols` symbols could tell from zero,
    at most 1, where no interval was measured.

    Without skill the rank correlation of n independent symbols has variance 1 / (n - 1) (Kendall
    1938), and of the outcomes over `horizon` bars only those of every `horizon`-th bar do not
    overlap. Symbols that move together and evidence that changes slowly make it larger.
    """
    return _detectable_correlation(bars / horizon * (symbols - 1))


def detectable_time_ic(bars: float, horizon: int) -> float:
    """Return the same for a rank correlation through time, of symbols that all move as one: the
    least that several symbols can be worth."""
    return _detectable_correlation(bars / horizon - 1.0)


def _detectable_correlation(independent: float) -> float:
    """Return the effect for a variance of 1 / `independent`."""
    return min(STANDARD_ERRORS / math.sqrt(independent), 1.0) if independent > 0.0 else math.nan
