"""The registry of performance metrics, and functions that compute all of them.

`METRICS` has the title, unit, source and function of each, so that a file, a tear sheet and a page
can iterate over them without knowing any. A metric that is undefined for a record is NaN, never
zero or infinite: a ratio to a risk of zero, a monthly rate without months, any metric of a record
with a gap or without bars.

`docs/trust/metrics.md` has the formulas and where other libraries differ. Leaves out intervals
(`research/backtest/robustness.py`) and the number of trials (`significance.py`).
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from quant.performance.metric import Metric, MetricKind
from quant.performance.return_metric_list import RETURN_METRICS
from quant.performance.round_trips import RoundTripTable
from quant.performance.trading_activity import TradingActivity
from quant.performance.trading_metric_list import TRADING_METRICS
from quant.risk.return_series import Floats, ReturnSeries, Times

METRICS: Mapping[str, Metric] = MappingProxyType(
    {metric.name: metric for metric in (*RETURN_METRICS, *TRADING_METRICS)}
)


def summary(
    returns: Floats,
    periods_per_year: float,
    benchmark: Floats | None = None,
    times: Times | None = None,
) -> dict[str, Floats]:
    """Compute every metric of `returns` (..., T), each (...,); the arguments are those of
    `ReturnSeries`.

    Metrics against a benchmark are NaN without one, those by day, month and year without `times`.
    """
    series = ReturnSeries(returns, periods_per_year, benchmark, times)
    return {
        metric.name: measure(metric, series)
        for metric in METRICS.values()
        if metric.kind in ("returns", "benchmark")
    }


def measure(metric: Metric, series: ReturnSeries) -> Floats:
    """Compute one metric of a record, (...,)."""
    unknown = np.full(series.returns.shape[:-1], np.nan)
    known = series.complete_with_benchmark if metric.kind == "benchmark" else series.complete
    if series.n == 0 or not known.any():
        return unknown
    with np.errstate(all="ignore"):
        value = np.asarray(metric.function(series), np.float64)
    return np.where(known & np.isfinite(value), value, unknown)


def trading_summary(round_trips: RoundTripTable, activity: TradingActivity) -> dict[str, float]:
    """Compute every metric of round trips and of their account's activity, with fields (T,)."""
    return {**_measure_all("trades", round_trips), **_measure_all("activity", activity)}


def _measure_all(kind: MetricKind, record: RoundTripTable | TradingActivity) -> dict[str, float]:
    with np.errstate(all="ignore"):
        values = {m.name: float(m.function(record)) for m in METRICS.values() if m.kind == kind}
    return {name: value if np.isfinite(value) else np.nan for name, value in values.items()}
