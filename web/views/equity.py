"""The past of a paper account: its equity beside the same money held in the market's benchmark,
its drawdown and its exposure, drawn, with the length of the sample.

Promises that money paid in or out is no profit: growth is chained over the rows between two such
movements, and the benchmark is given the same money at the same time. A reset begins anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from domain.panel import Floats, Times
from domain.symbols import calendar_of
from market.calendars import bar_closes_array, to_datetime, to_datetime64_array
from market.panels.panel_builder import BENCHMARKS
from market.quality.checks import Bools
from research.report import charts
from research.report.charts import PlotCurve
from research.report.svg import format_money, format_percent
from web.services import AppServices
from web.views.amounts import percent, signed_percent, tone

_EVEN = 0.00005
"""A share that is shown as 0.00 % has no colour."""


@dataclass(frozen=True, slots=True)
class CashFlow:
    """Money that somebody moved: `amount` in currency, negative when paid out; a reset makes it all
    there is (`reset`). `row` is the first row of bars that has it."""

    row: int
    amount: float
    reset: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class AccountHistory:
    """(K,) rows of bars since the last reset, in time order; NaN where not known. `growth` of 1
    and its `drawdown` (0 at a high, negative below), money moved left out; `benchmark_equity` is
    what `benchmark` would have made of the same money, `benchmark_growth` of 1."""

    times: Times
    equity: Floats
    exposure: Floats
    growth: Floats
    drawdown: Floats
    benchmark_equity: Floats
    benchmark_growth: Floats
    benchmark: str


@dataclass(frozen=True, slots=True)
class HistoryMeasure:
    label: str
    value: str
    note: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class AccountHistoryView:
    """Figures in HTML, empty before there are two rows of bars."""

    sample: str
    measures: tuple[HistoryMeasure, ...]
    equity: str
    drawdown: str
    exposure: str


def account_history(
    times: Times,
    equity: Floats,
    exposure: Floats,
    flows: Sequence[CashFlow],
    benchmark: tuple[str, Times, Floats] | None,
) -> AccountHistory:
    """`benchmark` is a symbol with the instants at which its closes were known, and those."""
    net_flows, resets = _flows_by_row(len(times), flows)
    begin = int(np.flatnonzero(resets)[-1]) if resets.any() else 0
    times, equity, exposure = times[begin:], equity[begin:], exposure[begin:]
    net_flows = net_flows[begin:]
    name, closes = _benchmark_closes_at(times, benchmark)
    growth = np.cumprod(_growth_steps(equity, net_flows), dtype=np.float64)
    steps = np.ones(len(times))
    steps[1:] = closes[1:] / closes[:-1]
    return AccountHistory(
        times=times,
        equity=equity,
        exposure=exposure,
        growth=growth,
        drawdown=growth / np.maximum.accumulate(growth) - 1.0,
        benchmark_equity=_benchmark_equity(equity, net_flows, steps),
        benchmark_growth=np.cumprod(steps, dtype=np.float64),
        benchmark=name,
    )


def account_history_view(history: AccountHistory, currency: str) -> AccountHistoryView | None:
    """None until two rows of bars are behind the account."""
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


def load_benchmark(services: AppServices, times: Times) -> tuple[str, Times, Floats] | None:
    """The benchmark of the calendar that most watched symbols trade on, from the bars before
    `times` on; None where none is stored."""
    calendars = [calendar_of(symbol) for symbol in services.watched_symbols()]
    for calendar in sorted(set(calendars), key=lambda each: (-calendars.count(each), each)):
        for symbol in BENCHMARKS.get(calendar, ()):
            if len(times) and services.store.span(services.market, symbol, services.timeframe):
                return _benchmark_closes(services, symbol, calendar, times)
    return None


def _benchmark_closes(
    services: AppServices, symbol: str, calendar: str, times: Times
) -> tuple[str, Times, Floats]:
    from_, until = (to_datetime(at) for at in times[[0, -1]])
    start = from_ - 10 * services.timeframe.duration
    frame = services.store.bars(services.market, symbol, services.timeframe, start, until)
    known = bar_closes_array(calendar, to_datetime64_array(frame["at"]), services.timeframe)
    closes = frame["adj_close"].to_numpy(np.float64)
    usable = ~np.isnat(known) & np.isfinite(closes)
    return symbol, known[usable], closes[usable]


def _flows_by_row(rows: int, flows: Sequence[CashFlow]) -> tuple[Floats, Bools]:
    """(K,) money moved after the row before and by each row, and whether all began anew then."""
    net_flows, resets = np.zeros(rows), np.zeros(rows, bool)
    for flow in flows:
        if flow.row < rows:
            net_flows[flow.row] = flow.amount if flow.reset else net_flows[flow.row] + flow.amount
            resets[flow.row] |= flow.reset
    return net_flows, resets


def _growth_steps(equity: Floats, net_flows: Floats) -> Floats:
    """(K,) growth of each row over the one before, 1 in the first and of an empty account."""
    steps = np.ones(len(equity))
    before = equity[:-1] + net_flows[1:]
    grown = equity[1:] / np.where(before > 0, before, np.nan)
    steps[1:] = np.where((before == 0.0) & (equity[1:] == 0.0), 1.0, grown)
    return steps


def _benchmark_equity(equity: Floats, net_flows: Floats, steps: Floats) -> Floats:
    """(K,) what the money would have become, had it grown by `steps`."""
    path = np.full(len(equity), np.nan)
    for row in range(len(equity)):
        path[row] = equity[0] if row == 0 else (path[row - 1] + net_flows[row]) * steps[row]
    return path


def _benchmark_closes_at(
    times: Times, benchmark: tuple[str, Times, Floats] | None
) -> tuple[str, Floats]:
    if benchmark is None or not len(benchmark[1]):
        return "", np.full(len(times), np.nan)
    name, known, closes = benchmark
    place = np.searchsorted(known, times, side="right") - 1
    return name, np.where(place >= 0, closes[np.maximum(place, 0)], np.nan)


def _sample_note(history: AccountHistory) -> str:
    days = (history.times[-1] - history.times[0]) / np.timedelta64(1, "D")
    text = f"{len(history.times):,} rows of bars, {days + 1:,.0f} days"
    return f"{text}: too few to tell skill from luck" if days < 365 else text


def _measures(history: AccountHistory) -> tuple[HistoryMeasure, ...]:
    account_return, benchmark_return = (
        _total_return(history.growth),
        _total_return(history.benchmark_growth),
    )
    note = "money paid in or out left out"
    excess = (
        None
        if account_return is None or benchmark_return is None
        else account_return - benchmark_return
    )
    return (
        HistoryMeasure("Return", signed_percent(account_return), note, tone(account_return, _EVEN)),
        HistoryMeasure(
            f"{history.benchmark or 'Benchmark'}, held",
            signed_percent(benchmark_return),
            "the same money on the same days" if history.benchmark else "no benchmark is stored",
        ),
        HistoryMeasure(
            "Beside it", signed_percent(excess), "more or less than it", tone(excess, _EVEN)
        ),
        HistoryMeasure(
            "Deepest fall", percent(_max_drawdown(history.drawdown)), "from a high to the next low"
        ),
        HistoryMeasure("Mean exposure", percent(_mean(history.exposure)), "of equity"),
    )


def _total_return(growth: Floats) -> float | None:
    return float(growth[-1] - 1.0) if len(growth) and np.isfinite(growth[-1]) else None


def _max_drawdown(drawdown: Floats) -> float | None:
    known = drawdown[np.isfinite(drawdown)]
    return abs(float(known.min())) if len(known) else None


def _mean(values: Floats) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None
