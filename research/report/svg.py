"""What every figure is made of: an even scale, lines, bands and dots, a frame with words, a table.

Promises that words stay outside the stretched drawing, and so keep their size. Leaves out which
figures there are (`charts.py`).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from domain.panel import Floats

WIDTH, HEIGHT = 1000, 400
"""Units of every plot, stretched to whatever room it is given."""

BUCKETS = 200
"""A curve is drawn by the lowest and highest point in each of so many stretches of time."""

TABLE_ROWS = 12
UNKNOWN = "–"

NumberFormat = Callable[[float], str]
"""A number in words, for axes and tables."""


@dataclass(frozen=True, slots=True)
class AxisScale:
    """From a value to a height: `ticks` are even and reach beyond the data on both sides."""

    ticks: tuple[float, ...]

    def y(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        return round(HEIGHT * (high - value) / (high - low), 1)


def format_percent(value: float) -> str:
    return _or_unknown(value, f"{value * 100:,.4g} %")


def format_money(value: float) -> str:
    return _or_unknown(value, f"{value:,.0f}")


def format_plain(value: float) -> str:
    return _or_unknown(value, f"{value:,.3g}")


def build_scale(values: Iterable[Floats], level: float | None, max_ticks: int = 5) -> AxisScale:
    """Even ticks (steps of 1, 2, 2.5 or 5 times a power of ten) that hold everything finite."""
    every = np.concatenate([np.asarray(v, np.float64).ravel() for v in values] or [np.empty(0)])
    every = every[np.isfinite(every)]
    if level is not None:
        every = np.append(every, level)
    low, high = (float(every.min()), float(every.max())) if len(every) else (0.0, 1.0)
    size = max(abs(low), abs(high))
    if high - low <= max(1e-9 * size, 1e-12):
        margin = 0.1 * size if size > 1e-9 else 1.0
        low, high = low - margin, high + margin
    power = 10.0 ** np.floor(np.log10((high - low) / max_ticks))
    step = next(
        s * power for s in (1.0, 2.0, 2.5, 5.0, 10.0) if (high - low) / (s * power) <= max_ticks
    )
    first, last = int(np.floor(low / step + 1e-9)), int(np.ceil(high / step - 1e-9))
    return AxisScale(tuple(float(k * step) for k in range(first, last + 1)))


def svg_path(values: Floats, scale: AxisScale, css_class: str) -> str:
    """A line through every stretch without a gap; what is not known is not drawn."""
    drawn = ""
    for stretch in _segments(values):
        joined = " ".join(f"{x} {y}" for x, y in plot_points(values, scale, stretch))
        drawn += f"M{joined}" if " " in joined.strip() else ""
    return f'<path class="{css_class}" d="{drawn}"/>' if drawn else ""


def filled_area(values: Floats, level: float, scale: AxisScale, css_class: str) -> str:
    """The ground between a line (T,) and `level`; empty where nothing is known."""
    outline = plot_points(values, scale)
    if not outline:
        return ""
    at = scale.y(level)
    return _polygon([(outline[0][0], at), *outline, (outline[-1][0], at)], css_class)


def filled_band(low: Floats, high: Floats, scale: AxisScale, css_class: str) -> str:
    """The ground between two lines (T,); empty where it would have no width."""
    there, back = plot_points(low, scale), plot_points(high, scale)[::-1]
    if len(there) < 2 or len(back) < 2:
        return ""
    return _polygon([*there, *back], css_class)


def end_dot(values: Floats, scale: AxisScale, css_class: str) -> str:
    """A dot at the last known value; what has only one value is seen by it."""
    ends = plot_points(values, scale)[-1:]
    return "".join(f'<path class="{css_class}" d="M{x} {y}h0"/>' for x, y in ends)


def level_line(scale: AxisScale, level: float | None) -> str:
    """A line across the plot, none for None."""
    if level is None:
        return ""
    at = scale.y(level)
    return f'<line class="level" x1="0" x2="{WIDTH}" y1="{at}" y2="{at}"/>'


def figure_frame(
    id: str,
    title: str,
    description: str,
    *,
    body: Sequence[str],
    y: Sequence[str],
    x: Sequence[str],
    legend: str,
    table: str,
) -> str:
    across = "".join(
        f'<line class="grid" x1="0" x2="{WIDTH}" y1="{at}" y2="{at}"/>'
        for at in (round(HEIGHT * k / max(len(y) - 1, 1), 1) for k in range(len(y)))
    )
    return (
        f'<figure class="plot" id="{escape(id)}">{legend}<div class="plot-field">'
        f'<div class="plot-y" aria-hidden="true">{_spans(y)}</div>'
        f'<svg role="img" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" '
        f'aria-labelledby="{escape(id)}-title {escape(id)}-said">'
        f'<title id="{escape(id)}-title">{escape(title)}</title>'
        f'<desc id="{escape(id)}-said">{escape(description)}</desc>{across}{"".join(body)}</svg>'
        f'<div class="plot-x" aria-hidden="true">{_spans(x)}</div></div>'
        f"<details><summary>{escape(title)}: the figures</summary>"
        f'<div class="wide" tabindex="0" role="group" aria-label="{escape(title)}, figures">'
        f"{table}</div></details></figure>"
    )


def data_table(first: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    others = "".join(f'<th scope="col" class="right">{escape(name)}</th>' for name in heads)
    head = f'<th scope="col">{escape(first)}</th>{others}'
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f'<td class="right num">{escape(cell)}</td>' for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def plot_points(
    values: Floats, scale: AxisScale, stretch: slice | None = None
) -> list[tuple[float, float]]:
    """Where the finite values of a stretch lie, thinned to the extremes of each bucket."""
    within = stretch or slice(0, len(values))
    places = np.arange(within.start, within.stop)
    places = places[np.isfinite(values[places])]
    if len(places) > 2 * BUCKETS:
        cut = np.array_split(places, BUCKETS)
        ends = [(part[values[part].argmin()], part[values[part].argmax()]) for part in cut]
        places = np.unique(np.concatenate([*ends, places[[0, -1]]]))
    across = WIDTH / max(len(values) - 1, 1)
    return [(round(float(k) * across, 1), scale.y(float(values[k]))) for k in places]


def _segments(values: Floats) -> list[slice]:
    known = np.concatenate([[False], np.isfinite(values), [False]])
    turns = np.flatnonzero(known[1:] != known[:-1])
    return [slice(int(a), int(b)) for a, b in zip(turns[::2], turns[1::2], strict=True)]


def sample_rows(length: int) -> list[int]:
    return evenly_spaced(length, TABLE_ROWS)


def evenly_spaced(length: int, count: int) -> list[int]:
    """Up to `count` places from first to last, evenly."""
    return (
        sorted({round(k) for k in np.linspace(0, length - 1, min(count, length))}) if length else []
    )


def _polygon(corners: Sequence[tuple[float, float]], css_class: str) -> str:
    points = " ".join(f"{x},{y}" for x, y in corners)
    return f'<polygon class="{css_class}" points="{points}"/>'


def _spans(words: Sequence[str]) -> str:
    return "".join(f"<span>{escape(word)}</span>" for word in words)


def _or_unknown(value: float, text: str) -> str:
    return UNKNOWN if np.isnan(value) else text.replace("-", "−")
