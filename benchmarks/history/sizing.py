"""Performance of the sizing methods on real history: the tables of docs/understand/sizing.md.

`python -m benchmarks sizing data=FOLDER [walk=BARS]`: imports the folder's daily files into a home
of its own, lets the five agents vote on all shares and funds from 2015 on (with coefficients fitted
anew on the BARS before; 0 takes those that ship), and trades the same votes with each method, each
profile, and with each limit off. Each figure has its 90% interval. Then it counts on how many days
each limit applied.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import numpy as np

from agents.registry import AGENTS, build
from benchmarks.support.imported_history import SETTINGS, imported_store, share_symbols
from orchestrator.committee.pooling import CommitteeSettings
from orchestrator.committee.targets import decide_row, target_inputs
from orchestrator.team.base import AgentVoteResult
from orchestrator.team.local_team import LocalTeam
from research.backtest.history import CalendarPanel, load_panels
from research.backtest.performance import PerformanceCalculator
from research.backtest.request import REFIT_BARS, BacktestRequest, build_request
from research.backtest.scenarios import (
    BacktestInputs,
    PooledForecast,
    baseline_plans,
    build_inputs,
    decide_targets,
    pool_forecast,
    simulate_plan,
)
from research.fitting.walkforward import walk_forward_votes
from trading.account.simulation import SimulationResult
from trading.limits import LimitSettings
from trading.sizing.profiles import PROFILES

FIRST, LAST = date(2015, 1, 2), date(2025, 9, 26)
SHOWN_METRICS = ("cagr", "sharpe", "max_drawdown", "exposure", "turnover")
RATIOS = ("sharpe", "turnover")
"""Figures that are ratios; the others are in percent."""
METHODS = ("kelly", "fixed", "volatility", "equal risk")
DISABLED_LIMITS: dict[str, dict[str, Any]] = {
    "no minimum probability": {"minimum_probability": 0.0},
    "no sector limit": {"sizing": {"sector_limit": 1.0}},
    "no correlation limit": {"sizing": {"correlated_limit": 1.0}},
    "none of the three": {
        "minimum_probability": 0.0, "sizing": {"sector_limit": 1.0, "correlated_limit": 1.0},
    },
    "a quarter of Kelly": {"sizing": {"kelly_fraction": 0.25}},
}  # fmt: skip
LOOSE_LIMITS = {
    "no breakers": LimitSettings(daily_loss=None, drawdown=None, losses=None),
    "no band": LimitSettings(band=0.0),
}
"""The account's limits, loosened."""


def run(data: str, walk: str = "1008") -> dict[str, Any]:
    """Return a row of a Markdown table for each method, profile and limit left out."""
    with imported_store(data) as (_, store):
        backtest = build_request(
            market="files", symbols=tuple(share_symbols(store, datetime(2015, 1, 1, tzinfo=UTC))),
            start=FIRST, end=LAST, agents=tuple(AGENTS),
        )  # fmt: skip
        parts = load_panels(store, backtest, False)
    inputs = build_inputs(
        backtest, parts, [_collect_votes(backtest, part, int(walk)) for part in parts]
    )
    return dict(_rows(inputs))


def _collect_votes(
    backtest: BacktestRequest, part: CalendarPanel, walk: int
) -> tuple[AgentVoteResult, ...]:
    make = partial(build, settings=SETTINGS)
    if walk:
        return walk_forward_votes(
            part.panel, part.since, walk, REFIT_BARS, backtest.required_agents, make
        )
    return LocalTeam(backtest.required_agents, make).vote(part.panel, part.since)


def _rows(inputs: BacktestInputs) -> Iterator[tuple[str, str]]:
    """Yield the rows, each figure with its interval, and the number of fills."""
    plain = baseline_plans(inputs)
    calculator = PerformanceCalculator(inputs, simulate_plan(inputs, plain["buy and hold"]))
    forecast = pool_forecast(inputs, inputs.request.agents, CommitteeSettings())
    yield "symbols", str(len(inputs.grid.symbols))
    yield "| |", " | ".join(name.replace("_", " ") for name in SHOWN_METRICS) + " | fills |"
    for name, settings, limits in _settings():
        limited = replace(inputs, request=inputs.request.model_copy(update={"limits": limits}))
        plan = decide_targets(limited, forecast, settings).plan
        yield f"| {name} |", _cells(calculator, simulate_plan(limited, plan))
    for name, plan in plain.items():
        yield f"| {name} |", _cells(calculator, simulate_plan(inputs, plan))
    yield from _limit_days(inputs, forecast)


def _limit_days(inputs: BacktestInputs, forecast: PooledForecast) -> Iterator[tuple[str, str]]:
    """Yield on how many days each limit shrank at least one target, and how many targets on those
    days."""
    [pooled], [part] = forecast.pooled_votes, inputs.panels
    rows, previous = target_inputs(pooled, part.blocked), np.zeros(len(inputs.grid.symbols))
    days, targets = Counter[str](), Counter[str]()
    for row in range(len(part.blocked)):
        decision = decide_row(rows, row, previous, CommitteeSettings())
        previous = decision.target
        for clamp in decision.clamps:
            days[clamp.name] += bool(clamp.reduced.any())
            targets[clamp.name] += int(clamp.reduced.sum())
    for name, count in days.items():
        each = f", {targets[name] / count:.1f} targets each" if count else ""
        yield f"{name} bit", f"on {count / len(part.blocked):.1%} of the days{each}"


def _settings() -> Iterator[tuple[str, CommitteeSettings, LimitSettings]]:
    usual = LimitSettings()
    for method in METHODS:
        yield method, CommitteeSettings.model_validate({"sizing": {"method": method}}), usual
    for profile in PROFILES.values():
        sizing = profile.apply_to_sizing(CommitteeSettings().sizing)
        yield profile.name, CommitteeSettings(sizing=sizing), profile.apply_to_limits(usual)
    for name, changes in DISABLED_LIMITS.items():
        yield name, CommitteeSettings.model_validate(changes), usual
    for name, limits in LOOSE_LIMITS.items():
        yield name, CommitteeSettings(), limits


def _cells(calculator: PerformanceCalculator, simulation: SimulationResult) -> str:
    figures = calculator.with_intervals(simulation, SHOWN_METRICS)
    cells = []
    for name in SHOWN_METRICS:
        estimate, scale = figures[name], 1.0 if name in RATIOS else 100.0
        value, low, high = (estimate[key] for key in ("value", "low", "high"))
        cell = "" if value is None else f"{value * scale:.2f}"
        if low is not None and high is not None:
            cell += f" [{low * scale:.2f}, {high * scale:.2f}]"
        cells.append(cell)
    return " | ".join([*cells, str(len(simulation.fills.row))]) + " |"
