"""The same backtest under other assumptions: dearer, later, with other settings, drawn again."""

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

import numpy as np

from research.report import charts
from research.report.formatting import format_figure, format_number
from research.report.metric_labels import metric_title, metric_unit
from research.report.svg import format_money, format_plain
from research.report.tables import FigureRow, FigureTable, LabelledValue

PERCENTILES = ("5", "25", "50", "75", "95")

OVERFITTING_LABELS = (
    (
        "trials", "Settings tried", "",
        "the variations of this backtest, and the earlier backtests of this home",
    ),
    (
        "pbo", "Chance that choosing was overfitting (PBO)", "%",
        "how often the setting that was best in one half of the history was below the middle in "
        "the other; 50 % says that choosing taught nothing",
    ),
    (
        "loss_after_choosing", "Chance of a loss after choosing", "%",
        "how often that best setting lost money in the other half",
    ),
    (
        "sharpe_of_luck", "Sharpe ratio of luck", "",
        "what the best of so many worthless settings is expected to show",
    ),
    (
        "deflated_sharpe", "Chance of more than luck (deflated Sharpe ratio)", "%",
        "that the true Sharpe ratio is above zero once that luck is taken off; 95 % is the usual "
        "bar",
    ),
    (
        "bars_needed", "Bars needed", "",
        "the shortest record that could tell one like this from nothing, were it the only try",
    ),
    (
        "p_value_of_the_best", "Chance of such a best by luck (p-value)", "p",
        "if none of the settings earned anything",
    ),
)  # fmt: skip
"""Field, name, unit ('p': a p-value) and meaning of each figure on the luck of the search."""


def overfitting_values(figures: Mapping[str, Any] | None) -> tuple[LabelledValue, ...]:
    figures = figures or {}
    return tuple(
        LabelledValue(name, _value_text(figures[field], unit), hint)
        for field, name, unit, hint in OVERFITTING_LABELS
        if field in figures
    )


def _value_text(value: float | None, unit: str) -> str:
    """A small p-value is not shown as zero."""
    if unit == "p":
        return "below 0.01" if value is not None and value < 0.01 else format_number(value)
    return format_number(value, unit)


def sensitivity_table(
    head: str, row_header: str, key: str, rows: Sequence[Mapping[str, Any]] | None
) -> FigureTable:
    return _variant_table(head, row_header, rows, {key}, lambda row: _counted(row[key], key))


def parameter_table(rows: Sequence[Mapping[str, Any]] | None) -> FigureTable:
    return _variant_table(
        "Were the settings others",
        "Setting",
        rows,
        {"name", "value"},
        lambda row: f"{row['name']} = {row['value']}",
    )


def _variant_table(
    head: str,
    row_header: str,
    rows: Sequence[Mapping[str, Any]] | None,
    keys: Set[str],
    row_label: Callable[[Mapping[str, Any]], str],
) -> FigureTable:
    """The same backtest under other assumptions, a line each."""
    rows = rows or ()
    figures = [name for name in (rows[0] if rows else {}) if name not in keys]
    lines = tuple(
        FigureRow(
            row_label(row),
            tuple(format_figure(row.get(name), metric_unit(name)) for name in figures),
        )
        for row in rows
    )
    return FigureTable(head, row_header, tuple(map(metric_title, figures)), lines)


def _counted(count: float, unit: str) -> str:
    return f"{count:g} {unit.removesuffix('s') if unit == 'bars' and count == 1 else unit}"


def monte_carlo_chart(
    id: str, head: str, paths: Mapping[str, Any] | None, unit: str = "bars"
) -> str:
    """Growth of one unit of money along `unit`s; empty where nothing was drawn."""
    if not paths or not paths.get("points"):
        return ""
    percentiles = {name: np.array(paths["bands"][name], float) for name in PERCENTILES}
    return charts.percentile_chart(
        id, head, paths["points"], percentiles, _multiple, level=1.0, unit=unit
    )


def _multiple(growth: float) -> str:
    return f"{format_plain(growth)} ×"


def capacity_note(equity: float | None) -> tuple[str, ...]:
    if equity is None:
        return ()
    return (
        f"With up to about {format_money(float(f'{equity:.2g}'))} of equity nearly all fills would "
        "stay within a hundredth of what their bar traded.",
    )
