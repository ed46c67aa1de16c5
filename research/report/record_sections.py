"""The parts of a scored record that are drawn or compared: calibration, regret, decay, the tail.

Reads `orchestrator.evaluation.scores` as JSON; a part without anything settled is empty.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.registry import describe_agent
from orchestrator.evaluation.scores import BASE_RATE, COMMITTEE
from research.report import charts
from research.report.charts import CalibrationPoint, PlotCurve
from research.report.formatting import FormattedFigure, format_figure, format_number
from research.report.score_glossary import QUANTILE_NOTE
from research.report.svg import UNKNOWN, format_plain
from research.report.tables import FigureRow, FigureTable, LabelledValue

Json = Mapping[str, Any]
Label = Callable[[str], str]

THOUSANDTHS = 1000.0
"""Log scores are shown in thousandths of a nat."""


@dataclass(frozen=True, slots=True)
class QuantileView:
    """How well the bad case was forecast: an agent's 5% quantile beside its rivals."""

    benchmarks: FigureTable
    symbols: FigureTable
    facts: tuple[LabelledValue, ...]


def calibration_figure(id: str, title: str, forecaster: Json) -> str:
    """The reliability curve; empty below two bins with an outcome."""
    points = [
        CalibrationPoint(
            each["forecast"],
            observed["value"],
            observed["value"] if observed["low"] is None else observed["low"],
            observed["value"] if observed["high"] is None else observed["high"],
            observed["n"],
        )
        for each in forecaster["calibration"]["bins"]
        if (observed := each["observed"])["value"] is not None
    ]
    return charts.calibration_chart(id, title, points) if len(points) > 1 else ""


def decay_table(forecasters: Sequence[Json], label: Label = str) -> FigureTable:
    """Rank correlation of the same evidence over other horizons."""
    horizons = [each["horizon"] for each in forecasters[0]["decay"]]
    return FigureTable(
        "Rank IC over other horizons: how long the evidence lasts",
        "Forecaster",
        tuple("1 bar" if bars == 1 else f"{bars} bars" for bars in horizons),
        tuple(
            FigureRow(
                label(each["name"]),
                tuple(
                    format_figure(step["rank_ic"], digits=3, counted_unit="bars")
                    for step in each["decay"]
                ),
            )
            for each in forecasters
            if horizons
        ),
    )


def quantile_agent(scores: Json) -> str:
    """Whose 5% quantile was scored: the first that forecasts one; empty for nobody's."""
    names = (each["name"] for each in scores["forecasters"])
    return next((name for name in names if describe_agent(name).forecasts_quantile), "")


def quantile_view(scores: Json) -> QuantileView | None:
    """None where no quantile was ever forecast and settled."""
    tail, agent = scores["tail"], describe_agent(quantile_agent(scores)).label
    if tail["pinball"]["value"] is None:
        return None
    own_row = FigureRow(
        f"{agent} agent".strip(), (*_quantile_figures(tail), FormattedFigure(UNKNOWN))
    )
    rivals = tuple(
        FigureRow(
            each["name"],
            (
                *_quantile_figures(each),
                format_figure(each["skill"], "%", full_scale=0.2),
            ),
        )
        for each in tail["rivals"]
    )
    symbols = tuple(
        FigureRow(
            each["symbol"],
            (
                FormattedFigure(f"{each['breaches']} of {each['n']}"),
                FormattedFigure(format_number(each["coverage_p"])),
                FormattedFigure(format_number(each["independence_p"])),
            ),
        )
        for each in tail["by_symbol"]
    )
    heads = ("Pinball loss", "Outcomes below it", "Saved by the agent")
    return QuantileView(
        FigureTable(
            "The 5% quantile and its rivals", "Forecast", heads, (own_row, *rivals), QUANTILE_NOTE
        ),
        FigureTable(
            "Tests by symbol",
            "Symbol",
            (
                "Outcomes below it",
                "As often as it should? (Kupiec p)",
                "One by one? (Christoffersen p)",
            ),
            symbols,
            "p-values: below 0.05 the forecast is in doubt, as in one of twenty cases by chance",
        ),
        (
            LabelledValue(
                "symbols whose coverage is rejected at 5% (Kupiec)",
                format_number(tail["coverage_rejected"], "%", 0),
            ),
            LabelledValue(
                "symbols whose independence is rejected at 5% (Christoffersen)",
                format_number(tail["independence_rejected"], "%", 0),
            ),
        ),
    )


def _quantile_figures(scores: Json) -> tuple[FormattedFigure, FormattedFigure]:
    return format_figure(scores["pinball"], "%", digits=3), format_figure(scores["breaches"], "%")


def regret_figure(scores: Json, label: Label = str) -> str:
    """Log score gained over the base rate, which is the line at zero, since the beginning. Who
    never voted, or was the committee all the time, has no line."""
    regret, without_settled = scores["regret"], _without_settled(scores)
    own = next((each["gained"] for each in regret["rivals"] if each["name"] == COMMITTEE), None)
    times = np.array([at.rstrip("Z") for at in regret["at"]], "datetime64[us]")
    curves = [
        PlotCurve(label(each["name"]), np.array(each["gained"], float), 1 + place % 8)
        for place, each in enumerate(regret["rivals"])
        if len(each["gained"]) == len(times)
        and each["name"] not in (BASE_RATE, *without_settled)
        and (each["name"] == COMMITTEE or not np.allclose(each["gained"], own or [], atol=1e-9))
    ]
    if len(times) < 2 or not curves:
        return ""
    return charts.line_chart(
        "regret", "Log score gained over the base rate", times, curves, format_plain, level=0.0
    )


def benchmark_table(scores: Json, label: Label = str) -> FigureTable:
    regret, without_settled = scores["regret"], _without_settled(scores)
    lines = tuple(
        FigureRow(
            _benchmark_label(each["name"], regret["best_agent"], label),
            (format_figure(in_thousandths(each["gain"])), _committee_lead(each))
            if each["name"] not in without_settled
            else (FormattedFigure(UNKNOWN), FormattedFigure(UNKNOWN)),
        )
        for each in regret["rivals"]
    )
    heads = ("Gained a vote", "Committee ahead by")
    return FigureTable(
        "The committee beside its rivals",
        "Rival",
        heads,
        lines,
        "log score over the base rate's, in thousandths; – for who has no settled vote",
    )


def _without_settled(scores: Json) -> frozenset[str]:
    """Who has no settled vote."""
    forecasters = scores["forecasters"]
    return frozenset(each["name"] for each in forecasters if not each["overall"]["settled"])


def _benchmark_label(name: str, best: str | None, label: Label) -> str:
    hindsight = " (the best, in hindsight)" if name == best else ""
    return label(name) + hindsight


def _committee_lead(rival: Json) -> FormattedFigure:
    if rival["name"] == COMMITTEE:
        return FormattedFigure(UNKNOWN)
    return format_figure(in_thousandths(rival["committee_ahead"]))


def in_thousandths(estimate: Json | None) -> Json | None:
    if estimate is None:
        return None
    return {
        name: value * THOUSANDTHS if name != "n" and value is not None else value
        for name, value in estimate.items()
    }
