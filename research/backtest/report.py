"""What came of a backtest, in figures with intervals, and every row behind them.

Leaves out what it looks like (`tearsheet.py`, the pages) and where it is kept (`results.py`).
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from domain.canonical import canonical_bytes
from domain.panel import Floats, Times
from research.backtest import parquet
from research.backtest.drawdown_analysis import falls, luck, stress
from research.backtest.export import decision_rows, equity_rows, fill_rows, vote_rows
from research.backtest.forecast_scores import forecasts
from research.backtest.performance import Accountant, spread
from research.backtest.request import REFITTED_EVERY, assumptions
from research.backtest.results import DECISIONS, EQUITY, FILLS, VOTES
from research.backtest.robustness import monte_carlo, overfitting
from research.backtest.scenarios import Stage
from research.backtest.suite import TURNED, Programme

CAVEATS = (
    "The symbols were chosen in hindsight: those that failed on the way are missing "
    "(survivorship bias), so no level of return here was achievable.",
    "Prices are those that were traded, in today's units; dividends are paid in cash on the bar "
    "that is ex. An order meets the bars that open after it was placed, and every doubt about the "
    "way through a bar goes against the account.",
)
SENSITIVE = ("total_return", "cagr", "sharpe", "max_drawdown", "turnover", "yearly_cost")
"""Figures that are told for every assumption."""


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """`core` is plain JSON, `curves` everybody's equity (K,) by name at `times` (K,), `files` the
    columns of each Parquet file. `digest` (64 hex characters) covers all of them. `bars` is how
    many were voted on, `fold_s` what deciding and trading once took."""

    core: Mapping[str, Any]
    times: Times
    curves: Mapping[str, Floats]
    files: Mapping[str, parquet.Columns]
    digest: str
    bars: int
    fold_s: float

    def write(self, folder: Path) -> None:
        for name, columns in self.files.items():
            parquet.write(folder / name, columns)


def report(programme: Programme, earlier: int) -> Report:
    """`earlier` is how many backtests were run before: they count as trials."""
    curves = {
        "committee": programme.committee.equity,
        **{name: played.equity for name, played in programme.agents.items()},
        **{name: played.equity for name, played in programme.plain.items()},
    }
    times = programme.stage.grid.known_at
    core = _core(programme, earlier) | _hard_times(programme, times, curves)
    files = {
        VOTES: vote_rows(programme),
        DECISIONS: decision_rows(programme),
        FILLS: fill_rows(programme),
        EQUITY: equity_rows(times, curves),
    }
    return Report(
        core=core,
        times=times,
        curves=curves,
        files=files,
        digest=_digest(core, files),
        bars=int(programme.stage.traded.sum()),
        fold_s=programme.fold_s,
    )


def _core(programme: Programme, earlier: int) -> dict[str, Any]:
    asked = programme.stage.asked
    measure = Accountant(programme.stage, market=programme.plain["buy and hold"])
    committee = measure.figures(programme.committee)
    drawn = [measure.values(played) for played in programme.random]
    return {
        "market": asked.market,
        "symbols": list(asked.symbols),
        "from": str(asked.start),
        "to": str(asked.end),
        "timeframe": asked.timeframe.value,
        "horizon": asked.horizon,
        "capital": asked.capital,
        "seed": asked.seed,
        "settings": {
            "committee": asked.committee.model_dump(mode="json"),
            "costs": asked.costs.model_dump(mode="json"),
            "limits": asked.limits.model_dump(mode="json"),
            "delay": asked.delay,
            "walk_forward": asked.walk_forward,
        },
        "committee": committee,
        "agents": {name: measure.figures(each) for name, each in programme.agents.items()},
        "benchmarks": {
            **{name: measure.figures(each) for name, each in programme.plain.items()},
            "random committee": spread(drawn),
        },
        "luck": luck(committee, drawn),
        "breakers": _breakers(programme),
        "forecasts": forecasts(programme),
        "robustness": _robustness(programme, measure, earlier),
        "notes": list(_notes(programme)),
    }


def _breakers(programme: Programme) -> dict[str, Any]:
    """When breakers stopped the committee from buying, why, and for how many rows."""
    played, times = programme.committee, programme.stage.grid.known_at
    return {
        "trips": [{"at": str(times[trip.row]), "reason": trip.reason} for trip in played.trips],
        "rows_resting": played.rested,
        "rows": len(times),
    }


def _hard_times(programme: Programme, times: Times, curves: Mapping[str, Floats]) -> dict[str, Any]:
    capital = programme.stage.asked.capital
    return {
        "drawdowns": falls(times, curves["committee"], capital),
        "stress": stress(times, curves, capital),
    }


def _robustness(programme: Programme, measure: Accountant, earlier: int) -> dict[str, Any]:
    returns = measure.returns(programme.committee)
    trips = measure.trip_returns(programme.committee)
    trials = [measure.returns(played) for played in programme.trials.values()]
    return {
        "costs": [
            {"bps": bps, **measure.figures(played, SENSITIVE)}
            for bps, played in programme.costs.items()
        ],
        "delays": [
            {"bars": bars, **measure.figures(played, SENSITIVE)}
            for bars, played in programme.delays.items()
        ],
        "parameters": [
            {"name": TURNED, "value": label, **measure.values(played, SENSITIVE)}
            for label, played in programme.trials.items()
        ],
        "monte_carlo": monte_carlo(returns, trips, measure.a_year, programme.stage.asked.seed),
        "overfitting": overfitting(returns, np.stack(trials, axis=1), measure.a_year, earlier),
        "capacity": measure.capacity(programme.committee),
    }


def _notes(programme: Programme) -> Iterator[str]:
    stage = programme.stage
    yield from CAVEATS
    yield from assumptions(stage.asked)
    if trips := list(programme.committee.trips):
        yield (
            f"Breakers tripped {len(trips)} times, so that on {programme.committee.rested:,} of "
            f"{len(stage.grid.known_at):,} rows nothing was bought."
        )
    if stage.asked.walk_forward is not None:
        yield _fitted(stage.asked.walk_forward, min(part.since for part in stage.parts))
    if silent := [name for name in stage.asked.agents if not _spoke(stage, name)]:
        yield (
            f"Without a single vote here, and so in cash throughout: {', '.join(silent)}. The "
            "committee decided without them."
        )
    stopped = int((stage.blocked & stage.traded).sum())
    if stopped:
        yield (
            f"The quality gate blocked {stopped:,} of {int(stage.traded.sum()):,} decisions: "
            "nothing is bought or sold there."
        )
    if programme.committee.fills.row.size == 0:
        yield "The committee never traded: no edge was large enough, or nothing could be filled."


def _fitted(window: int, before: int) -> str:
    if before >= window:
        return (
            f"The agents were fitted anew every {REFITTED_EVERY} bars on the {window} before them, "
            "so every vote is out of sample."
        )
    return (
        f"Only {before} bars lie before the period, so the first fits saw fewer than the {window} "
        "asked for; where too few of them were settled, the weights that ship voted."
    )


def _spoke(stage: Stage, agent: str) -> bool:
    seat = stage.asked.seated.index(agent)
    return any(bool(np.isfinite(heard.log_odds[seat]).any()) for heard in stage.hearings)


def _digest(core: Mapping[str, Any], files: Mapping[str, parquet.Columns]) -> str:
    digest = hashlib.sha256(canonical_bytes(core))
    for name in sorted(files):
        for column in sorted(files[name]):
            digest.update(f"{name} {column}".encode())
            digest.update(parquet.content(files[name][column]))
    return digest.hexdigest()
