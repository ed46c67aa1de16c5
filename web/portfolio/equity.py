"""The past of a paper account as the portfolio page draws it, with the length of the sample."""

from dataclasses import dataclass

import numpy as np

from research.report import charts
from research.report.charts import PlotCurve
from research.report.svg import format_money, format_percent
from trading.account.history import AccountHistory, max_drawdown, mean_of_known, total_return
from web import formatting
from web.components.amounts import percent, signed_percent

_EVEN = 0.00005
"""A fraction that is shown as 0.00 % has no colour."""


@dataclass(frozen=True, slots=True)
class HistoryMeasure:
    label: str
    value: str
    note: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class AccountHistoryView:
    """Figures in HTML, empty until there are two rows of bars."""

    sample: str
    measures: tuple[HistoryMeasure, ...]
    equity: str
    drawdown: str
    exposure: str


def account_history_view(history: AccountHistory, currency: str) -> AccountHistoryView | None:
    """Draw the account's history; None until it has two rows of bars."""
    if len(history.times) < 2:
        return None
    name = f"{history.benchmark}, bought and held"
    curves = [PlotCurve("The account", history.equity, 1)]
    if history.benchmark:
        curves.append(PlotCurve(name, history.benchmark_equity, 5))
    return AccountHistoryView(
        sample=_sample_note(history),
        measures=_measures(history),
        equity=charts.line_chart(
            "equity", f"Equity, {currency}", history.times, curves, format_money
        ),
        drawdown=charts.area_chart(
            "drawdown",
            "Drawdown",
            history.times,
            PlotCurve("Drawdown", history.drawdown, 6),
            format_percent,
        ),
        exposure=charts.area_chart(
            "exposure",
            "Exposure",
            history.times,
            PlotCurve("Exposure", history.exposure, 8),
            format_percent,
        ),
    )


def _sample_note(history: AccountHistory) -> str:
    days = (history.times[-1] - history.times[0]) / np.timedelta64(1, "D")
    text = f"{len(history.times):,} rows of bars, {days + 1:,.0f} days"
    return f"{text}: too few to tell skill from luck" if days < 365 else text


def _measures(history: AccountHistory) -> tuple[HistoryMeasure, ...]:
    account_return, benchmark_return = (
        total_return(history.growth),
        total_return(history.benchmark_growth),
    )
    note = "money paid in or out left out"
    excess = (
        None
        if account_return is None or benchmark_return is None
        else account_return - benchmark_return
    )
    return (
        HistoryMeasure(
            "Return", signed_percent(account_return), note, formatting.tone(account_return, _EVEN)
        ),
        HistoryMeasure(
            f"{history.benchmark or 'Benchmark'}, held",
            signed_percent(benchmark_return),
            "the same money on the same days" if history.benchmark else "no benchmark is stored",
        ),
        HistoryMeasure(
            "Beside it",
            signed_percent(excess),
            "more or less than it",
            formatting.tone(excess, _EVEN),
        ),
        HistoryMeasure(
            "Deepest fall", percent(max_drawdown(history.drawdown)), "from a high to the next low"
        ),
        HistoryMeasure("Mean exposure", percent(mean_of_known(history.exposure)), "of equity"),
    )
