"""Figures of the RL lab: the paths of many seeds as thin lines in a band, with means and benchmarks
drawn on top.

Drawn like every other figure (`research/report/svg.py`): SVG framed by a caption, with a table of
its numbers. Leaves out reading a run; the caller passes arrays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from domain.panel import Floats
from envs.training.events import HeldOutPaths
from research.report.charts import PlotCurve, legend
from research.report.svg import (
    WIDTH,
    AxisScale,
    NumberFormat,
    build_scale,
    data_table,
    evenly_spaced,
    figure_frame,
    format_percent,
    format_plain,
    join_points,
    plot_points,
    sample_rows,
    svg_path,
)

ENSEMBLE = "ensemble"
ALGORITHM_LOOKS = {"ppo": 1, "a2c": 2, "dqn": 3, "sac": 4, "td3": 6}
"""Colour and dash of each algorithm's mean."""
CURVE_POINTS = 121
"""Places of a learning curve from no step to the last."""
BENCHMARK_LOOKS = (5, 8, 7, 2)
"""Looks of the benchmarks, in their order."""


@dataclass(frozen=True, slots=True, eq=False)
class CurveGroup:
    """Paths (S, X) of S similar members at X places, NaN where a member has no value: drawn thin,
    in a band from the lowest to the highest at each place."""

    name: str
    paths: Floats
    look: int

    @property
    def mean(self) -> Floats:
        """The mean (X,) of the members that have a value, NaN where none has."""
        known = np.isfinite(self.paths)
        count = known.sum(axis=0)
        total = np.where(known, self.paths, 0.0).sum(axis=0)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)


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
    groups = []
    for algorithm in dict.fromkeys(name.rpartition("-")[0] for name in members):
        seeds = [name for name in dict.fromkeys(members) if name.rpartition("-")[0] == algorithm]
        own = [(names == seed) & known for seed in seeds]
        paths = [_interpolate(across, at[rows], value[rows]) for rows in own if rows.any()]
        if paths:
            look = ALGORITHM_LOOKS.get(algorithm, 5)
            groups.append(CurveGroup(f"{algorithm.upper()}, mean", np.stack(paths), look))
    step_labels = [f"{steps:,.0f}" for steps in across]
    means = [PlotCurve(group.name, group.mean, group.look) for group in groups]
    return _figure(id, title, "Steps", step_labels, groups, means, format_plain, 0.0)


def _interpolate(across: Floats, at: Floats, values: Floats) -> Floats:
    """Interpolate the measured `values` at `at`, NaN before the first and after the last. Each is
    also set at the place nearest to it, so that a single value is drawn too."""
    path = np.interp(across, at, values, left=np.nan, right=np.nan)
    path[np.abs(across[:, None] - at).argmin(axis=0)] = values
    return np.asarray(path)


def held_out_equity(id: str, title: str, held_out: HeldOutPaths) -> str:
    """Draw growth over the test period: the ensemble, its members as a band, and benchmarks."""
    members = np.array([growth(path) for path in held_out.members.values()])
    benchmarks = [
        PlotCurve(name, growth(path), BENCHMARK_LOOKS[place % len(BENCHMARK_LOOKS)])
        for place, (name, path) in enumerate(held_out.benchmarks.items())
    ]
    curves = [PlotCurve(ENSEMBLE, growth(held_out.ensemble), 1), *benchmarks]
    groups = [CurveGroup("members", members, 1)] if len(members) else []
    return _figure(id, title, "Day", held_out.dates, groups, curves, format_percent, 0.0)


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
    return _figure(id, title, "Day", tuple(map(str, across)), (), curves, format_percent, 0.0)


def growth(equity: Sequence[float] | Floats) -> Floats:
    """Return the relative change (T,) since the first value."""
    path = np.asarray(equity, np.float64)
    return path / path[0] - 1.0 if len(path) else path


def _figure(
    id: str,
    title: str,
    first: str,
    across: Sequence[str],
    groups: Sequence[CurveGroup],
    curves: Sequence[PlotCurve],
    write: NumberFormat,
    level: float,
) -> str:
    values = [*(group.paths for group in groups), *(curve.values for curve in curves)]
    scale = build_scale(values, level)
    ground = [line for group in groups for line in _band(group, scale)]
    front = [svg_path(c.values, scale, f"curve look-{c.style}") for c in reversed(curves)]
    at = scale.y(level)
    zero = f'<line class="level" x1="0" x2="{WIDTH}" y1="{at}" y2="{at}"/>'
    rows = [
        (across[k], *(write(float(curve.values[k])) for curve in curves))
        for k in sample_rows(len(across))
    ]
    return figure_frame(
        id,
        title,
        " ".join(_sentence(curve, write) for curve in curves),
        body=[zero, *ground, *front],
        y=[write(tick) for tick in scale.ticks[::-1]],
        x=[across[k] for k in evenly_spaced(len(across), 3)],
        legend=legend(curves),
        table=data_table(first, [curve.name for curve in curves], rows),
    )


def _band(group: CurveGroup, scale: AxisScale) -> list[str]:
    low, high = np.fmin.reduce(group.paths), np.fmax.reduce(group.paths)
    there, back = plot_points(low, scale), plot_points(high, scale)[::-1]
    lines = [_thin_line(each, scale, group.look) for each in group.paths]
    if len(group.paths) < 2 or len(there) < 2:
        return lines
    corners = f"{join_points(there)} {join_points(back)}"
    return [f'<polygon class="ground wide look-{group.look}" points="{corners}"/>', *lines]


def _thin_line(values: Floats, scale: AxisScale, look: int) -> str:
    """Draw a line with a dot at its end; a path with a single value is only its dot."""
    ends = plot_points(values, scale)[-1:]
    dots = (f'<path class="dot end look-{look}" d="M{x} {y}h0"/>' for x, y in ends)
    return svg_path(values, scale, f"curve thin look-{look}") + "".join(dots)


def _sentence(curve: PlotCurve, write: NumberFormat) -> str:
    known = curve.values[np.isfinite(curve.values)]
    if not len(known):
        return f"{curve.name}: not known."
    return f"{curve.name}: from {write(float(known[0]))} to {write(float(known[-1]))}."
