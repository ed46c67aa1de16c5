"""The drawdowns of a backtest and the stress of markets, as tables."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from research.report.formatting import FormattedFigure, format_change, format_number
from research.report.svg import UNKNOWN
from research.report.tables import FigureRow, FigureTable

DrawdownRows = Sequence[Mapping[str, Any]] | None


def drawdowns_table(rows: DrawdownRows) -> FigureTable:
    """Empty for a result that was kept before drawdowns were."""
    return FigureTable(
        "The deepest falls",
        "From its high on",
        ("Depth", "Lowest on", "Made good on", "Calendar days"),
        tuple(map(_drawdown_row, rows or ())),
    )


def stress_table(rows: DrawdownRows) -> FigureTable:
    """One line a stress of markets that lies within the period, one column a strategy."""
    rows = rows or ()
    names = tuple(dict.fromkeys(name for each in rows for name in each["returns"]))
    return FigureTable(
        "When markets were under stress",
        "Stress",
        names,
        tuple(
            FigureRow(
                each["name"],
                tuple(
                    format_change(each["returns"][name], "%")
                    if name in each["returns"]
                    else FormattedFigure(UNKNOWN)
                    for name in names
                ),
                hint=f"{each['from']} to {each['to']}",
            )
            for each in rows
        ),
    )


def _drawdown_row(each: Mapping[str, Any]) -> FigureRow:
    peak, recovery = each["peak"], each["recovery"]
    lasted = ""
    if peak and recovery:
        lasted = f"{(date.fromisoformat(recovery) - date.fromisoformat(peak)).days:,}"
    return FigureRow(
        peak or "the beginning",
        (
            FormattedFigure(format_number(each["depth"], "%")),
            FormattedFigure(each["valley"]),
            FormattedFigure(recovery or "not yet"),
            FormattedFigure(lasted or UNKNOWN),
        ),
    )
