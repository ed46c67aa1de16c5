"""A return series: the input of every performance metric of returns.

Intermediate results that several metrics need (sorted returns, the path of wealth) are computed
once, on first use. Returns are simple, one a bar, compounded; leading axes are different records of
the same bars, and each is measured as if it were alone, to the last bit. For excess returns
subtract the riskless rate first.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Times = NDArray[np.datetime64]

A_YEAR = np.timedelta64(365 * 24 + 6, "h")
"""365.25 days."""


@dataclass(frozen=True, eq=False)
class ReturnSeries:
    """`returns` (..., T), fractions a bar, with `periods_per_year` bars a year.

    `benchmark` (T,) or (..., T) are the benchmark's returns on the same bars, `times` (T,) the
    closing instants in UTC; metrics that need a missing one are NaN. Raises ValueError where
    the shapes do not fit or `periods_per_year` is not positive.
    """

    returns: Floats
    periods_per_year: float
    benchmark: Floats | None = None
    times: Times | None = None

    def __post_init__(self) -> None:
        returns = np.ascontiguousarray(self.returns, np.float64)
        object.__setattr__(self, "returns", returns)
        if not self.periods_per_year > 0:
            raise ValueError(
                f"There are {self.periods_per_year} bars a year; there must be more than none."
            )
        if self.benchmark is not None:
            wide = np.broadcast_to(np.asarray(self.benchmark, np.float64), returns.shape)
            object.__setattr__(self, "benchmark", np.ascontiguousarray(wide))
        if self.times is not None and self.times.shape != returns.shape[-1:]:
            raise ValueError(f"{len(self.times)} times do not fit {returns.shape[-1]} returns.")

    @property
    def n(self) -> int:
        return int(self.returns.shape[-1])

    @property
    def years(self) -> float:
        return self.n / self.periods_per_year

    @cached_property
    def complete(self) -> Bools:
        """(...,) whether the record has no gap."""
        return np.asarray(np.isfinite(self.returns).all(axis=-1))

    @cached_property
    def complete_with_benchmark(self) -> Bools:
        """(...,) whether neither the record nor its benchmark has a gap."""
        if self.benchmark is None:
            return np.zeros(self.complete.shape, bool)
        return np.asarray(self.complete & np.isfinite(self.benchmark).all(axis=-1))

    @cached_property
    def mean(self) -> Floats:
        return np.asarray(self.returns.mean(axis=-1))

    @cached_property
    def deviation(self) -> Floats:
        """Standard deviation with n - 1, exactly 0 for constant returns; NaN below two bars."""
        return deviation(self.returns)

    @cached_property
    def moments(self) -> tuple[Floats, Floats, Floats]:
        """Second, third and fourth central moments; exactly 0 for constant returns."""
        centred = _centred(self.returns)
        squares = centred * centred
        return (
            np.asarray(squares.mean(axis=-1)),
            np.asarray((squares * centred).mean(axis=-1)),
            np.asarray((squares * squares).mean(axis=-1)),
        )

    @cached_property
    def comoments(self) -> tuple[Floats, Floats]:
        """Covariance with the benchmark and the benchmark's variance, both as means over the
        bars; exactly 0 for constant returns, NaN without a benchmark."""
        if self.benchmark is None:
            unknown = np.full(self.returns.shape[:-1], np.nan)
            return unknown, unknown
        theirs = _centred(self.benchmark)
        covariance = (_centred(self.returns) * theirs).mean(axis=-1)
        return np.asarray(covariance), np.asarray((theirs * theirs).mean(axis=-1))

    @cached_property
    def active_moments(self) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the return less the benchmark's; NaN without one."""
        if self.benchmark is None:
            unknown = np.full(self.returns.shape[:-1], np.nan)
            return unknown, unknown
        active = self.returns - self.benchmark
        return np.asarray(active.mean(axis=-1)), deviation(active)

    @cached_property
    def sorted_returns(self) -> Floats:
        """(..., T) returns, smallest first."""
        return np.sort(self.returns, axis=-1)

    @cached_property
    def wealth(self) -> Floats:
        """(..., T) wealth after each bar, starting from one."""
        return np.asarray(np.cumprod(1.0 + self.returns, axis=-1))

    @cached_property
    def drawdown(self) -> Floats:
        """(..., T) distance from the highest wealth so far, as a fraction of it, 0 or below."""
        peak = np.maximum(np.maximum.accumulate(self.wealth, axis=-1), 1.0)
        return self.wealth / peak - 1.0


def periods_per_year(instants: Times) -> float:
    """How many of the periods between T + 1 `instants`, in order, fill a year of 365.25 days.

    By elapsed time, so that weekends, holidays and gaps count as they were, whichever calendars
    the instants come from. Raises ValueError where no time has passed.
    """
    elapsed = instants[-1] - instants[0] if len(instants) else np.timedelta64(0, "h")
    if not elapsed > np.timedelta64(0, "h"):
        raise ValueError(f"No time passes between {len(instants)} instants.")
    return float((len(instants) - 1) * (A_YEAR / elapsed))


def deviation(values: Floats) -> Floats:
    """(...,) standard deviation along the last axis with n - 1.

    Exactly 0 for constant values, so that rounding never looks like risk.
    """
    n = values.shape[-1]
    if n < 2:
        return np.full(values.shape[:-1], np.nan)
    centred = _centred(values)
    return np.asarray(np.sqrt((centred * centred).sum(axis=-1) / (n - 1)))


def _centred(values: Floats) -> Floats:
    """Distances from the mean; exactly 0 for constant values."""
    differs = values.max(axis=-1) > values.min(axis=-1)
    middle = np.where(differs, values.mean(axis=-1), values[..., 0])
    return np.asarray(values - middle[..., np.newaxis])
