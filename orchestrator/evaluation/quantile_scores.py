"""Scores of an agent's quantile forecast: the 5% quantile of the return over the horizon.

Pure. The benchmarks' forecasts need prices, so they are made from a panel (`benchmark_quantiles`)
and passed in; without them the agent is scored alone.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from domain.panel import Floats, Panel
from orchestrator.evaluation.scores import (
    QuantileBenchmark,
    QuantileScore,
    SymbolQuantileTest,
    none_if_nan,
    to_estimate,
)
from quant.bootstrap_ratios import BootstrapDraws
from quant.scoring import quantile_scoring

SIGNIFICANCE_LEVEL = 0.05
"""p-value below which a test rejects."""


def benchmark_quantiles(panel: Panel, since: int) -> dict[str, Floats]:
    """Return benchmark forecasts of the same quantile by name, (R, N) for rows `since` to T - 1."""
    historical = quantile_scoring.historical_simulation(panel.open, panel.horizon)
    return {
        "historical simulation": historical[since:],
        "GARCH, normal": quantile_scoring.garch_normal(panel.close, panel.horizon)[since:],
    }


def score_quantile(
    forecast: Floats,
    change: Floats,
    benchmarks: Mapping[str, Floats],
    symbols: Sequence[str],
    horizon: int,
    bootstrap: BootstrapDraws,
) -> QuantileScore:
    """Score `forecast` (R, N) where the `change` is known; compare it with each benchmark on the
    cells that both forecast."""
    loss = quantile_scoring.pinball(forecast, change)
    breached = quantile_scoring.breaches(forecast, change)
    (pinball, breach_rate), n = _means([loss, breached], ~np.isnan(loss), bootstrap)
    by_symbol = tuple(
        _test_symbol(symbol, quantile_scoring.select_non_overlapping(breached[:, column], horizon))
        for column, symbol in enumerate(symbols)
    )
    return QuantileScore(
        pinball=to_estimate(pinball, n),
        breaches=to_estimate(breach_rate, n),
        rivals=tuple(
            _score_benchmark(name, theirs, loss, change, bootstrap)
            for name, theirs in benchmarks.items()
        ),
        by_symbol=by_symbol,
        coverage_rejected=_rejection_rate([test.coverage_p for test in by_symbol]),
        independence_rejected=_rejection_rate([test.independence_p for test in by_symbol]),
    )


def _score_benchmark(
    name: str, forecast: Floats, loss: Floats, change: Floats, bootstrap: BootstrapDraws
) -> QuantileBenchmark:
    theirs = quantile_scoring.pinball(forecast, change)
    shared = ~np.isnan(theirs) & ~np.isnan(loss)
    scores = [theirs, quantile_scoring.breaches(forecast, change), theirs - loss]
    (pinball, breached, saved), n = _means(scores, shared, bootstrap)
    lost = np.where(shared, theirs, 0.0).sum(axis=1)
    kept = np.where(shared, theirs - loss, 0.0).sum(axis=1)
    [skill] = bootstrap.ratios(kept[np.newaxis], lost[np.newaxis])
    return QuantileBenchmark(
        name,
        to_estimate(pinball, n),
        to_estimate(breached, n),
        to_estimate(saved, n),
        to_estimate(skill, n),
    )


def _means(
    scores: Sequence[Floats], cells: np.ndarray, bootstrap: BootstrapDraws
) -> tuple[Floats, int]:
    """Return the mean of each score (R, N) over `cells` with its interval, and the number of
    cells."""
    numerators = np.stack([np.where(cells, score, 0.0).sum(axis=1) for score in scores])
    denominators = np.broadcast_to(cells.sum(axis=1).astype(np.float64), numerators.shape)
    return bootstrap.ratios(numerators, denominators), int(cells.sum())


def _test_symbol(symbol: str, breached: Floats) -> SymbolQuantileTest:
    return SymbolQuantileTest(
        symbol=symbol,
        n=len(breached),
        breaches=int(breached.sum()),
        coverage_p=none_if_nan(quantile_scoring.kupiec(breached).p_value),
        independence_p=none_if_nan(quantile_scoring.christoffersen(breached).p_value),
    )


def _rejection_rate(p_values: Sequence[float | None]) -> float | None:
    tested = [p for p in p_values if p is not None]
    return sum(p < SIGNIFICANCE_LEVEL for p in tested) / len(tested) if tested else None
