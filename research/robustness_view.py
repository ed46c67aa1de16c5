"""The same backtest under other suppositions: dearer, later, with other settings, drawn again."""

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

import numpy as np

from research import drawing
from research.grids import Grid, Line
from research.measures import title, unit
from research.plotting import money
from research.wording import said

PERCENTILES = ("5", "25", "50", "75", "95")


def sensitivity(head: str, corner: str, key: str, rows: Sequence[Mapping[str, Any]] | None) -> Grid:
    return _variants(head, corner, rows, {key}, lambda row: f"{row[key]:g} {key}")


def parameters(rows: Sequence[Mapping[str, Any]] | None) -> Grid:
    return _variants(
        "Were the settings others",
        "Setting",
        rows,
        {"name", "value"},
        lambda row: f"{row['name']} = {row['value']}",
    )


def _variants(
    head: str,
    corner: str,
    rows: Sequence[Mapping[str, Any]] | None,
    keys: Set[str],
    named: Callable[[Mapping[str, Any]], str],
) -> Grid:
    """The same backtest under other suppositions, a line each."""
    rows = rows or ()
    figures = [name for name in (rows[0] if rows else {}) if name not in keys]
    lines = tuple(
        Line(named(row), tuple(said(row.get(name), unit(name)) for name in figures)) for row in rows
    )
    return Grid(head, corner, tuple(map(title, figures)), lines)


def monte_carlo(id: str, head: str, told: Mapping[str, Any] | None) -> str:
    if not told or not told.get("points"):
        return ""
    percentiles = {name: np.array(told["bands"][name], float) for name in PERCENTILES}
    return drawing.bands(id, head, told["points"], percentiles, level=1.0)


def capacity(equity: float | None) -> tuple[str, ...]:
    if equity is None:
        return ()
    return (
        f"With up to about {money(equity)} of equity nearly all fills would stay within a "
        "hundredth of what their bar traded.",
    )
