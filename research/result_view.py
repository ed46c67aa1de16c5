"""A stored backtest made ready to be shown, the same for its page and its tear sheet.

Promises that every figure of the committee and of what it is compared with stands beside its
interval, and that nothing is computed here that could be stored. Leaves out how well the forecasts
did (`record_view.py`).
"""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from domain.panel import Floats, Times
from quant.performance import METRICS
from research import drawing
from research.drawing import Curve
from research.grids import Fact, Grid, Line
from research.plotting import UNKNOWN, money
from research.wording import Said, number, said

COMMITTEE = "committee"
HEADLINE = ("total_return", "cagr", "sharpe", "max_drawdown", "volatility")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LOOKS = 8
PERCENTILES = ("5", "25", "50", "75", "95")


@dataclass(frozen=True, slots=True)
class Headline:
    label: str
    figure: Said


@dataclass(frozen=True, slots=True)
class ResultView:
    """Figures (`equity`, `drawdown`, `monte_carlo`) are safe HTML, empty where there is none."""

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
    months: Grid
    metrics: Grid
    agents: Grid
    costs: Grid
    delays: Grid
    monte_carlo: str
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
    committee = result["committee"]
    compared = {COMMITTEE: committee, **result["benchmarks"]}
    return ResultView(
        id=result["id"],
        title=result.get("label") or ", ".join(result["symbols"]),
        market=result["market"],
        simulated=bool(result["simulated"]),
        period=f"{result['from']} to {result['to']}",
        symbols=", ".join(result["symbols"]),
        voters=", ".join(result["agents"]),
        headline=tuple(
            Headline(title(name), said(committee[name], unit(name)))
            for name in HEADLINE
            if name in committee
        ),
        equity=equity_figure("equity", times, {n: curves[n] for n in compared if n in curves}),
        drawdown=_drawdown(times, curves[COMMITTEE]),
        months=_months(times, curves[COMMITTEE]),
        metrics=metrics_grid("Every figure, beside what it is compared with", compared),
        agents=metrics_grid("Each agent by itself", result["agents"]),
        costs=_sensitivity("Were trading dearer", "Costs", "bps", robust.get("costs")),
        delays=_sensitivity("Were orders later", "Delay", "bars", robust.get("delays")),
        monte_carlo=_monte_carlo(robust.get("monte_carlo")),
        final=_facts((robust.get("monte_carlo") or {}).get("final")),
        overfitting=_facts(robust.get("overfitting")),
        parameters=_parameters(robust.get("parameters")),
        assumptions=_assumptions(result),
        notes=tuple(result.get("notes", ())),
        timing=_timing(result.get("timing") or {}),
        receipt=_facts(result.get("receipt")),
    )


def unit(metric: str) -> str:
    """'%' for a share, else the metric's own unit; empty for a plain number."""
    known = METRICS.get(metric)
    return known.unit if known else ""


def title(metric: str) -> str:
    known = METRICS.get(metric)
    return known.title if known else metric.replace("_", " ")


def meaning(metric: str) -> str:
    known = METRICS.get(metric)
    return known.meaning if known else ""


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
        whole = float(np.prod([1.0 + change for change in changes.values()])) - 1.0
        cells = [_signed(changes.get(month)) for month in range(12)]
        lines.append(Line(str(year), (*cells, _signed(whole))))
    return Grid("Month by month", "Year", (*MONTHS, "Year"), tuple(lines))


def _signed(change: float | None) -> Said:
    if change is None:
        return Said("")
    tone = "up" if change > 0 else "down" if change < 0 else "flat"
    text = number(change * 100, "", 1)
    return Said(f"+{text}" if change > 0 else text, tone=tone)


def _sensitivity(
    head: str, corner: str, key: str, rows: Sequence[Mapping[str, Any]] | None
) -> Grid:
    return _variants(head, corner, rows, {key}, lambda row: f"{row[key]:g} {key}")


def _parameters(rows: Sequence[Mapping[str, Any]] | None) -> Grid:
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


def _monte_carlo(told: Mapping[str, Any] | None) -> str:
    if not told or not told.get("points"):
        return ""
    percentiles = {
        name: np.array(told["bands"][name], float) for name in ("5", "25", "50", "75", "95")
    }
    head = "What the same returns could have made"
    return drawing.bands("monte-carlo", head, told["points"], percentiles, level=1.0)


_SPELT = {"pbo": "probability of overfitting (PBO)", "deflated_sharpe": "deflated Sharpe ratio"}


def _facts(told: Mapping[str, Any] | None) -> tuple[Fact, ...]:
    """A flat object as names and values; an object within it as one line."""
    return tuple(
        Fact(_SPELT.get(name) or title(name), _plain(name, value))
        for name, value in (told or {}).items()
    )


def _plain(name: str, value: Any) -> str:
    if isinstance(value, Mapping) and "value" in value:
        figure = said(value, unit(name))
        return f"{figure.text} ({figure.between})" if figure.between else figure.text
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(key, each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_plain(name, each) for each in value)
    if isinstance(value, float):
        return number(value)
    return UNKNOWN if value is None else str(value)


def _assumptions(result: Mapping[str, Any]) -> tuple[Fact, ...]:
    """What was supposed: the request, the costs and the committee's settings."""
    settings = result.get("settings") or {}
    return (
        Fact("starting cash", money(float(result["capital"]))),
        Fact("bars and horizon", f"{result['timeframe']}, {result['horizon']} bars ahead"),
        Fact("seed", str(result["seed"])),
        *_facts(settings.get("costs")),
        *_facts(settings.get("committee")),
    )


def _timing(told: Mapping[str, Any]) -> str:
    if not told:
        return ""
    return (
        f"The agents voted on {told['bars']:,} bars in {told['vote_s']:.2f} s, the fold over time "
        f"took {told['fold_s']:.2f} s, everything {told['total_s']:.2f} s."
    )
