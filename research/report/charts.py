"""Figures as strings of SVG within HTML: lines, areas, bands, calibration, intervals.

Promises that a figure needs neither a script nor an inline style, so that it draws under the
strictest policy; that colours and dashes are classes of the page around it, light or dark; that
its words keep their size however wide it is; and that whoever cannot see it is given its title,
a sentence and a table. Leaves out the style sheet (`templates/figures.css`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from domain.panel import Floats, Times
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


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """`values` (T,), NaN where there is none. `look` 1 to 8 is its colour and dash."""

    name: str
    values: Floats
    look: int


@dataclass(frozen=True, slots=True)
class Dot:
    """A point of a calibration plot: of `n` forecasts near `forecast` the share `observed` came
    true, by its interval `low` to `high`; all fractions."""

    forecast: float
    observed: float
    low: float
    high: float
    n: int


def lines(
    id: str,
    title: str,
    times: Times,
    curves: Sequence[Curve],
    write: Write = plain,
    *,
    level: float | None = None,
) -> str:
    """Curves over the same (T,) instants; `level` draws a line across, such as where all began."""
    scale = scale_of([curve.values for curve in curves], level)
    body = [path(curve.values, scale, f"curve look-{curve.look}") for curve in curves]
    return _over_time(id, title, times, curves, write, scale, [*_level(scale, level), *body])


def area(id: str, title: str, times: Times, curve: Curve, write: Write = percent) -> str:
    """One curve and the ground between it and zero, such as a drawdown."""
    scale = scale_of([curve.values], 0.0)
    ground = scale.y(0.0)
    outline = points(curve.values, scale)
    filled = ""
    if outline:
        corners = f"{outline[0][0]},{ground} {joined(outline)} {outline[-1][0]},{ground}"
        filled = f'<polygon class="ground look-{curve.look}" points="{corners}"/>'
    body = [filled, path(curve.values, scale, f"curve solid look-{curve.look}")]
    return _over_time(id, title, times, [curve], write, scale, [*_level(scale, 0.0), *body])


def bands(
    id: str,
    title: str,
    steps: Sequence[float],
    percentiles: dict[str, Floats],
    write: Write = plain,
    *,
    level: float | None = None,
    unit: str = "bars",
) -> str:
    """Percentiles of many paths: the 5th to the 95th and the 25th to the 75th as grounds, the
    50th as a line. `percentiles` maps '5', '25', '50', '75', '95' to (K,), `steps` count `unit`."""
    scale = scale_of(percentiles.values(), level)
    body = [
        _between(percentiles["5"], percentiles["95"], scale, "ground wide look-1"),
        _between(percentiles["25"], percentiles["75"], scale, "ground look-1"),
        path(percentiles["50"], scale, "curve look-1"),
    ]
    rows = [
        (f"{steps[k]:,.0f}", *(write(float(values[k])) for values in percentiles.values()))
        for k in sampled(len(steps))
    ]
    figures = table(unit.capitalize(), [f"{name} %" for name in percentiles], rows)
    ends = ", ".join(f"{name} % {write(float(v[-1]))}" for name, v in percentiles.items())
    return frame(
        id,
        title,
        f"At the end: {ends}.",
        body=[*_level(scale, level), *body],
        y=[write(tick) for tick in scale.ticks[::-1]],
        x=[f"{steps[k]:,.0f} {unit}" for k in spread(len(steps), 3)],
        legend="",
        table=figures,
    )


def calibration(id: str, title: str, dots: Sequence[Dot]) -> str:
    """Forecast across, what came true upwards; on the diagonal forecasts mean what they say."""
    said = [dot.forecast for dot in dots]
    came = [value for dot in dots for value in (dot.low, dot.high, dot.observed)]
    across = scale_of([np.array(said)], None)
    low, high = across.ticks[0], across.ticks[-1]
    scale = scale_of([np.array([*came, low, high])], None)

    def x(forecast: float) -> float:
        return round(WIDTH * (forecast - low) / (high - low), 1)

    body = [f'<line class="level" x1="0" y1="{scale.y(low)}" x2="{WIDTH}" y2="{scale.y(high)}"/>']
    for dot in dots:
        at = x(dot.forecast)
        body.append(
            f'<line class="whisker look-1" x1="{at}" x2="{at}" '
            f'y1="{scale.y(dot.low)}" y2="{scale.y(dot.high)}"/>'
            f'<path class="dot look-1" d="M{at} {scale.y(dot.observed)}h0"/>'
        )
    rows = [
        (
            percent(d.forecast),
            percent(d.observed),
            f"{percent(d.low)} to {percent(d.high)}",
            str(d.n),
        )
        for d in dots
    ]
    return frame(
        id,
        title,
        "Each point is a tenth of the forecasts; on the diagonal they mean what they say.",
        body=body,
        y=[percent(tick) for tick in scale.ticks[::-1]],
        x=[percent(tick) for tick in across.ticks],
        legend="",
        table=table("Forecast", ["Came true", "90% interval", "n"], rows),
    )


def interval(value: float, low: float, high: float, full: float) -> str:
    """A small mark for a table's cell: the interval and the value about zero in the middle, `full`
    at either end; nothing without an interval. It says nothing that the cell does not say in
    figures."""

    def x(number: float) -> float:
        return round(50 + 50 * min(max(number / full, -1.0), 1.0), 1)

    if not np.isfinite([value, low, high, full]).all() or full <= 0:
        return ""
    width = round(x(high) - x(low), 1)
    span = f'<rect class="span" x="{x(low)}" y="5" width="{width}" height="4"/>'
    return (
        '<svg class="interval" viewBox="0 0 100 14" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="zero" x="49.5" width="1" height="14"/>{span}'
        f'<rect class="point" x="{round(x(value) - 1, 1)}" y="2" width="2" height="10"/></svg>'
    )


def _over_time(
    id: str,
    title: str,
    times: Times,
    curves: Sequence[Curve],
    write: Write,
    scale: Scale,
    body: Sequence[str],
) -> str:
    days = np.datetime_as_string(times, "D") if len(times) else np.empty(0, str)
    rows = [
        (str(days[k]), *(write(float(curve.values[k])) for curve in curves))
        for k in sampled(len(times))
    ]
    return frame(
        id,
        title,
        " ".join(_sentence(curve, write) for curve in curves),
        body=body,
        y=[write(tick) for tick in scale.ticks[::-1]],
        x=[str(days[k]) for k in spread(len(times), 3)],
        legend=legend_of(curves) if len(curves) > 1 else "",
        table=table("Day", [curve.name for curve in curves], rows),
    )


def legend_of(curves: Sequence[Curve]) -> str:
    """What each line is, with a stroke of it."""
    keys = "".join(
        f'<li><svg viewBox="0 0 20 4" aria-hidden="true"><path class="curve look-{curve.look}" '
        f'd="M0 2 20 2"/></svg>{escape(curve.name)}</li>'
        for curve in curves
    )
    return f'<ul class="plot-legend">{keys}</ul>'


def _sentence(curve: Curve, write: Write) -> str:
    known = curve.values[np.isfinite(curve.values)]
    if not len(known):
        return f"{curve.name}: not known."
    first, last, low, high = known[0], known[-1], known.min(), known.max()
    return (
        f"{curve.name}: from {write(float(first))} to {write(float(last))}, "
        f"lowest {write(float(low))}, highest {write(float(high))}."
    )


def _level(scale: Scale, level: float | None) -> list[str]:
    if level is None:
        return []
    return [
        f'<line class="level" x1="0" x2="{WIDTH}" y1="{scale.y(level)}" y2="{scale.y(level)}"/>'
    ]


def _between(low: Floats, high: Floats, scale: Scale, kind: str) -> str:
    there, back = points(low, scale), points(high, scale)[::-1]
    return f'<polygon class="{kind}" points="{joined(there)} {joined(back)}"/>'
