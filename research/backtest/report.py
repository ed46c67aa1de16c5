"""The report of a backtest: figures with intervals, and every row behind them.

Leaves out the presentation (`research/report/tearsheet.py`, the pages) and the storage
(`results.py`).
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from domain.canonical import canonical_bytes
from domain.instants import Times, to_datetime
from domain.panel import Floats
from research.backtest import parquet
from research.backtest.drawdown_analysis import compare_with_random, drawdown_table, stress_table
from research.backtest.export import decision_rows, equity_rows, fill_rows, vote_rows
from research.backtest.forecast_scores import score_forecasts
from research.backtest.performance import (
    MetricFigures,
    PerformanceCalculator,
    summarise_draws,
)
from research.backtest.request import REFIT_BARS, assumptions
from research.backtest.results import DECISIONS, EQUITY, FILLS, VOTES
from research.backtest.robustness import monte_carlo, overfitting
from research.backtest.scenarios import BacktestInputs
from research.backtest.suite import TRIAL_SETTINGS, BacktestSuite

SURVIVORSHIP = (
    "The symbols were chosen in hindsight: those that failed on the way are missing "
    "(survivorship bias), so no level of return here was achievable."
)
TRADED_PRICES = (
    "Prices are those that were traded, in today's units; dividends are paid in cash on the bar "
    "that is ex."
)
STORED_PRICES = (
    "Prices are taken as they are stored: no adjusted close differs from its close, so no dividend "
    "is known and none is paid. Prices that were adjusted before they were imported were never "
    "traded."
)
SIMULATED_PRICES = "Prices are simulated, and pay no dividends."
FILLS_NOTE = (
    "An order meets the bars that open after it was placed, and every doubt about the way through "
    "a bar goes against the account."
)
CASH_RATE_NOTE = "Cash rate unknown: not subtracted from Sharpe ratios. Cash earns no interest."
MAX_NAMED = 5
"""Most symbols named in a note."""
SENSITIVITY_METRICS = ("total_return", "cagr", "sharpe", "max_drawdown", "turnover", "yearly_cost")
"""Metrics reported for every alternative assumption."""


@dataclass(frozen=True, slots=True, eq=False)
class BacktestReport:
    """`core` is plain JSON, `curves` the equity (K,) of every strategy by name at `times` (K,),
    `files` the columns of each Parquet file. `digest` (64 hex characters) covers all of them.
    `bars` is the number of bars voted on, `fold_s` the seconds that deciding and trading once
    took."""

    core: Mapping[str, Any]
    times: Times
    curves: Mapping[str, Floats]
    files: Mapping[str, parquet.Columns]
    digest: str
    bars: int
    fold_s: float

    def write(self, folder: Path) -> None:
        for name, columns in self.files.items():
            parquet.write_table(folder / name, columns)


def build_report(suite: BacktestSuite, earlier_trials: int) -> BacktestReport:
    """Build the report. `earlier_trials` is the number of earlier backtests, which count as
    trials."""
    curves = {
        "committee": suite.committee.equity,
        **{name: result.equity for name, result in suite.agents.items()},
        **{name: result.equity for name, result in suite.baselines.items()},
    }
    times = suite.inputs.grid.known_at
    core = _core(suite, earlier_trials) | _drawdowns_and_stress(suite, times, curves)
    if suite.inputs.request.rules >= 2:
        core = _without_negative_zeros(core)
    files = {
        VOTES: vote_rows(suite),
        DECISIONS: decision_rows(suite),
        FILLS: fill_rows(suite),
        EQUITY: equity_rows(times, curves),
    }
    return BacktestReport(
        core=core,
        times=times,
        curves=curves,
        files=files,
        digest=_digest(core, files),
        bars=int(suite.inputs.traded.sum()),
        fold_s=suite.fold_s,
    )


def _core(suite: BacktestSuite, earlier_trials: int) -> dict[str, Any]:
    request = suite.inputs.request
    calculator = PerformanceCalculator(suite.inputs, market=suite.baselines["buy and hold"])
    committee = calculator.with_intervals(suite.committee)
    random_figures = [calculator.without_intervals(result) for result in suite.random_committees]
    return {
        "market": request.market,
        "symbols": list(request.symbols),
        "from": str(request.start),
        "to": str(request.end),
        "timeframe": request.timeframe.value,
        "horizon": request.horizon,
        "capital": request.capital,
        "seed": request.seed,
        "settings": {
            "committee": request.committee.model_dump(mode="json"),
            "costs": request.costs.model_dump(mode="json"),
            "limits": request.limits.model_dump(mode="json"),
            "delay": request.delay,
            "walk_forward": request.walk_forward,
        },
        "committee": committee,
        "agents": {name: calculator.with_intervals(each) for name, each in suite.agents.items()},
        "benchmarks": {
            **{name: calculator.with_intervals(each) for name, each in suite.baselines.items()},
            "random committee": summarise_draws(random_figures),
        },
        **_ranks_among_random(suite, calculator, committee, random_figures),
        "breakers": _breaker_trips(suite),
        "forecasts": score_forecasts(suite),
        "robustness": _robustness(suite, calculator, earlier_trials),
        "notes": list(_notes(suite)),
    }


def _without_negative_zeros(value: Any) -> Any:
    """Return the same plain JSON with 0.0 for every -0.0."""
    if isinstance(value, Mapping):
        return {name: _without_negative_zeros(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_without_negative_zeros(each) for each in value]
    return value + 0.0 if isinstance(value, float) else value


def _ranks_among_random(
    suite: BacktestSuite,
    calculator: PerformanceCalculator,
    committee: MetricFigures,
    random_figures: Sequence[MetricFigures],
) -> dict[str, Any]:
    """Return the committee's rank among random committees, at the stated costs and, from rules 2
    on, without any."""
    ranks = {"luck": compare_with_random(committee, random_figures)}
    if suite.without_costs:
        own, *others = (calculator.without_intervals(each) for each in suite.without_costs)
        ranks["luck_without_costs"] = compare_with_random(own, others)
    return ranks


def _breaker_trips(suite: BacktestSuite) -> dict[str, Any]:
    """Return when breakers stopped the committee from buying, why, and for how many rows."""
    result, times = suite.committee, suite.inputs.grid.known_at
    return {
        "trips": [
            {"at": str(times[trip.row]), "reason": trip.reason} for trip in result.breaker_trips
        ],
        "rows_resting": result.restricted_rows,
        "rows": len(times),
    }


def _drawdowns_and_stress(
    suite: BacktestSuite, times: Times, curves: Mapping[str, Floats]
) -> dict[str, Any]:
    capital = suite.inputs.request.capital
    return {
        "drawdowns": drawdown_table(times, curves["committee"], capital),
        "stress": stress_table(times, curves, capital),
    }


def _robustness(
    suite: BacktestSuite, calculator: PerformanceCalculator, earlier_trials: int
) -> dict[str, Any]:
    returns = calculator.daily_returns(suite.committee)
    round_trips = calculator.round_trip_returns(suite.committee)
    trials = [calculator.daily_returns(result) for result in suite.trials.values()]
    return {
        "costs": [
            {"bps": bps, **calculator.with_intervals(result, SENSITIVITY_METRICS)}
            for bps, result in suite.by_cost.items()
        ],
        "delays": [
            {"bars": bars, **calculator.with_intervals(result, SENSITIVITY_METRICS)}
            for bars, result in suite.by_delay.items()
        ],
        "parameters": [
            {
                "name": TRIAL_SETTINGS,
                "value": label,
                **calculator.without_intervals(result, SENSITIVITY_METRICS),
            }
            for label, result in suite.trials.items()
        ],
        "monte_carlo": monte_carlo(
            returns, round_trips, calculator.days_per_year, suite.inputs.request.seed
        ),
        "overfitting": overfitting(
            returns, np.stack(trials, axis=1), calculator.days_per_year, earlier_trials
        ),
        "capacity": calculator.capacity(suite.committee),
    }


def _notes(suite: BacktestSuite) -> Iterator[str]:
    inputs = suite.inputs
    yield SURVIVORSHIP
    yield f"{_price_note(inputs)} {FILLS_NOTE}"
    yield from assumptions(inputs.request)
    if inputs.request.rules >= 2:
        yield CASH_RATE_NOTE
    if trips := list(suite.committee.breaker_trips):
        yield (
            f"Breakers tripped {len(trips)} times, so that on "
            f"{suite.committee.restricted_rows:,} of {len(inputs.grid.known_at):,} rows nothing "
            "was bought."
        )
    if inputs.request.walk_forward is not None:
        yield _refit_note(inputs.request.walk_forward, min(part.since for part in inputs.panels))
    if without_votes := [name for name in inputs.request.agents if not _has_voted(inputs, name)]:
        yield (
            f"Without a single vote here, and so in cash throughout: {', '.join(without_votes)}. "
            "The committee decided without them."
        )
    if withheld := _withheld_note(inputs):
        yield withheld
    blocked_count = int((inputs.blocked & inputs.traded).sum())
    if blocked_count:
        yield (
            f"The quality gate blocked {blocked_count:,} of {int(inputs.traded.sum()):,} "
            "decisions: nothing is bought or sold there."
        )
    if suite.committee.fills.row.size == 0:
        yield "The committee never traded: no edge was large enough, or nothing could be filled."


def _price_note(inputs: BacktestInputs) -> str:
    """Say what the prices are. By rules 1 they were called traded ones in any case."""
    if inputs.request.rules < 2 or any((part.factor != 1.0).any() for part in inputs.panels):
        return TRADED_PRICES
    simulated = any(part.panel.simulated for part in inputs.panels)
    return SIMULATED_PRICES if simulated else STORED_PRICES


def _withheld_note(inputs: BacktestInputs) -> str:
    """Say which bars are left out because they are in doubt, if any are."""
    withheld = {
        symbol: part.panel.known_at[part.since :][rows]
        for part in inputs.panels
        for symbol, rows in zip(part.panel.symbols, part.withheld.T, strict=True)
        if rows.any()
    }
    if not withheld:
        return ""
    most = sorted(withheld, key=lambda symbol: -len(withheld[symbol]))
    named = "; ".join(
        f"{symbol} {len(at)}, the first of {to_datetime(at[0]):%Y-%m-%d}"
        for symbol in most[:MAX_NAMED]
        for at in [withheld[symbol]]
    )
    more = f"; and of {len(most) - MAX_NAMED} more symbols" if len(most) > MAX_NAMED else ""
    return (
        f"Bars in doubt are left out, as if nothing had traded ({named}{more}). "
        "See `quorum repair` for what would cure them."
    )


def _refit_note(window: int, available: int) -> str:
    if available >= window:
        return (
            f"The agents were fitted anew every {REFIT_BARS} bars on the {window} before them, "
            "so every vote is out of sample."
        )
    return (
        f"Only {available} bars lie before the period, so the first fits saw fewer than the "
        f"{window} asked for; where too few of them were settled, the weights that ship voted."
    )


def _has_voted(inputs: BacktestInputs, agent: str) -> bool:
    index = inputs.request.required_agents.index(agent)
    return any(bool(np.isfinite(matrix.log_odds[index]).any()) for matrix in inputs.vote_matrices)


def _digest(core: Mapping[str, Any], files: Mapping[str, parquet.Columns]) -> str:
    digest = hashlib.sha256(canonical_bytes(core))
    for name in sorted(files):
        for column in sorted(files[name]):
            digest.update(f"{name} {column}".encode())
            digest.update(parquet.column_bytes(files[name][column]))
    return digest.hexdigest()
