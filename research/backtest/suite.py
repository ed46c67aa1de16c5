"""All simulations of one backtest, in order: the comparison, then the sensitivities.

Sensitivities change one assumption at a time; the trials change several, to measure how much of a
result may come from search. Leaves out figures and words (`report.py`).
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from orchestrator.committee.pooling import CommitteeSettings
from research.backtest.request import MAX_DELAY
from research.backtest.scenarios import (
    BacktestInputs,
    CommitteeTargets,
    PooledForecast,
    baseline_plans,
    decide_targets,
    pool_forecast,
    random_forecasts,
    simulate_plan,
    single_agent_forecast,
)
from trading.account.simulation import SimulationResult
from trading.costs import CostSettings

ProgressCallback = Callable[[str, int, int], None]
"""Called with `(what, done, total)`."""

COST_BPS = (0.0, 5.0, 10.0, 20.0, 30.0, 50.0)
"""Basis points of the traded value each way, in place of commission and spread."""
EDGE_FACTORS = (0.5, 0.75, 1.0, 1.5, 2.0)
"""Factors on the edges at which the committee acts."""
WEIGHTINGS = ("equal", "earned")
TRIAL_SETTINGS = "weights, edges ×, Kelly ×"
"""The settings that the label of a trial lists."""
KELLY_FACTORS = (0.5, 1.0, 2.0)
"""Factors on the fraction of the Kelly stake."""


@dataclass(frozen=True, slots=True, eq=False)
class BacktestSuite:
    """All simulations of one backtest. `by_cost` and `by_delay` are the committee under other
    assumptions, `trials` the committee under other settings, by their label. `without_costs` are
    the committee and then the random committees, their same decisions traded for nothing; empty by
    rules 1. `fold_s` is the seconds that deciding and trading once took."""

    inputs: BacktestInputs
    forecast: PooledForecast
    targets: CommitteeTargets
    committee: SimulationResult
    agents: Mapping[str, SimulationResult]
    baselines: Mapping[str, SimulationResult]
    random_committees: tuple[SimulationResult, ...]
    without_costs: tuple[SimulationResult, ...]
    by_cost: Mapping[float, SimulationResult]
    by_delay: Mapping[int, SimulationResult]
    trials: Mapping[str, SimulationResult]
    fold_s: float


def run_suite(inputs: BacktestInputs, on_progress: ProgressCallback) -> BacktestSuite:
    """Run all simulations."""
    request = inputs.request
    began = time.perf_counter()
    forecast = pool_forecast(inputs, request.agents, request.committee)
    targets = decide_targets(inputs, forecast, request.committee)
    result = simulate_plan(inputs, targets.plan)
    fold_s = time.perf_counter() - began
    on_progress("everybody else", 0, 0)
    agents = {
        name: _simulate(inputs, single_agent_forecast(inputs, name)) for name in request.agents
    }
    baselines = {name: simulate_plan(inputs, plan) for name, plan in baseline_plans(inputs).items()}
    random_plans = [
        decide_targets(inputs, each, request.committee).plan
        for each in random_forecasts(inputs, forecast, request.seed)
    ]
    free = () if request.rules < 2 else (targets.plan, *random_plans)
    on_progress("other costs, delays and settings", 0, 0)
    return BacktestSuite(
        inputs=inputs,
        forecast=forecast,
        targets=targets,
        committee=result,
        agents=agents,
        baselines=baselines,
        random_committees=tuple(simulate_plan(inputs, plan) for plan in random_plans),
        without_costs=tuple(simulate_plan(inputs, plan, costs=_no_costs(inputs)) for plan in free),
        by_cost={
            bps: simulate_plan(inputs, targets.plan, costs=_flat_costs(inputs, bps))
            for bps in COST_BPS
        },
        by_delay={
            bars: simulate_plan(inputs, targets.plan, delay=bars) for bars in range(MAX_DELAY + 1)
        },
        trials=dict(_run_trials(inputs)),
        fold_s=fold_s,
    )


def _simulate(inputs: BacktestInputs, forecast: PooledForecast) -> SimulationResult:
    return simulate_plan(inputs, decide_targets(inputs, forecast, inputs.request.committee).plan)


def _run_trials(inputs: BacktestInputs) -> Iterator[tuple[str, SimulationResult]]:
    """Yield the committee under settings near the requested ones, by their label."""
    request = inputs.request
    for weighting in WEIGHTINGS:
        weighed = request.committee.model_copy(update={"weighting": weighting})
        forecast = pool_forecast(inputs, request.agents, weighed)
        for edge in EDGE_FACTORS:
            for kelly in KELLY_FACTORS:
                settings = _scale_settings(weighed, edge, kelly)
                yield (
                    f"{weighting}, {edge:g}, {kelly:g}",
                    simulate_plan(inputs, decide_targets(inputs, forecast, settings).plan),
                )


def _scale_settings(settings: CommitteeSettings, edge: float, kelly: float) -> CommitteeSettings:
    fraction = min(settings.sizing.kelly_fraction * kelly, 1.0)
    return settings.model_copy(
        update={
            "strong_buy_edge": settings.strong_buy_edge * edge,
            "buy_edge": settings.buy_edge * edge,
            "sell_edge": settings.sell_edge * edge,
            "strong_sell_edge": settings.strong_sell_edge * edge,
            "sizing": settings.sizing.model_copy(update={"kelly_fraction": fraction}),
        }
    )


def _flat_costs(inputs: BacktestInputs, bps: float) -> CostSettings:
    """Return costs of `bps` basis points each way, with impact and volume cap as requested."""
    return inputs.request.costs.model_copy(update={"half_spread_bps": 0.0, "commission_bps": bps})


def _no_costs(inputs: BacktestInputs) -> CostSettings:
    """Return no costs at all, with the volume cap as requested."""
    free = {"half_spread_bps": 0.0, "commission_bps": 0.0, "impact": 0.0, "borrow_bps": 0.0}
    return inputs.request.costs.model_copy(update=free)
