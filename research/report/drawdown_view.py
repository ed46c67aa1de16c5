"""The hard times of a backtest as tables: its deepest falls, and the stress of markets."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from research.report.formatting import Said, change, number
from research.report.svg import UNKNOWN
from research.report.tables import Grid, Line

Told = Sequence[Mapping[str, Any]] | None


def falls_grid(told: Told) -> Grid:
    """Empty for a result that was kept before falls were told."""
    return Grid(
        "The deepest falls",
        "From its high on",
        ("Depth", "Lowest on", "Made good on", "Calendar days"),
        tuple(map(_fall, told or ())),
    )


def stress_grid(told: Told) -> Grid:
    """One line a stress of markets that lies within the period, one column a contestant."""
    told = told or ()
    names = tuple(dict.fromkeys(name for each in told for name in each["returns"]))
    return Grid(
        "When markets were under stress",
        "Stress",
        names,
        tuple(
            Line(
                each["name"],
                tuple(
                    change(each["returns"][name], "%") if name in each["returns"] else Said(UNKNOWN)
                    for name in names
                ),
                hint=f"{each['from']} to {each['to']}",
            )
            for each in told
        ),
    )


def _fall(each: Mapping[str, Any]) -> Line:
    peak, recovery = each["peak"], each["recovery"]
    lasted = ""
    if peak and recovery:
        lasted = f"{(date.fromisoformat(recovery) - date.fromisoformat(peak)).days:,}"
    return Line(
        peak or "the beginning",
        (
            Said(number(each["depth"], "%")),
            Said(each["valley"]),
            Said(recovery or "not yet"),
            Said(lasted or UNKNOWN),
        ),
    )
