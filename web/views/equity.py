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
from market.calendars import closing_instants, instants, moment
from market.panels.panel_builder import BENCHMARKS
from market.quality.checks import Bools
from research.report import charts
from research.report.charts import Curve as Drawn
from research.report.svg import money, percent
from web.services import House
from web.views.amounts import percent as said
from web.views.amounts import share, tone

_EVEN = 0.00005
"""A share that is shown as 0.00 % has no colour."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Money that somebody moved: `amount` in currency, negative when paid out; a reset makes it all
    there is (`anew`). `row` is the first row of bars that has it."""

    row: int
    amount: float
    anew: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """(K,) rows of bars since the last reset, in time order; NaN where not known. `growth` of 1
    and its `drawdown` (0 at a high, negative below), money moved left out; `held` is what the
    benchmark `benchmark` would have made of the same money, `held_growth` of 1."""

    times: Times
    equity: Floats
    exposure: Floats
    growth: Floats
    drawdown: Floats
    held: Floats
    held_growth: Floats
    benchmark: str


@dataclass(frozen=True, slots=True)
class Measure:
    label: str
    value: str
    note: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class PastView:
    """Figures in HTML, empty before there are two rows of bars."""

    sample: str
    measures: tuple[Measure, ...]
    equity: str
    drawdown: str
    exposure: str


def past_of(
    times: Times,
    equity: Floats,
    exposure: Floats,
    flows: Sequence[Flow],
    benchmark: tuple[str, Times, Floats] | None,
) -> Past:
    """`benchmark` is a symbol with the instants at which its closes were known, and those."""
    moved, anew = _at_rows(len(times), flows)
    begin = int(np.flatnonzero(anew)[-1]) if anew.any() else 0
    times, equity, exposure = times[begin:], equity[begin:], exposure[begin:]
    moved = moved[begin:]
    name, closes = _closes_at(times, benchmark)
    growth = np.cumprod(_steps(equity, moved), dtype=np.float64)
    steps = np.ones(len(times))
    steps[1:] = closes[1:] / closes[:-1]
    return Past(
        times=times,
        equity=equity,
        exposure=exposure,
        growth=growth,
        drawdown=growth / np.maximum.accumulate(growth) - 1.0,
        held=_held(equity, moved, steps),
        held_growth=np.cumprod(steps, dtype=np.float64),
        benchmark=name,
    )


def past_view(past: Past, currency: str) -> PastView | None:
    """None until two rows of bars are behind the account."""
    if len(past.times) < 2:
        return None
    name = f"{past.benchmark}, bought and held"
    curves = [Drawn("The account", past.equity, 1)]
    if past.benchmark:
        curves.append(Drawn(name, past.held, 5))
    return PastView(
        sample=_sample(past),
        measures=_measures(past),
        equity=charts.lines("equity", f"Equity, {currency}", past.times, curves, money),
        drawdown=charts.area(
            "drawdown", "Drawdown", past.times, Drawn("Drawdown", past.drawdown, 6), percent
        ),
        exposure=charts.area(
            "exposure", "Exposure", past.times, Drawn("Exposure", past.exposure, 8), percent
        ),
    )


def benchmark_of(house: House, times: Times) -> tuple[str, Times, Floats] | None:
    """The benchmark of the calendar that most watched symbols trade on, from the bars before
    `times` on; None where none is stored."""
    calendars = [calendar_of(symbol) for symbol in house.watched()]
    for calendar in sorted(set(calendars), key=lambda each: (-calendars.count(each), each)):
        for symbol in BENCHMARKS.get(calendar, ()):
            if len(times) and house.library.span(house.market, symbol, house.timeframe):
                return _bars(house, symbol, calendar, times)
    return None


def _bars(house: House, symbol: str, calendar: str, times: Times) -> tuple[str, Times, Floats]:
    from_, until = (moment(at) for at in times[[0, -1]])
    start = from_ - 10 * house.timeframe.duration
    frame = house.library.bars(house.market, symbol, house.timeframe, start, until)
    known = closing_instants(calendar, instants(frame["at"]), house.timeframe)
    closes = frame["adj_close"].to_numpy(np.float64)
    usable = ~np.isnat(known) & np.isfinite(closes)
    return symbol, known[usable], closes[usable]


def _at_rows(rows: int, flows: Sequence[Flow]) -> tuple[Floats, Bools]:
    """(K,) money moved after the row before and by each row, and whether all began anew then."""
    moved, anew = np.zeros(rows), np.zeros(rows, bool)
    for flow in flows:
        if flow.row < rows:
            moved[flow.row] = flow.amount if flow.anew else moved[flow.row] + flow.amount
            anew[flow.row] |= flow.anew
    return moved, anew


def _steps(equity: Floats, moved: Floats) -> Floats:
    """(K,) growth of each row over the one before, 1 in the first and of an empty account."""
    steps = np.ones(len(equity))
    before = equity[:-1] + moved[1:]
    grown = equity[1:] / np.where(before > 0, before, np.nan)
    steps[1:] = np.where((before == 0.0) & (equity[1:] == 0.0), 1.0, grown)
    return steps


def _held(equity: Floats, moved: Floats, steps: Floats) -> Floats:
    """(K,) what the money would have become, had it grown by `steps`."""
    held = np.full(len(equity), np.nan)
    for row in range(len(equity)):
        held[row] = equity[0] if row == 0 else (held[row - 1] + moved[row]) * steps[row]
    return held


def _closes_at(times: Times, benchmark: tuple[str, Times, Floats] | None) -> tuple[str, Floats]:
    if benchmark is None or not len(benchmark[1]):
        return "", np.full(len(times), np.nan)
    name, known, closes = benchmark
    place = np.searchsorted(known, times, side="right") - 1
    return name, np.where(place >= 0, closes[np.maximum(place, 0)], np.nan)


def _sample(past: Past) -> str:
    days = (past.times[-1] - past.times[0]) / np.timedelta64(1, "D")
    told = f"{len(past.times):,} rows of bars, {days + 1:,.0f} days"
    return f"{told}: too few to tell skill from luck" if days < 365 else told


def _measures(past: Past) -> tuple[Measure, ...]:
    own, held = _last(past.growth), _last(past.held_growth)
    note = "money paid in or out left out"
    ahead = None if own is None or held is None else own - held
    return (
        Measure("Return", share(own), note, tone(own, _EVEN)),
        Measure(
            f"{past.benchmark or 'Benchmark'}, held",
            share(held),
            "the same money on the same days" if past.benchmark else "no benchmark is stored",
        ),
        Measure("Beside it", share(ahead), "more or less than it", tone(ahead, _EVEN)),
        Measure("Deepest fall", said(_positive(past.drawdown)), "from a high to the next low"),
        Measure("Mean exposure", said(_mean(past.exposure)), "of equity"),
    )


def _last(growth: Floats) -> float | None:
    return float(growth[-1] - 1.0) if len(growth) and np.isfinite(growth[-1]) else None


def _positive(drawdown: Floats) -> float | None:
    known = drawdown[np.isfinite(drawdown)]
    return abs(float(known.min())) if len(known) else None


def _mean(values: Floats) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None
