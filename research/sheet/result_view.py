"""A stored backtest made ready to be shown, the same for its page and its tear sheet.

Promises that every figure of the committee and of what it is compared with stands beside its
interval, and that nothing is computed here that could be stored. Leaves out how well the forecasts
did (`record_view.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.registry import profile
from domain.panel import Floats, Times
from research.sheet import drawing
from research.sheet.drawing import Curve
from research.sheet.grids import Fact, Grid, Line
from research.sheet.hardship_view import falls_grid, stress_grid
from research.sheet.measures import facts, meaning, title, unit
from research.sheet.plotting import money
from research.sheet.robustness_view import (
    capacity,
    monte_carlo,
    overfitting,
    parameters,
    sensitivity,
)
from research.sheet.verdict import verdict
from research.sheet.wording import Said, change, said

COMMITTEE = "committee"
CONTEST = (
    "total_return", "cagr", "sharpe", "max_drawdown", "volatility", "exposure", "turnover",
    "yearly_cost",
)  # fmt: skip
"""What contestants are compared by at a glance."""
HEADLINE = ("total_return", "cagr", "sharpe", "max_drawdown", "volatility")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LOOKS = 8


@dataclass(frozen=True, slots=True)
class Headline:
    label: str
    figure: Said
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
    headline: tuple[Headline, ...]
    equity: str
    drawdown: str
    verdict: tuple[str, ...]
    contest: Grid
    falls: Grid
    stress: Grid
    months: Grid
    metrics: Grid
    costs: Grid
    delays: Grid
    monte_carlo: str
    trades: str
    final: tuple[Fact, ...]
    overfitting: tuple[Fact, ...]
    parameters: Grid
    assumptions: tuple[Fact, ...]
    notes: tuple[str, ...]
    timing: str
    receipt: tuple[Fact, ...]


def result_view(
    result: Mapping[str, Any], times: Times, curves: Mapping[str, Floats]
) -> ResultView:
    """`curves` are equities over the (T,) `times`, by name, the committee's among them."""
    robust = result.get("robustness") or {}
    drawn = robust.get("monte_carlo") or {}
    committee = result["committee"]
    compared = {COMMITTEE: committee, **result["benchmarks"]}
    agents = {profile(name).label: figures for name, figures in result["agents"].items()}
    return ResultView(
        id=result["id"],
        title=result.get("label") or ", ".join(result["symbols"]),
        market=result["market"],
        simulated=bool(result["simulated"]),
        period=f"{result['from']} to {result['to']}",
        symbols=", ".join(result["symbols"]),
        voters=", ".join(agents),
        headline=tuple(
            Headline(title(name), said(committee[name], unit(name)), meaning(name))
            for name in HEADLINE
            if name in committee
        ),
        equity=equity_figure("equity", times, {n: curves[n] for n in compared if n in curves}),
        drawdown=_drawdown(times, curves[COMMITTEE]),
        verdict=verdict(result),
        falls=falls_grid(result.get("drawdowns")),
        stress=stress_grid(result.get("stress")),
        months=_months(times, curves[COMMITTEE]),
        contest=_contest({**compared, **{f"{n} alone": f for n, f in agents.items()}}),
        metrics=metrics_grid("Every figure", {**compared, **agents}),
        costs=sensitivity("Were trading dearer", "Costs", "bps", robust.get("costs")),
        delays=sensitivity("Were orders later", "Delay", "bars", robust.get("delays")),
        monte_carlo=monte_carlo("monte-carlo", "Returns drawn again", drawn),
        trades=monte_carlo(
            "monte-carlo-trades", "Trades drawn again", drawn.get("trades"), "trades"
        ),
        final=facts(drawn.get("final")),
        overfitting=overfitting(robust.get("overfitting")),
        parameters=parameters(robust.get("parameters")),
        assumptions=_assumptions(result),
        notes=(*result.get("notes", ()), *capacity(robust.get("capacity"))),
        timing=_timing(result.get("timing") or {}),
        receipt=facts(result.get("receipt")),
    )


def metrics_grid(head: str, columns: Mapping[str, Mapping[str, Any]]) -> Grid:
    """One line a metric that any column has, one column a contestant."""
    names = dict.fromkeys(name for figures in columns.values() for name in figures)
    return Grid(
        head,
        "Figure",
        tuple(columns),
        tuple(
            Line(
                title(name),
                tuple(said(figures.get(name), unit(name)) for figures in columns.values()),
                hint=meaning(name),
            )
            for name in names
        ),
    )


def equity_figure(id: str, times: Times, curves: Mapping[str, Floats]) -> str:
    """Equities from where they began, as money."""
    drawn = [
        Curve(name, values, 1 + place % LOOKS)
        for place, (name, values) in enumerate(curves.items())
    ]
    if not drawn or not len(times):
        return ""
    start = float(drawn[0].values[0])
    return drawing.lines(id, "Equity", times, drawn, money, level=start)


def _drawdown(times: Times, equity: Floats) -> str:
    if not len(times):
        return ""
    fallen = equity / np.maximum.accumulate(equity) - 1.0
    return drawing.area(
        "drawdown", "Drawdown of the committee", times, Curve("Drawdown", fallen, 6)
    )


def _months(times: Times, equity: Floats) -> Grid:
    """Returns by calendar month, years downwards; a month that is not whole is told as it is."""
    lines = []
    months = times.astype("datetime64[M]")
    ends = np.flatnonzero(np.append(months[1:] != months[:-1], len(times) > 0))
    before = float(equity[0]) if len(times) else np.nan
    found: dict[int, dict[int, float]] = {}
    for end in ends:
        year, month = divmod(int(months[end].astype(int)), 12)
        found.setdefault(year + 1970, {})[month] = float(equity[end]) / before - 1.0
        before = float(equity[end])
    for year, changes in found.items():
        whole = float(np.prod([1.0 + each for each in changes.values()])) - 1.0
        cells = [
            change(changes[month] * 100) if month in changes else Said("") for month in range(12)
        ]
        lines.append(Line(str(year), (*cells, change(whole * 100))))
    return Grid("Month by month", "Year", (*MONTHS, "Year"), tuple(lines))


def _contest(contestants: Mapping[str, Mapping[str, Any]]) -> Grid:
    """One line a contestant, by the figures that tell most."""
    shown = [name for name in CONTEST if any(name in figures for figures in contestants.values())]
    return Grid(
        "The contest",
        "Contestant",
        tuple(map(title, shown)),
        tuple(
            Line(contestant, tuple(said(figures.get(name), unit(name)) for name in shown))
            for contestant, figures in contestants.items()
        ),
    )


def _assumptions(result: Mapping[str, Any]) -> tuple[Fact, ...]:
    """What was supposed: the request, the costs and the committee's settings."""
    settings = result.get("settings") or {}
    return (
        Fact("starting cash", money(float(result["capital"]))),
        Fact("bars and horizon", f"{result['timeframe']}, {result['horizon']} bars ahead"),
        Fact("seed", str(result["seed"])),
        *facts(settings.get("costs")),
        *facts(settings.get("committee")),
    )


def _timing(told: Mapping[str, Any]) -> str:
    if not told:
        return ""
    return (
        f"The agents voted on {told['bars']:,} bars in {told['vote_s']:.2f} s, the fold over time "
        f"took {told['fold_s']:.2f} s, everything {told['total_s']:.2f} s."
    )
