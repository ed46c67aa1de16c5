"""A stored backtest made ready to be shown, the same for its page and its tear sheet.

Promises that every figure of the committee and of what it is compared with stands beside its
interval, and that nothing is computed here that could be stored. Leaves out how well the forecasts
did (`record_view.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.registry import describe_agent
from domain.instants import Times
from domain.panel import Floats
from research.report import charts
from research.report.charts import PlotCurve
from research.report.conclusions import conclusions
from research.report.drawdown_view import drawdowns_table, stress_table
from research.report.formatting import FormattedFigure, format_change, format_figure
from research.report.metric_labels import labelled_values, metric_meaning, metric_title, metric_unit
from research.report.robustness_view import (
    capacity_note,
    monte_carlo_chart,
    overfitting_values,
    parameter_table,
    sensitivity_table,
)
from research.report.svg import format_money
from research.report.tables import FigureRow, FigureTable, LabelledValue

COMMITTEE = "committee"
COMPARISON_METRICS = (
    "total_return", "cagr", "sharpe", "max_drawdown", "volatility", "exposure", "turnover",
    "yearly_cost",
)  # fmt: skip
"""What strategies are compared by at a glance."""
HEADLINE_METRICS = ("total_return", "cagr", "sharpe", "max_drawdown", "volatility")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
STYLES = 8


@dataclass(frozen=True, slots=True)
class HeadlineFigure:
    label: str
    figure: FormattedFigure
    hint: str


@dataclass(frozen=True, slots=True)
class ResultView:
    """Figures (`equity` to `drawdown`, `monte_carlo`, `trades`) are safe HTML, empty where there
    is none."""

    id: str
    title: str
    market: str
    simulated: bool
    period: str
    symbols: str
    voters: str
    headline: tuple[HeadlineFigure, ...]
    equity: str
    drawdown: str
    conclusions: tuple[str, ...]
    comparison: FigureTable
    drawdowns: FigureTable
    stress: FigureTable
    months: FigureTable
    metrics: FigureTable
    costs: FigureTable
    delays: FigureTable
    monte_carlo: str
    trades: str
    final: tuple[LabelledValue, ...]
    overfitting: tuple[LabelledValue, ...]
    parameters: FigureTable
    assumptions: tuple[LabelledValue, ...]
    notes: tuple[str, ...]
    timing: str
    receipt: tuple[LabelledValue, ...]


def result_view(
    result: Mapping[str, Any], times: Times, curves: Mapping[str, Floats]
) -> ResultView:
    """`curves` are equities over the (T,) `times`, by name, the committee's among them."""
    robust = result.get("robustness") or {}
    drawn = robust.get("monte_carlo") or {}
    committee = result["committee"]
    agents = {describe_agent(name).label: figures for name, figures in result["agents"].items()}
    compared = {COMMITTEE: committee, **result["benchmarks"]}
    return ResultView(
        id=result["id"],
        title=result.get("label") or ", ".join(result["symbols"]),
        market=result["market"],
        simulated=bool(result["simulated"]),
        period=f"{result['from']} to {result['to']}",
        symbols=", ".join(result["symbols"]),
        voters=", ".join(agents),
        headline=tuple(
            HeadlineFigure(
                metric_title(name),
                format_figure(committee[name], metric_unit(name)),
                metric_meaning(name),
            )
            for name in HEADLINE_METRICS
            if name in committee
        ),
        equity=equity_figure("equity", times, {n: curves[n] for n in compared if n in curves}),
        drawdown=_drawdown(times, curves[COMMITTEE]),
        conclusions=conclusions(result),
        drawdowns=drawdowns_table(result.get("drawdowns")),
        stress=stress_table(result.get("stress")),
        months=_months(times, curves[COMMITTEE]),
        comparison=_comparison_table({**compared, **{f"{n} alone": f for n, f in agents.items()}}),
        metrics=metrics_table("Every figure", {**compared, **agents}),
        costs=sensitivity_table("Were trading dearer", "Costs", "bps", robust.get("costs")),
        delays=sensitivity_table("Were orders later", "Delay", "bars", robust.get("delays")),
        monte_carlo=monte_carlo_chart("monte-carlo", "Returns drawn again", drawn),
        trades=monte_carlo_chart(
            "monte-carlo-trades", "Trades drawn again", drawn.get("trades"), "trades"
        ),
        final=labelled_values(drawn.get("final")),
        overfitting=overfitting_values(robust.get("overfitting")),
        parameters=parameter_table(robust.get("parameters")),
        assumptions=_assumptions(result),
        notes=(*result.get("notes", ()), *capacity_note(robust.get("capacity"))),
        timing=_timing(result.get("timing") or {}),
        receipt=labelled_values(result.get("receipt")),
    )


def metrics_table(head: str, columns: Mapping[str, Mapping[str, Any]]) -> FigureTable:
    """One line a metric that any column has, one column a strategy."""
    names = dict.fromkeys(name for figures in columns.values() for name in figures)
    return FigureTable(
        head,
        "Figure",
        tuple(columns),
        tuple(
            FigureRow(
                metric_title(name),
                tuple(
                    format_figure(figures.get(name), metric_unit(name))
                    for figures in columns.values()
                ),
                hint=metric_meaning(name),
            )
            for name in names
        ),
    )


def equity_figure(id: str, times: Times, curves: Mapping[str, Floats]) -> str:
    """Equities from where they began, as money."""
    drawn = [
        PlotCurve(name, values, 1 + place % STYLES)
        for place, (name, values) in enumerate(curves.items())
    ]
    if not drawn or not len(times):
        return ""
    start = float(drawn[0].values[0])
    return charts.line_chart(id, "Equity", times, drawn, format_money, level=start)


def _drawdown(times: Times, equity: Floats) -> str:
    if not len(times):
        return ""
    drawdown = equity / np.maximum.accumulate(equity) - 1.0
    return charts.area_chart(
        "drawdown", "Drawdown of the committee", times, PlotCurve("Drawdown", drawdown, 6)
    )


def _months(times: Times, equity: Floats) -> FigureTable:
    """Returns by calendar month, years downwards; a month that is not whole is shown as it is."""
    lines = []
    months = times.astype("datetime64[M]")
    ends = np.flatnonzero(np.append(months[1:] != months[:-1], len(times) > 0))
    before = float(equity[0]) if len(times) else np.nan
    by_year: dict[int, dict[int, float]] = {}
    for end in ends:
        year, month = divmod(int(months[end].astype(int)), 12)
        by_year.setdefault(year + 1970, {})[month] = float(equity[end]) / before - 1.0
        before = float(equity[end])
    for year, changes in by_year.items():
        year_return = float(np.prod([1.0 + each for each in changes.values()])) - 1.0
        cells = [
            format_change(changes[month] * 100) if month in changes else FormattedFigure("")
            for month in range(12)
        ]
        lines.append(FigureRow(str(year), (*cells, format_change(year_return * 100))))
    return FigureTable("Month by month", "Year", (*MONTHS, "Year"), tuple(lines))


def _comparison_table(entries: Mapping[str, Mapping[str, Any]]) -> FigureTable:
    """One line a strategy, by the figures that tell most."""
    metrics = [
        name for name in COMPARISON_METRICS if any(name in figures for figures in entries.values())
    ]
    return FigureTable(
        "Compared strategies",
        "Strategy",
        tuple(map(metric_title, metrics)),
        tuple(
            FigureRow(
                contestant,
                tuple(format_figure(figures.get(name), metric_unit(name)) for name in metrics),
            )
            for contestant, figures in entries.items()
        ),
    )


def _assumptions(result: Mapping[str, Any]) -> tuple[LabelledValue, ...]:
    """What was supposed: the request, the costs and the committee's settings."""
    settings = result.get("settings") or {}
    return (
        LabelledValue("starting cash", format_money(float(result["capital"]))),
        LabelledValue("bars and horizon", f"{result['timeframe']}, {result['horizon']} bars ahead"),
        LabelledValue("seed", str(result["seed"])),
        *labelled_values(settings.get("costs")),
        *labelled_values(settings.get("committee")),
    )


def _timing(timing: Mapping[str, Any]) -> str:
    if not timing:
        return ""
    return (
        f"The agents voted on {timing['bars']:,} bars in {timing['vote_s']:.2f} s, the fold over "
        f"time took {timing['fold_s']:.2f} s, everything {timing['total_s']:.2f} s."
    )
