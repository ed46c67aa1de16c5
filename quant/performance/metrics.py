"""Every measure of performance by its name, and all of them at once.

`METRICS` holds the words, the unit, the source and the function of each, so that a file, a tear
sheet and a page can go through them without knowing any. A measure that has no meaning for a
record is NaN: a ratio to a risk that never showed, a month's rate without months, anything of a
record with a hole or without bars. Never zero, never infinite.

`docs/metrics.md` has the formulas and where other libraries differ. Leaves out intervals
(`research/backtest/robustness.py`) and the number of trials (`significance.py`).
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from quant.performance.metric import Kind, Metric
from quant.performance.return_metric_list import OF_RETURNS
from quant.performance.round_trips import Trades
from quant.performance.trading_activity import Book
from quant.performance.trading_metric_list import OF_TRADING
from quant.risk.return_series import Floats, Times, Track

METRICS: Mapping[str, Metric] = MappingProxyType(
    {metric.name: metric for metric in (*OF_RETURNS, *OF_TRADING)}
)


def summary(
    returns: Floats, periods: float, benchmark: Floats | None = None, times: Times | None = None
) -> dict[str, Floats]:
    """Every measure of `returns` (..., T), each (...,); see `Track` for the arguments.

    Those beside a benchmark are NaN without one, those by day, month and year without `times`.
    """
    track = Track(returns, periods, benchmark, times)
    return {
        metric.name: measured(metric, track)
        for metric in METRICS.values()
        if metric.kind in ("track", "benchmark")
    }


def measured(metric: Metric, track: Track) -> Floats:
    """One measure of a track, (...,)."""
    unknown = np.full(track.returns.shape[:-1], np.nan)
    known = track.comparable if metric.kind == "benchmark" else track.known
    if track.n == 0 or not known.any():
        return unknown
    with np.errstate(all="ignore"):
        value = np.asarray(metric.function(track), np.float64)
    return np.where(known & np.isfinite(value), value, unknown)


def trading_summary(trades: Trades, book: Book) -> dict[str, float]:
    """Every measure of round trips and of the account (its fields (T,)) that made them."""
    return {**_all("trades", trades), **_all("book", book)}


def _all(kind: Kind, of: Trades | Book) -> dict[str, float]:
    with np.errstate(all="ignore"):
        values = {m.name: float(m.function(of)) for m in METRICS.values() if m.kind == kind}
    return {name: value if np.isfinite(value) else np.nan for name, value in values.items()}
