"""Other outcomes that the same strategy could have had: intervals, resampled paths, luck of the
search.

Pure functions of a backtest's returns. Paths are drawn by the stationary bootstrap, in blocks long
enough for the dependence of returns and for volatility clustering; a permutation would leave the
end of every path where it was, so none is used. Figures are plain numbers, None where unknown,
ready for JSON. Leaves out what was tried (`suite.py`).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from quant.performance.metric import Metric
from quant.performance.metrics import METRICS, measure
from quant.performance.periods import PeriodUnit, period_returns
from quant.performance.significance import (
    deflated_sharpe,
    estimate_overfitting,
    expected_maximum_sharpe,
    minimum_track_record_length,
    superior_predictive_ability,
)
from quant.resampling import (
    MIN_BLOCKS,
    IntervalEstimate,
    block_length,
    has_enough_blocks,
    percentile_interval,
    ratio_estimate,
    stationary_indices,
)
from quant.risk.return_series import Floats, ReturnSeries, Times

WITHOUT_INTERVAL: Mapping[str, str] = {
    "probabilistic_sharpe": "it is itself a statement about chance",
    "best_bar": "drawing again cannot show a return that was never seen",
    "worst_bar": "drawing again cannot show a return that was never seen",
    "average_drawdown": "blocks cut drawdowns short",
    "longest_drawdown": "blocks cut drawdowns short",
    "average_drawdown_length": "blocks cut drawdowns short",
    "longest_wins": "blocks cut streaks short",
    "longest_losses": "blocks cut streaks short",
    "stability": "a path of drawn blocks has another trend in every stretch",
}
"""Metrics that are given without an interval, and why."""

BY_PERIOD: Mapping[str, PeriodUnit] = {"win_days": "D", "win_months": "M", "win_years": "Y"}
"""Metrics for which days, months and years are resampled instead of bars."""

PERCENTILES = (5, 25, 50, 75, 95)
FINAL_METRICS = ("total_return", "sharpe", "max_drawdown")
PATH_POINTS = 100
CHUNK_RETURNS = 250_000
"""Returns that are drawn and measured together: as many as fit a processor's cache."""
MAX_ROUND_TRIPS = 20_000_000
"""Most round trips drawn in all: an account that trades a thousand times a month has fewer
paths."""


def estimates(
    returns: Floats,
    periods: float,
    seed: int,
    benchmark: Floats | None = None,
    times: Times | None = None,
    samples: int = 500,
    names: Iterable[str] = METRICS,
) -> dict[str, IntervalEstimate]:
    """Estimate the named metrics of one record (T,) with their 90% intervals; see `ReturnSeries`
    for the other arguments.

    Bars of the record and its benchmark are drawn together. Metrics in `WITHOUT_INTERVAL` have only
    a value; those that need a missing benchmark or missing times are left out.
    """
    series = ReturnSeries(returns, periods, benchmark, times)
    chosen = [METRICS[name] for name in names if _is_applicable(METRICS[name], series)]
    resampled_metrics = [
        m for m in chosen if m.name not in WITHOUT_INTERVAL and m.name not in BY_PERIOD
    ]
    resampled = _resampled_values(resampled_metrics, series, seed, samples)
    answers = {}
    for metric in chosen:
        value = float(measure(metric, series))
        if metric.name in BY_PERIOD and times is not None:
            answers[metric.name] = _win_rate(returns, times, BY_PERIOD[metric.name], seed)
        elif metric.name in resampled:
            answers[metric.name] = percentile_interval(resampled[metric.name], value, series.n)
        else:
            answers[metric.name] = IntervalEstimate(value, np.nan, np.nan, series.n)
    return answers


def monte_carlo(
    returns: Floats, round_trips: Floats, periods: float, seed: int, samples: int = 1000
) -> dict[str, Any]:
    """Resample paths of wealth from the same returns (T,), and from the same K round trips (K,).

    `round_trips` are profits as shares of the equity at their entry, in order of their end. `bands`
    maps a percentile to the wealth, 1 at the beginning, after each of `points` bars (or trips);
    `final` maps a metric to its value, its 5% (`low`) and 95% (`high`) quantiles over the paths and
    the percentiles between. The same under `trades`, None where there are too few.
    """
    trips_per_year = periods * len(round_trips) / max(len(returns), 1)
    return {
        **(_wealth_paths(returns, periods, seed, samples) or {}),
        "trades": _wealth_paths(
            round_trips,
            trips_per_year,
            seed,
            min(samples, MAX_ROUND_TRIPS // max(len(round_trips), 1)),
        ),
    }


def overfitting(
    returns: Floats, trials: Floats, periods: float, earlier_trials: int
) -> dict[str, Any]:
    """Return how much of the record (T,) may come from the search that found it.

    `trials` (T, K) are the returns of all K trials on these bars, `earlier_trials` how many more
    were made before. Where the trials differ less than trials without skill would by chance, the
    variance of the latter (1 / (T - 1)) is used, so that similar trials do not flatter the result.
    `sharpe_of_luck` is the yearly Sharpe ratio that the best of so many trials without skill shows,
    `bars_needed` the shortest record that distinguishes this one from no skill, at 95%.
    """
    series = ReturnSeries(returns, periods)
    trial_series = ReturnSeries(np.ascontiguousarray(trials.T), periods)
    count = trials.shape[1] + earlier_trials
    with np.errstate(all="ignore"):
        trial_sharpes = trial_series.mean / trial_series.deviation
    trial_sharpes = trial_sharpes[np.isfinite(trial_sharpes)]
    minimum_variance = 1.0 / max(len(returns) - 1, 1)
    variance = (
        max(float(trial_sharpes.var(ddof=1)), minimum_variance)
        if len(trial_sharpes) > 1
        else minimum_variance
    )
    estimate = estimate_overfitting(trials)
    return {
        "trials": count,
        "pbo": _finite_or_none(estimate.probability),
        "loss_after_choosing": _finite_or_none(estimate.loss_probability),
        "sharpe_of_luck": _finite_or_none(
            expected_maximum_sharpe(count, variance) * np.sqrt(periods)
        ),
        "deflated_sharpe": _finite_or_none(deflated_sharpe(series, count, variance)),
        "bars_needed": _finite_or_none(np.ceil(minimum_track_record_length(series))),
        "p_value_of_the_best": _finite_or_none(
            superior_predictive_ability(trials, np.zeros(len(trials)))
        ),
    }


def _is_applicable(metric: Metric, series: ReturnSeries) -> bool:
    if metric.name in BY_PERIOD:
        return series.times is not None
    return metric.kind == "returns" or (metric.kind == "benchmark" and series.benchmark is not None)


def _block_length(returns: Floats) -> float:
    """Return a block length that covers the dependence of returns and of their size, and is short
    enough to draw several blocks."""
    length = max(block_length(returns), block_length(np.abs(returns)))
    return max(min(length, len(returns) / MIN_BLOCKS), 1.0)


def _resample_series(series: ReturnSeries, seed: int, samples: int) -> Iterator[ReturnSeries]:
    """Resample the record `samples` times, (some, T) at a time."""
    block = _block_length(series.returns)
    some = max(CHUNK_RETURNS // series.n, 1)
    for part, first in enumerate(range(0, samples, some)):
        count = min(some, samples - first)
        rows = stationary_indices(series.n, block, count, (seed, part))
        other = None if series.benchmark is None else series.benchmark[rows]
        yield ReturnSeries(series.returns[rows], series.periods_per_year, other)


def _resampled_values(
    metrics: list[Metric], series: ReturnSeries, seed: int, samples: int
) -> dict[str, Floats]:
    """Return (samples,) values of each metric; nothing where the record is too short."""
    if not series.complete.all() or not has_enough_blocks(series.n, 1.0):
        return {}
    values: dict[str, list[Floats]] = {metric.name: [] for metric in metrics}
    for draw in _resample_series(series, seed, samples):
        for metric in metrics:
            values[metric.name].append(measure(metric, draw))
    return {name: np.concatenate(parts) for name, parts in values.items()}


def _win_rate(returns: Floats, times: Times, period: PeriodUnit, seed: int) -> IntervalEstimate:
    each = period_returns(returns, times, period).returns
    won, decided = (each > 0.0).astype(np.float64), (each != 0.0).astype(np.float64)
    unknown = np.where(np.isfinite(returns).all(), 0.0, np.nan)
    return ratio_estimate(won + unknown, decided, block_length(each), seed=seed)


def _wealth_paths(
    returns: Floats, periods: float, seed: int, samples: int
) -> dict[str, Any] | None:
    if not np.isfinite(returns).all() or not has_enough_blocks(len(returns), 1.0):
        return None
    series = ReturnSeries(returns, periods)
    points = np.unique(np.linspace(0, series.n, PATH_POINTS + 1).round().astype(np.intp))
    wealth: list[Floats] = []
    ends: dict[str, list[Floats]] = {name: [] for name in FINAL_METRICS}
    for draw in _resample_series(series, seed, samples):
        wealth.append(draw.wealth[:, points[1:] - 1])
        for name in FINAL_METRICS:
            ends[name].append(measure(METRICS[name], draw))
    spread = np.percentile(np.concatenate(wealth), PERCENTILES, axis=0)
    return {
        "points": points.tolist(),
        "bands": {
            str(p): [1.0, *band.tolist()] for p, band in zip(PERCENTILES, spread, strict=True)
        },
        "final": {
            name: _final_estimate(
                float(measure(METRICS[name], series)), np.concatenate(ends[name]), series.n
            )
            for name in FINAL_METRICS
        },
    }


def _final_estimate(value: float, draws: Floats, n: int) -> dict[str, float | int | None]:
    estimate = percentile_interval(draws, value, n)
    known = draws[np.isfinite(draws)]
    between = np.percentile(known, (25, 50, 75)) if len(known) else [np.nan] * 3
    return {
        "value": _finite_or_none(value),
        "low": _finite_or_none(estimate.low),
        "high": _finite_or_none(estimate.high),
        "n": n,
        **{str(p): _finite_or_none(each) for p, each in zip((25, 50, 75), between, strict=True)},
    }


def _finite_or_none(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
