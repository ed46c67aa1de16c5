"""The parts of a scored record that are drawn or compared: calibration, regret, decay, the tail.

Reads `orchestrator.evaluation.scores` as JSON; a part without anything settled is empty.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.registry import profile
from orchestrator.evaluation.scores import BASE_RATE, COMMITTEE
from research.report import charts
from research.report.charts import Curve, Dot
from research.report.formatting import Said, number, said
from research.report.score_glossary import TAIL_WORDS
from research.report.svg import UNKNOWN, plain
from research.report.tables import Fact, Grid, Line

Json = Mapping[str, Any]
Label = Callable[[str], str]

THOUSANDTHS = 1000.0
"""Log scores are told in thousandths of a nat."""


@dataclass(frozen=True, slots=True)
class TailView:
    """How well the bad case was forecast: an agent's 5% quantile beside its rivals."""

    rivals: Grid
    symbols: Grid
    facts: tuple[Fact, ...]


def calibration_figure(id: str, title: str, forecaster: Json) -> str:
    """The reliability curve; empty below two bins with an outcome."""
    dots = [
        Dot(
            each["forecast"],
            told["value"],
            told["value"] if told["low"] is None else told["low"],
            told["value"] if told["high"] is None else told["high"],
            told["n"],
        )
        for each in forecaster["calibration"]["bins"]
        if (told := each["observed"])["value"] is not None
    ]
    return charts.calibration(id, title, dots) if len(dots) > 1 else ""


def decay_grid(forecasters: Sequence[Json], label: Label = str) -> Grid:
    """Rank correlation of the same evidence over other horizons."""
    horizons = [each["horizon"] for each in forecasters[0]["decay"]]
    return Grid(
        "Rank IC over other horizons: how long the evidence lasts",
        "Forecaster",
        tuple("1 bar" if bars == 1 else f"{bars} bars" for bars in horizons),
        tuple(
            Line(
                label(each["name"]),
                tuple(said(step["rank_ic"], digits=3, counted="bars") for step in each["decay"]),
            )
            for each in forecasters
            if horizons
        ),
    )


def quantile_agent(scores: Json) -> str:
    """Whose 5% quantile was scored: the first that forecasts one; empty for nobody's."""
    names = (each["name"] for each in scores["forecasters"])
    return next((name for name in names if profile(name).forecasts_quantile), "")


def tail_view(scores: Json) -> TailView | None:
    """None where no quantile was ever forecast and settled."""
    tail, agent = scores["tail"], profile(quantile_agent(scores)).label
    if tail["pinball"]["value"] is None:
        return None
    own = Line(f"{agent} agent".strip(), (*_tail_figures(tail), Said(UNKNOWN)))
    rivals = tuple(
        Line(
            each["name"],
            (
                *_tail_figures(each),
                said(each["skill"], "%", full=0.2),
            ),
        )
        for each in tail["rivals"]
    )
    symbols = tuple(
        Line(
            each["symbol"],
            (
                Said(f"{each['breaches']} of {each['n']}"),
                Said(number(each["coverage_p"])),
                Said(number(each["independence_p"])),
            ),
        )
        for each in tail["by_symbol"]
    )
    heads = ("Pinball loss", "Outcomes below it", "Saved by the agent")
    return TailView(
        Grid("The 5% quantile and its rivals", "Forecast", heads, (own, *rivals), TAIL_WORDS),
        Grid(
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
            Fact(
                "symbols whose coverage is rejected at 5% (Kupiec)",
                number(tail["coverage_rejected"], "%", 0),
            ),
            Fact(
                "symbols whose independence is rejected at 5% (Christoffersen)",
                number(tail["independence_rejected"], "%", 0),
            ),
        ),
    )


def _tail_figures(told: Json) -> tuple[Said, Said]:
    return said(told["pinball"], "%", digits=3), said(told["breaches"], "%")


def regret_figure(scores: Json, label: Label = str) -> str:
    """Log score gained over the base rate, which is the line at zero, since the beginning. Who
    never voted, or was the committee all the time, has no line."""
    regret, silent = scores["regret"], _silent(scores)
    own = next((each["gained"] for each in regret["rivals"] if each["name"] == COMMITTEE), None)
    times = np.array([at.rstrip("Z") for at in regret["at"]], "datetime64[us]")
    curves = [
        Curve(label(each["name"]), np.array(each["gained"], float), 1 + place % 8)
        for place, each in enumerate(regret["rivals"])
        if len(each["gained"]) == len(times)
        and each["name"] not in (BASE_RATE, *silent)
        and (each["name"] == COMMITTEE or not np.allclose(each["gained"], own or [], atol=1e-9))
    ]
    if len(times) < 2 or not curves:
        return ""
    return charts.lines(
        "regret", "Log score gained over the base rate", times, curves, plain, level=0.0
    )


def ahead_grid(scores: Json, label: Label = str) -> Grid:
    regret, silent = scores["regret"], _silent(scores)
    lines = tuple(
        Line(
            _rival(each["name"], regret["best_agent"], label),
            (said(scaled(each["gain"])), _unless_own(each))
            if each["name"] not in silent
            else (Said(UNKNOWN), Said(UNKNOWN)),
        )
        for each in regret["rivals"]
    )
    heads = ("Gained a vote", "Committee ahead by")
    return Grid(
        "The committee beside its rivals",
        "Rival",
        heads,
        lines,
        "log score over the base rate's, in thousandths; – for who has no settled vote",
    )


def _silent(scores: Json) -> frozenset[str]:
    """Who has no settled vote."""
    told = scores["forecasters"]
    return frozenset(each["name"] for each in told if not each["overall"]["settled"])


def _rival(name: str, best: str | None, label: Label) -> str:
    hindsight = " (the best, in hindsight)" if name == best else ""
    return label(name) + hindsight


def _unless_own(rival: Json) -> Said:
    if rival["name"] == COMMITTEE:
        return Said(UNKNOWN)
    return said(scaled(rival["committee_ahead"]))


def scaled(told: Json | None) -> Json | None:
    if told is None:
        return None
    return {
        name: value * THOUSANDTHS if name != "n" and value is not None else value
        for name, value in told.items()
    }
