"""Figures of the RL lab: many seeds as thin lines within a band, and what stands out before them.

Drawn like every other figure (`research/report/svg.py`): SVG in a frame of words, with a table
of its numbers. Leaves out reading a run; whoever asks brings arrays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from domain.panel import Floats
from envs.training.events import HeldOut
from research.report.charts import Curve, legend_of
from research.report.svg import (
    WIDTH,
    Scale,
    Write,
    frame,
    joined,
    path,
    percent,
    plain,
    points,
    sampled,
    scale_of,
    spread,
    table,
)

ENSEMBLE = "ensemble"
LOOKS = {"ppo": 1, "a2c": 2, "dqn": 3, "sac": 4, "td3": 6}
"""Colour and dash of each algorithm's mean."""
ACROSS = 121
"""Places of a learning curve from no step to the last."""
BESIDE = (5, 8, 7, 2)
"""Looks of the benchmarks, in their order."""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Paths (S, X) of alike things, NaN where one has none: drawn thin, in a band from the lowest
    to the highest of each place."""

    name: str
    paths: Floats
    look: int

    @property
    def mean(self) -> Floats:
        """(X,) of those that got so far, NaN where none did."""
        known = np.isfinite(self.paths)
        count = known.sum(axis=0)
        total = np.where(known, self.paths, 0.0).sum(axis=0)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def learning_curves(
    id: str, title: str, members: Sequence[str], steps: Sequence[float], values: Sequence[float]
) -> str:
    """One score of a run by steps learnt: each row of progress names its member ("ppo-0"), its
    steps and its value, NaN where that is not known. Empty before the first."""
    told = np.isfinite(np.asarray(values, np.float64))
    if not told.any():
        return ""
    across = np.linspace(0.0, max(steps), ACROSS)
    names, at, value = np.asarray(members), np.asarray(steps, np.float64), np.asarray(values)
    groups = []
    for algorithm in dict.fromkeys(name.rpartition("-")[0] for name in members):
        seeds = [name for name in dict.fromkeys(members) if name.rpartition("-")[0] == algorithm]
        own = [(names == seed) & told for seed in seeds]
        paths = [_between(across, at[rows], value[rows]) for rows in own if rows.any()]
        if paths:
            look = LOOKS.get(algorithm, 5)
            groups.append(Group(f"{algorithm.upper()}, mean", np.stack(paths), look))
    said = [f"{steps:,.0f}" for steps in across]
    means = [Curve(group.name, group.mean, group.look) for group in groups]
    return _figure(id, title, "Steps", said, groups, means, plain, 0.0)


def _between(across: Floats, at: Floats, values: Floats) -> Floats:
    """The measured `values` at `at` joined by lines, NaN before the first and after the last; each
    is there at the place nearest to it, so that a single one is too."""
    path = np.interp(across, at, values, left=np.nan, right=np.nan)
    path[np.abs(across[:, None] - at).argmin(axis=0)] = values
    return np.asarray(path)


def held_out_equity(id: str, title: str, held_out: HeldOut) -> str:
    """Growth through the test period of the ensemble, its members as a band, and benchmarks."""
    members = np.array([growth(path) for path in held_out.members.values()])
    beside = [
        Curve(name, growth(path), BESIDE[place % len(BESIDE)])
        for place, (name, path) in enumerate(held_out.benchmarks.items())
    ]
    curves = [Curve(ENSEMBLE, growth(held_out.ensemble), 1), *beside]
    groups = [Group("members", members, 1)] if len(members) else []
    return _figure(id, title, "Day", held_out.dates, groups, curves, percent, 0.0)


def overlaid(id: str, title: str, runs: Mapping[str, HeldOut]) -> str:
    """Ensembles of several runs over the days that all of them reach, each begun at 0. A run keeps
    some of its days only, and each its own: between them it is joined by lines."""
    days = {name: np.asarray(held.dates, "datetime64[D]") for name, held in runs.items()}
    known = [own for own in days.values() if len(own)]
    if len(known) < len(runs):
        return ""
    begin, end = max(own[0] for own in known), min(own[-1] for own in known)
    across = np.unique(np.concatenate(known))
    across = across[(across >= begin) & (across <= end)]
    if len(across) < 2:
        return ""
    curves = []
    for place, (name, held) in enumerate(runs.items()):
        path = np.interp(across.astype(float), days[name].astype(float), held.ensemble)
        curves.append(Curve(name, growth(path), 1 + place % 8))
    return _figure(id, title, "Day", tuple(map(str, across)), (), curves, percent, 0.0)


def growth(equity: Sequence[float] | Floats) -> Floats:
    """(T,) since the beginning."""
    path = np.asarray(equity, np.float64)
    return path / path[0] - 1.0 if len(path) else path


def _figure(
    id: str,
    title: str,
    first: str,
    across: Sequence[str],
    groups: Sequence[Group],
    curves: Sequence[Curve],
    write: Write,
    level: float,
) -> str:
    values = [*(group.paths for group in groups), *(curve.values for curve in curves)]
    scale = scale_of(values, level)
    ground = [line for group in groups for line in _band(group, scale)]
    front = [path(c.values, scale, f"curve look-{c.look}") for c in reversed(curves)]
    at = scale.y(level)
    zero = f'<line class="level" x1="0" x2="{WIDTH}" y1="{at}" y2="{at}"/>'
    rows = [
        (across[k], *(write(float(curve.values[k])) for curve in curves))
        for k in sampled(len(across))
    ]
    return frame(
        id,
        title,
        " ".join(_sentence(curve, write) for curve in curves),
        body=[zero, *ground, *front],
        y=[write(tick) for tick in scale.ticks[::-1]],
        x=[across[k] for k in spread(len(across), 3)],
        legend=legend_of(curves),
        table=table(first, [curve.name for curve in curves], rows),
    )


def _band(group: Group, scale: Scale) -> list[str]:
    low, high = np.fmin.reduce(group.paths), np.fmax.reduce(group.paths)
    there, back = points(low, scale), points(high, scale)[::-1]
    lines = [_thin(each, scale, group.look) for each in group.paths]
    if len(group.paths) < 2 or len(there) < 2:
        return lines
    corners = f"{joined(there)} {joined(back)}"
    return [f'<polygon class="ground wide look-{group.look}" points="{corners}"/>', *lines]


def _thin(values: Floats, scale: Scale, look: int) -> str:
    """A line with a dot where it ends; one that has only begun is its dot."""
    ends = points(values, scale)[-1:]
    dots = (f'<path class="dot end look-{look}" d="M{x} {y}h0"/>' for x, y in ends)
    return path(values, scale, f"curve thin look-{look}") + "".join(dots)


def _sentence(curve: Curve, write: Write) -> str:
    known = curve.values[np.isfinite(curve.values)]
    if not len(known):
        return f"{curve.name}: not known."
    return f"{curve.name}: from {write(float(known[0]))} to {write(float(known[-1]))}."
