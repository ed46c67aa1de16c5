"""What else could have come of the same strategy: intervals, paths drawn again, luck of the search.

Pure functions of what a backtest gives. Paths are drawn by the stationary bootstrap, in blocks
long enough for returns and for the clustering of their size; a new order alone would leave the
end of every path where it was, so nothing here is a permutation. Figures are plain numbers, None
where unknown, ready for JSON. Leaves out what was tried (`programme.py`).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from quant.performance.metric import Metric
from quant.performance.metrics import METRICS, measured
from quant.performance.periods import Period, by_period
from quant.performance.significance import (
    deflated_sharpe,
    expected_best_sharpe,
    minimum_track_record,
    selection,
    superior,
)
from quant.resampling import (
    FEWEST_BLOCKS,
    Estimate,
    block_length,
    enough,
    interval,
    ratio_estimate,
    stationary_indices,
)
from quant.risk.return_series import Floats, Times, Track

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
"""Measures that are given by their value alone, and why."""

BY_PERIOD: Mapping[str, Period] = {"win_days": "D", "win_months": "M", "win_years": "Y"}
"""Measures whose days, months and years are drawn instead of bars."""

PERCENTILES = (5, 25, 50, 75, 95)
FINAL = ("total_return", "sharpe", "max_drawdown")
POINTS = 100
AT_ONCE = 250_000
"""Returns that are drawn and measured together: what fits a processor's cache."""
MOST_TRIPS = 20_000_000
"""Round trips drawn in all: an account that trades a thousand times a month has fewer paths."""


def estimates(
    returns: Floats,
    periods: float,
    seed: int,
    benchmark: Floats | None = None,
    times: Times | None = None,
    samples: int = 500,
    names: Iterable[str] = METRICS,
) -> dict[str, Estimate]:
    """The measures named of one record (T,) with their 90% intervals; see `Track` for the rest.

    Bars of the record and its benchmark are drawn together. Those in `WITHOUT_INTERVAL` have a
    value only; those that need a benchmark or times which are not given are left out.
    """
    track = Track(returns, periods, benchmark, times)
    chosen = [METRICS[name] for name in names if _possible(METRICS[name], track)]
    drawn = [m for m in chosen if m.name not in WITHOUT_INTERVAL and m.name not in BY_PERIOD]
    resampled = _resampled(drawn, track, seed, samples)
    answers = {}
    for metric in chosen:
        value = float(measured(metric, track))
        if metric.name in BY_PERIOD and times is not None:
            answers[metric.name] = _share_won(returns, times, BY_PERIOD[metric.name], seed)
        elif metric.name in resampled:
            answers[metric.name] = interval(resampled[metric.name], value, track.n)
        else:
            answers[metric.name] = Estimate(value, np.nan, np.nan, track.n)
    return answers


def monte_carlo(
    returns: Floats, trips: Floats, periods: float, seed: int, samples: int = 1000
) -> dict[str, Any]:
    """Paths of wealth made of the same returns (T,), and of the same round trips (K,).

    `trips` are profits as shares of the equity at their entry, in order of their end. `bands`
    maps a percentile to the wealth, one at the beginning, after each of `points` bars (or trips);
    `final` maps a measure to its value, to 5% (`low`) and 95% (`high`) of the paths and to the
    percentiles between. The same under `trades`, None where there are too few.
    """
    a_year = periods * len(trips) / max(len(returns), 1)
    return {
        **(_paths(returns, periods, seed, samples) or {}),
        "trades": _paths(trips, a_year, seed, min(samples, MOST_TRIPS // max(len(trips), 1))),
    }


def overfitting(returns: Floats, trials: Floats, periods: float, earlier: int) -> dict[str, Any]:
    """How much of the record (T,) may be owed to the search that found it.

    `trials` (T, K) are the returns of everything tried on these bars, `earlier` how many more
    were tried before. Where the trials differ less than worthless ones would by chance, the
    variance of the latter (1 / (T - 1)) is taken, so that like trials do not flatter.
    `sharpe_of_luck` is the yearly Sharpe ratio that the best of so many worthless ones shows,
    `bars_needed` the shortest record that tells one like this from nothing, at 95%.
    """
    track = Track(returns, periods)
    alike = Track(np.ascontiguousarray(trials.T), periods)
    count = trials.shape[1] + earlier
    with np.errstate(all="ignore"):
        tried = alike.mean / alike.deviation
    tried = tried[np.isfinite(tried)]
    chance = 1.0 / max(len(returns) - 1, 1)
    variance = max(float(tried.var(ddof=1)), chance) if len(tried) > 1 else chance
    chosen = selection(trials)
    return {
        "trials": count,
        "pbo": _known(chosen.overfit),
        "loss_after_choosing": _known(chosen.loss),
        "sharpe_of_luck": _known(expected_best_sharpe(count, variance) * np.sqrt(periods)),
        "deflated_sharpe": _known(deflated_sharpe(track, count, variance)),
        "bars_needed": _known(np.ceil(minimum_track_record(track))),
        "p_value_of_the_best": _known(superior(trials, np.zeros(len(trials)))),
    }


def _possible(metric: Metric, track: Track) -> bool:
    if metric.name in BY_PERIOD:
        return track.times is not None
    return metric.kind == "track" or (metric.kind == "benchmark" and track.benchmark is not None)


def _block(returns: Floats) -> float:
    """Long enough for the returns and for their size, short enough to draw several."""
    wanted = max(block_length(returns), block_length(np.abs(returns)))
    return max(min(wanted, len(returns) / FEWEST_BLOCKS), 1.0)


def _draws(track: Track, seed: int, samples: int) -> Iterator[Track]:
    """The track drawn again `samples` times, (some, T) at a time."""
    block = _block(track.returns)
    some = max(AT_ONCE // track.n, 1)
    for part, first in enumerate(range(0, samples, some)):
        count = min(some, samples - first)
        rows = stationary_indices(track.n, block, count, (seed, part))
        other = None if track.benchmark is None else track.benchmark[rows]
        yield Track(track.returns[rows], track.periods, other)


def _resampled(metrics: list[Metric], track: Track, seed: int, samples: int) -> dict[str, Floats]:
    """(samples,) values of each measure; nothing where the record is too short to say."""
    if not track.known.all() or not enough(track.n, 1.0):
        return {}
    values: dict[str, list[Floats]] = {metric.name: [] for metric in metrics}
    for draw in _draws(track, seed, samples):
        for metric in metrics:
            values[metric.name].append(measured(metric, draw))
    return {name: np.concatenate(parts) for name, parts in values.items()}


def _share_won(returns: Floats, times: Times, period: Period, seed: int) -> Estimate:
    each = by_period(returns, times, period).returns
    won, told = (each > 0.0).astype(np.float64), (each != 0.0).astype(np.float64)
    hole = np.where(np.isfinite(returns).all(), 0.0, np.nan)
    return ratio_estimate(won + hole, told, block_length(each), seed=seed)


def _paths(returns: Floats, periods: float, seed: int, samples: int) -> dict[str, Any] | None:
    if not np.isfinite(returns).all() or not enough(len(returns), 1.0):
        return None
    track = Track(returns, periods)
    points = np.unique(np.linspace(0, track.n, POINTS + 1).round().astype(np.intp))
    wealth: list[Floats] = []
    ends: dict[str, list[Floats]] = {name: [] for name in FINAL}
    for draw in _draws(track, seed, samples):
        wealth.append(draw.growth[:, points[1:] - 1])
        for name in FINAL:
            ends[name].append(measured(METRICS[name], draw))
    spread = np.percentile(np.concatenate(wealth), PERCENTILES, axis=0)
    return {
        "points": points.tolist(),
        "bands": {
            str(p): [1.0, *band.tolist()] for p, band in zip(PERCENTILES, spread, strict=True)
        },
        "final": {
            name: _final(float(measured(METRICS[name], track)), np.concatenate(ends[name]), track.n)
            for name in FINAL
        },
    }


def _final(value: float, drawn: Floats, n: int) -> dict[str, float | int | None]:
    told = interval(drawn, value, n)
    known = drawn[np.isfinite(drawn)]
    between = np.percentile(known, (25, 50, 75)) if len(known) else [np.nan] * 3
    return {
        "value": _known(value),
        "low": _known(told.low),
        "high": _known(told.high),
        "n": n,
        **{str(p): _known(each) for p, each in zip((25, 50, 75), between, strict=True)},
    }


def _known(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
