"""The past of a paper account in arrays: its equity beside the same money held in a benchmark, its
time-weighted growth, drawdown and exposure.

Promises that money paid in or out is no profit: growth is chained over the rows between two such
movements, and the benchmark is given the same money at the same time. A reset begins anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from domain.instants import Times
from domain.panel import Bools, Floats


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


def total_return(growth: Floats) -> float | None:
    """Growth over the whole, a fraction; None where it is not known."""
    return float(growth[-1] - 1.0) if len(growth) and np.isfinite(growth[-1]) else None


def current_drawdown(drawdown: Floats) -> float | None:
    """The fraction that the last row lies below the highest, 0 at a high; None where it is not
    known."""
    return abs(float(drawdown[-1])) if len(drawdown) and np.isfinite(drawdown[-1]) else None


def max_drawdown(drawdown: Floats) -> float | None:
    """The deepest fall from a high, a positive fraction; None where none is known."""
    known = drawdown[np.isfinite(drawdown)]
    return abs(float(known.min())) if len(known) else None


def mean_of_known(values: Floats) -> float | None:
    """The mean of the finite values; None where there is none."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None
