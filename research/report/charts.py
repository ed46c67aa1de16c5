"""Figures as strings of SVG within HTML: lines, areas, bands, calibration, intervals.

Promises that a figure needs neither a script nor an inline style, so that it draws under the
strictest policy; that colours and dashes are classes of the page around it, light or dark; that
its words keep their size however wide it is; and that those who cannot see it are given its title,
a sentence and a table. Leaves out the style sheet (`templates/figures.css`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from domain.instants import Times
from domain.panel import Floats
from research.report.svg import (
    WIDTH,
    AxisScale,
    NumberFormat,
    build_scale,
    data_table,
    end_dot,
    evenly_spaced,
    figure_frame,
    filled_area,
    filled_band,
    format_percent,
    format_plain,
    level_line,
    sample_rows,
    svg_path,
)


@dataclass(frozen=True, slots=True, eq=False)
class PlotCurve:
    """`values` (T,), NaN where there is none. `style` 1 to 8 is its colour and dash."""

    name: str
    values: Floats
    style: int


@dataclass(frozen=True, slots=True, eq=False)
class PathBundle:
    """`paths` (S, T) of S similar members, NaN where a member has no value: each a thin line, in a
    band from the lowest to the highest. `style` is that of `PlotCurve`."""

    paths: Floats
    style: int


@dataclass(frozen=True, slots=True)
class CalibrationPoint:
    """A point of a calibration plot: of `n` forecasts near `forecast` the fraction `observed` came
    true, by its interval `low` to `high`; all fractions."""

    forecast: float
    observed: float
    low: float
    high: float
    n: int


def line_chart(
    id: str,
    title: str,
    times: Times,
    curves: Sequence[PlotCurve],
    format_value: NumberFormat = format_plain,
    *,
    level: float | None = None,
) -> str:
    """Curves over the same (T,) instants; `level` draws a line across, such as where all began."""
    return curve_chart(id, title, "Day", _days(times), curves, format_value, level=level)


def curve_chart(
    id: str,
    title: str,
    x_name: str,
    x_labels: Sequence[str],
    curves: Sequence[PlotCurve],
    format_value: NumberFormat,
    *,
    level: float | None = None,
    bundles: Sequence[PathBundle] = (),
) -> str:
    """Curves over T places with the words `x_labels`, the first on top, and bundles behind them;
    `x_name` heads the places in the table."""
    values = [*(bundle.paths for bundle in bundles), *(curve.values for curve in curves)]
    scale = build_scale(values, level)
    body = [
        level_line(scale, level),
        *(_draw_bundle(bundle, scale) for bundle in bundles),
        *(svg_path(c.values, scale, f"curve look-{c.style}") for c in reversed(curves)),
    ]
    legend = _legend(curves) if len(curves) > 1 or bundles else ""
    return _curve_figure(id, title, x_name, x_labels, curves, format_value, scale, body, legend)


def area_chart(
    id: str, title: str, times: Times, curve: PlotCurve, format_value: NumberFormat = format_percent
) -> str:
    """One curve and the ground between it and zero, such as a drawdown."""
    scale = build_scale([curve.values], 0.0)
    body = [
        level_line(scale, 0.0),
        filled_area(curve.values, 0.0, scale, f"ground look-{curve.style}"),
        svg_path(curve.values, scale, f"curve solid look-{curve.style}"),
    ]
    return _curve_figure(id, title, "Day", _days(times), [curve], format_value, scale, body, "")


def percentile_chart(
    id: str,
    title: str,
    steps: Sequence[float],
    percentiles: dict[str, Floats],
    format_value: NumberFormat = format_plain,
    *,
    level: float | None = None,
    unit: str = "bars",
) -> str:
    """Percentiles of many paths: the 5th to the 95th and the 25th to the 75th as grounds, the
    50th as a line. `percentiles` maps '5', '25', '50', '75', '95' to (K,), `steps` count `unit`."""
    scale = build_scale(percentiles.values(), level)
    body = [
        level_line(scale, level),
        filled_band(percentiles["5"], percentiles["95"], scale, "ground wide look-1"),
        filled_band(percentiles["25"], percentiles["75"], scale, "ground look-1"),
        svg_path(percentiles["50"], scale, "curve look-1"),
    ]
    rows = [
        (f"{steps[k]:,.0f}", *(format_value(float(values[k])) for values in percentiles.values()))
        for k in sample_rows(len(steps))
    ]
    figures = data_table(unit.capitalize(), [f"{name} %" for name in percentiles], rows)
    ends = ", ".join(f"{name} % {format_value(float(v[-1]))}" for name, v in percentiles.items())
    return figure_frame(
        id,
        title,
        f"At the end: {ends}.",
        body=body,
        y=[format_value(tick) for tick in scale.ticks[::-1]],
        x=[f"{steps[k]:,.0f} {unit}" for k in evenly_spaced(len(steps), 3)],
        legend="",
        table=figures,
    )


def calibration_chart(id: str, title: str, dots: Sequence[CalibrationPoint]) -> str:
    """Forecast across, what came true upwards; on the diagonal forecasts mean what they say."""
    forecasts = [dot.forecast for dot in dots]
    observed = [value for dot in dots for value in (dot.low, dot.high, dot.observed)]
    across = build_scale([np.array(forecasts)], None)
    low, high = across.ticks[0], across.ticks[-1]
    scale = build_scale([np.array([*observed, low, high])], None)

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
            format_percent(d.forecast),
            format_percent(d.observed),
            f"{format_percent(d.low)} to {format_percent(d.high)}",
            str(d.n),
        )
        for d in dots
    ]
    return figure_frame(
        id,
        title,
        "Each point is a tenth of the forecasts; on the diagonal they mean what they say.",
        body=body,
        y=[format_percent(tick) for tick in scale.ticks[::-1]],
        x=[format_percent(tick) for tick in across.ticks],
        legend="",
        table=data_table("Forecast", ["Came true", "90% interval", "n"], rows),
    )


def interval_mark(value: float, low: float, high: float, full_scale: float) -> str:
    """A small mark for a table's cell: the interval and the value about zero in the middle,
    `full_scale` at either end; nothing without an interval. It says nothing that the cell does not
    say in figures."""

    def x(number: float) -> float:
        return round(50 + 50 * min(max(number / full_scale, -1.0), 1.0), 1)

    if not np.isfinite([value, low, high, full_scale]).all() or full_scale <= 0:
        return ""
    width = round(x(high) - x(low), 1)
    span = f'<rect class="span" x="{x(low)}" y="5" width="{width}" height="4"/>'
    return (
        '<svg class="interval" viewBox="0 0 100 14" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="zero" x="49.5" width="1" height="14"/>{span}'
        f'<rect class="point" x="{round(x(value) - 1, 1)}" y="2" width="2" height="10"/></svg>'
    )


def sparkline(values: Sequence[float]) -> str:
    """A line of a table's cell, without axes or words; empty for fewer than two values."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    height = (high - low) or 1.0
    step = 100 / (len(values) - 1)
    points = " ".join(
        f"{k * step:.1f},{26 - (value - low) / height * 24:.1f}" for k, value in enumerate(values)
    )
    return (
        '<svg class="spark" viewBox="0 0 100 28" preserveAspectRatio="none" '
        f'aria-hidden="true"><polyline points="{points}"/></svg>'
    )


def _curve_figure(
    id: str,
    title: str,
    x_name: str,
    x_labels: Sequence[str],
    curves: Sequence[PlotCurve],
    format_value: NumberFormat,
    scale: AxisScale,
    body: Sequence[str],
    legend: str,
) -> str:
    rows = [
        (x_labels[k], *(format_value(float(curve.values[k])) for curve in curves))
        for k in sample_rows(len(x_labels))
    ]
    return figure_frame(
        id,
        title,
        " ".join(_sentence(curve, format_value) for curve in curves),
        body=body,
        y=[format_value(tick) for tick in scale.ticks[::-1]],
        x=[x_labels[k] for k in evenly_spaced(len(x_labels), 3)],
        legend=legend,
        table=data_table(x_name, [curve.name for curve in curves], rows),
    )


def _draw_bundle(bundle: PathBundle, scale: AxisScale) -> str:
    low, high = np.fmin.reduce(bundle.paths), np.fmax.reduce(bundle.paths)
    band = filled_band(low, high, scale, f"ground wide look-{bundle.style}")
    lines = (
        svg_path(path, scale, f"curve thin look-{bundle.style}")
        + end_dot(path, scale, f"dot end look-{bundle.style}")
        for path in bundle.paths
    )
    return (band if len(bundle.paths) > 1 else "") + "".join(lines)


def _days(times: Times) -> Sequence[str]:
    return np.datetime_as_string(times, "D").tolist() if len(times) else []


def _legend(curves: Sequence[PlotCurve]) -> str:
    """What each line is, with a stroke of it."""
    keys = "".join(
        f'<li><svg viewBox="0 0 20 4" aria-hidden="true"><path class="curve look-{curve.style}" '
        f'd="M0 2 20 2"/></svg>{escape(curve.name)}</li>'
        for curve in curves
    )
    return f'<ul class="plot-legend">{keys}</ul>'


def _sentence(curve: PlotCurve, format_value: NumberFormat) -> str:
    known = curve.values[np.isfinite(curve.values)]
    if not len(known):
        return f"{curve.name}: not known."
    first, last, low, high = known[0], known[-1], known.min(), known.max()
    return (
        f"{curve.name}: from {format_value(float(first))} to {format_value(float(last))}, "
        f"lowest {format_value(float(low))}, highest {format_value(float(high))}."
    )
