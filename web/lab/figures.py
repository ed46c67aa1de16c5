"""Figures of the RL lab: what many seeds did, with their mean and the benchmarks on top.

Promises only which curves belong together; `research/report/charts.py` draws them. Leaves out
reading a run; the caller passes arrays.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from domain.panel import Floats
from envs.training.events import HeldOutPaths
from research.report.charts import PathBundle, PlotCurve, curve_chart
from research.report.svg import format_percent, format_plain

ENSEMBLE = "ensemble"
ALGORITHM_LOOKS = {"ppo": 1, "a2c": 2, "dqn": 3, "sac": 4, "td3": 6}
"""Colour and dash of each algorithm's mean."""
CURVE_POINTS = 121
"""Places of a learning curve from no step to the last."""
BENCHMARK_LOOKS = (5, 8, 7, 2)
"""Looks of the benchmarks, in their order."""


def learning_curves(
    id: str, title: str, members: Sequence[str], steps: Sequence[float], values: Sequence[float]
) -> str:
    """Draw one score of a run by training steps: each row of progress has a member ("ppo-0"), its
    steps and its value, NaN where unknown. Empty before the first row."""
    known = np.isfinite(np.asarray(values, np.float64))
    if not known.any():
        return ""
    across = np.linspace(0.0, max(steps), CURVE_POINTS)
    names, at, value = np.asarray(members), np.asarray(steps, np.float64), np.asarray(values)
    bundles, means = [], []
    for algorithm in dict.fromkeys(name.rpartition("-")[0] for name in members):
        seeds = [name for name in dict.fromkeys(members) if name.rpartition("-")[0] == algorithm]
        own = [(names == seed) & known for seed in seeds]
        paths = [_interpolate(across, at[rows], value[rows]) for rows in own if rows.any()]
        if paths:
            look = ALGORITHM_LOOKS.get(algorithm, 5)
            bundles.append(PathBundle(np.stack(paths), look))
            means.append(PlotCurve(f"{algorithm.upper()}, mean", _mean(bundles[-1].paths), look))
    step_labels = [f"{count:,.0f}" for count in across]
    return curve_chart(
        id, title, "Steps", step_labels, means, format_plain, level=0.0, bundles=bundles
    )


def _interpolate(across: Floats, at: Floats, values: Floats) -> Floats:
    """Interpolate the measured `values` at `at`, NaN before the first and after the last. Each is
    also set at the place nearest to it, so that a single value is drawn too."""
    path = np.interp(across, at, values, left=np.nan, right=np.nan)
    path[np.abs(across[:, None] - at).argmin(axis=0)] = values
    return np.asarray(path)


def _mean(paths: Floats) -> Floats:
    """The mean (X,) of the members' `paths` (S, X) that have a value, NaN where none has."""
    known = np.isfinite(paths)
    count = known.sum(axis=0)
    total = np.where(known, paths, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def held_out_equity(id: str, title: str, held_out: HeldOutPaths) -> str:
    """Draw growth over the test period: the ensemble, its members as a band, and benchmarks."""
    members = np.array([growth(path) for path in held_out.members.values()])
    benchmarks = [
        PlotCurve(name, growth(path), BENCHMARK_LOOKS[place % len(BENCHMARK_LOOKS)])
        for place, (name, path) in enumerate(held_out.benchmarks.items())
    ]
    curves = [PlotCurve(ENSEMBLE, growth(held_out.ensemble), 1), *benchmarks]
    bundles = [PathBundle(members, 1)] if len(members) else []
    return curve_chart(
        id, title, "Day", held_out.dates, curves, format_percent, level=0.0, bundles=bundles
    )


def overlaid_equity(id: str, title: str, runs: Mapping[str, HeldOutPaths]) -> str:
    """Draw the ensembles of several runs over the days that all of them cover, each starting at 0.
    A run keeps only some of its days, and each its own: lines join them."""
    days = {name: np.asarray(held_out.dates, "datetime64[D]") for name, held_out in runs.items()}
    known = [own_days for own_days in days.values() if len(own_days)]
    if len(known) < len(runs):
        return ""
    begin, end = max(own_days[0] for own_days in known), min(own_days[-1] for own_days in known)
    across = np.unique(np.concatenate(known))
    across = across[(across >= begin) & (across <= end)]
    if len(across) < 2:
        return ""
    curves = []
    for place, (name, held_out) in enumerate(runs.items()):
        path = np.interp(across.astype(float), days[name].astype(float), held_out.ensemble)
        curves.append(PlotCurve(name, growth(path), 1 + place % 8))
    days_in_words = tuple(map(str, across))
    return curve_chart(id, title, "Day", days_in_words, curves, format_percent, level=0.0)


def growth(equity: Sequence[float] | Floats) -> Floats:
    """Return the relative change (T,) since the first value."""
    path = np.asarray(equity, np.float64)
    return path / path[0] - 1.0 if len(path) else path
