"""The forecasts behind a backtest, scored: the same record and scores as a live run's.

Leaves out the performance of the account (`performance.py`).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.canonical import to_json
from domain.panel import Floats
from domain.record import ForecastRecord
from orchestrator.committee.learned_weights import Influence
from orchestrator.evaluation.forward_returns import forward_returns_over
from orchestrator.evaluation.quantile_scores import benchmark_quantiles
from orchestrator.evaluation.scoring import build_record, score_record
from research.backtest.scenarios import BacktestInputs, PooledForecast, pool_forecast
from research.backtest.suite import BacktestSuite

HORIZONS = (1, 2, 3, 5, 10, 20)
"""Horizons, in bars, over which the decay of the evidence is measured."""


def score_forecasts(suite: BacktestSuite) -> dict[str, Any]:
    """Return `orchestrator.evaluation.scores.RecordScores` as plain JSON."""
    inputs = suite.inputs
    earned_weighting = inputs.request.committee.model_copy(update={"weighting": "earned"})
    earned_forecast = pool_forecast(inputs, inputs.request.agents, earned_weighting)
    scores = score_record(
        committee_record(inputs, suite.forecast),
        inputs.request.seed,
        changes={bars: _realised_returns(inputs, bars) for bars in HORIZONS},
        quantile_benchmarks=_quantile_benchmarks(inputs),
        learned=_influence(inputs, earned_forecast),
        bounded=inputs.request.rules >= 2,
    )
    plain: dict[str, Any] = to_json(scores)
    return plain


def committee_record(inputs: BacktestInputs, forecast: PooledForecast) -> ForecastRecord:
    """Return the committee's record on the rows of all calendars."""
    records = [
        build_record(part.panel, vote_results, pooled_votes, influence, part.since)
        for part, vote_results, pooled_votes, influence in zip(
            inputs.panels,
            inputs.agent_votes,
            forecast.pooled_votes,
            forecast.influence,
            strict=True,
        )
    ]
    if len(records) == 1:
        return records[0]
    grid, influence = inputs.grid, _influence(inputs, forecast)
    indices = range(len(inputs.request.required_agents))
    return ForecastRecord(
        agents=inputs.request.required_agents,
        symbols=grid.symbols,
        known_at=grid.known_at,
        horizon=inputs.request.horizon,
        log_odds=np.stack(
            [grid.widen([each.log_odds[index] for each in records], np.nan) for index in indices]
        ),
        pooled=grid.widen([each.pooled for each in records], np.nan),
        base_rate=grid.widen([each.base_rate for each in records], np.nan),
        weights=influence.weights,
        trust=influence.trust,
        quantile_5=grid.widen([each.quantile_5 for each in records], np.nan),
        change=grid.widen([each.change for each in records], np.nan),
        regime=_stack_rows(inputs, [each.regime for each in records]),
        receipts={},
    )


def _quantile_benchmarks(inputs: BacktestInputs) -> dict[str, Floats]:
    each = [benchmark_quantiles(part.panel, part.since) for part in inputs.panels]
    return {name: inputs.grid.widen([rivals[name] for rivals in each], np.nan) for name in each[0]}


def _influence(inputs: BacktestInputs, forecast: PooledForecast) -> Influence:
    """Return the (K, A) influence on the rows of all calendars."""

    def rows(name: str) -> list[Floats]:
        return [
            np.array(
                np.broadcast_to(getattr(each, name), (len(part.blocked), each.weights.shape[1]))
            )
            for each, part in zip(forecast.influence, inputs.panels, strict=True)
        ]

    return Influence(_stack_rows(inputs, rows("weights")), _stack_rows(inputs, rows("trust")))


def _stack_rows(inputs: BacktestInputs, arrays: list[NDArray[Any]]) -> NDArray[Any]:
    """Return (K, ...) from the arrays (R, ...) of the parts."""
    stacked = np.empty((len(inputs.grid.known_at), *arrays[0].shape[1:]), arrays[0].dtype)
    for array, rows in zip(arrays, inputs.grid.rows, strict=True):
        stacked[rows] = array
    return stacked


def _realised_returns(inputs: BacktestInputs, bars: int) -> Floats:
    """Return the (K, N) outcome of each vote over `bars` bars."""
    each = [forward_returns_over(part.panel, part.since, bars) for part in inputs.panels]
    return inputs.grid.widen(each, np.nan)
