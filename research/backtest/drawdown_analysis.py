"""The bad periods of a backtest: its deepest drawdowns, its returns in market crises, and its rank
among random committees.

Plain JSON of what was simulated; fractions, not percent. Leaves out words and charts
(`research/report/drawdown_view.py`, `conclusions.py`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from domain.instants import Times
from domain.panel import Floats
from quant.performance.metrics import METRICS
from quant.performance.periods import STRESS_PERIODS, period_returns, stress_returns
from quant.risk.drawdowns import deepest_drawdowns

MAX_DRAWDOWNS = 10
RANKED_METRICS = ("total_return", "sharpe", "max_drawdown")
"""Metrics by which the committee is ranked among random committees."""

NamedFigures = Mapping[str, Mapping[str, Any]]


def drawdown_table(times: Times, equity: Floats, capital: float) -> list[dict[str, Any]]:
    """Return the deepest drawdowns of daily equity, deepest first. `equity` (K,) at `times` (K,)
    began with `capital`; `peak` is None where equity never exceeded it, `recovery` while the
    drawdown lasts."""
    daily = period_returns(_returns(equity, capital), times, "D")
    days = [str(day) for day in daily.start]
    return [
        {
            "peak": days[each.peak] if each.peak >= 0 else None,
            "valley": days[each.trough],
            "recovery": None if each.recovery is None else days[each.recovery],
            "depth": each.depth,
        }
        for each in deepest_drawdowns(daily.returns, MAX_DRAWDOWNS)
    ]


def stress_table(
    times: Times, curves: Mapping[str, Floats], capital: float
) -> list[dict[str, Any]]:
    """Return the return of every strategy over each known market crisis that lies within
    `times`."""
    by_stress: dict[str, dict[str, float]] = {}
    for name, equity in curves.items():
        for period, change in stress_returns(_returns(equity, capital), times).items():
            if np.isfinite(change):
                by_stress.setdefault(period, {})[name] = float(change)
    return [
        {
            "name": period,
            "from": STRESS_PERIODS[period][0],
            "to": STRESS_PERIODS[period][1],
            "returns": returns,
        }
        for period, returns in by_stress.items()
    ]


def compare_with_random(
    committee: NamedFigures, random_figures: Sequence[NamedFigures]
) -> dict[str, Any]:
    """Return, by metric, how many of the random committees that have it the committee beat."""
    comparison: dict[str, Any] = {}
    for name in RANKED_METRICS:
        own = committee[name]["value"]
        others = [each[name]["value"] for each in random_figures]
        known = [value for value in others if value is not None]
        if own is not None and known:
            better = METRICS[name].better
            beaten = sum(better * (own - value) > 0 for value in known)
            comparison[name] = {"beaten": beaten, "of": len(known)}
    return comparison


def _returns(equity: Floats, capital: float) -> Floats:
    return np.asarray(equity / np.append(capital, equity[:-1]) - 1.0)
