"""Returns by day, month and year, and over periods of market stress.

A bar belongs to the period in which it closed, in UTC; one that closes at midnight belongs to the
day that ends then.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from quant.performance.return_metrics import win_fraction
from quant.risk.return_series import Floats, ReturnSeries, Times

PeriodUnit = Literal["D", "M", "Y"]

STRESS_PERIODS: Mapping[str, tuple[str, str]] = {
    "Financial crisis 2007-2009": ("2007-10-09", "2009-03-09"),
    "Flash crash 2010": ("2010-04-23", "2010-07-02"),
    "US downgrade 2011": ("2011-07-22", "2011-10-03"),
    "China devalues 2015": ("2015-08-17", "2015-08-25"),
    "Oil and China 2016": ("2015-12-29", "2016-02-11"),
    "Volatility spike 2018": ("2018-01-26", "2018-02-08"),
    "Rates and trade 2018": ("2018-09-20", "2018-12-24"),
    "Pandemic 2020": ("2020-02-19", "2020-03-23"),
    "Inflation 2022": ("2022-01-03", "2022-10-12"),
    "Crypto winter 2021-2022": ("2021-11-10", "2022-11-21"),
    "Yen carry trade 2024": ("2024-07-16", "2024-08-05"),
    "Tariffs 2025": ("2025-02-19", "2025-04-08"),
}
"""From the close before the fall to the lowest close: of the S&P 500, in one case of bitcoin."""


@dataclass(frozen=True, slots=True, eq=False)
class PeriodReturns:
    """Compounded returns (..., P) of the periods that begin at `start` (P,)."""

    start: Times
    returns: Floats


def period_returns(returns: Floats, times: Times, period: PeriodUnit) -> PeriodReturns:
    """Compound `returns` (..., T) of bars that close at `times` (T,) by day, month or year."""
    of_bar = _day(times).astype(f"datetime64[{period}]")
    firsts = np.flatnonzero(np.append(True, of_bar[1:] != of_bar[:-1])[: len(of_bar)])
    if not len(firsts):
        return PeriodReturns(of_bar, np.empty((*returns.shape[:-1], 0)))
    grown = np.multiply.reduceat(1.0 + returns, firsts, axis=-1)
    return PeriodReturns(of_bar[firsts], np.asarray(grown - 1.0))


def win_days(series: ReturnSeries) -> Floats:
    return _win_fraction(series, "D")


def win_months(series: ReturnSeries) -> Floats:
    return _win_fraction(series, "M")


def win_years(series: ReturnSeries) -> Floats:
    return _win_fraction(series, "Y")


def stress_returns(returns: Floats, times: Times) -> dict[str, Floats]:
    """Total return (...,) over each of `STRESS_PERIODS`; NaN where the record does not span it."""
    day = _day(times)
    answers = {}
    for name, (first, last) in STRESS_PERIODS.items():
        begin, end = np.datetime64(first), np.datetime64(last)
        within = (day > begin) & (day <= end)
        spans = len(day) > 0 and bool(day[0] <= begin) and bool(day[-1] >= end)
        total = np.prod(1.0 + returns[..., within], axis=-1) - 1.0
        answers[name] = np.asarray(total if spans and within.any() else np.full_like(total, np.nan))
    return answers


def _win_fraction(series: ReturnSeries, period: PeriodUnit) -> Floats:
    if series.times is None:
        return np.full(series.returns.shape[:-1], np.nan)
    return win_fraction(period_returns(series.returns, series.times, period).returns)


def _day(times: Times) -> Times:
    return (times.astype("datetime64[us]") - np.timedelta64(1, "us")).astype("datetime64[D]")
