"""A made-up `result.json` and its curves, in the shape of a real one."""

from datetime import UTC, datetime
from functools import cache
from typing import Any

import numpy as np

from domain.canonical import to_json
from domain.instants import Times
from domain.panel import Floats
from orchestrator.evaluation.scoring import score_record
from tests.research.report.record_fixtures import record

BARS = 520
PERCENTILES = ("5", "25", "50", "75", "95")


def curves(seed: int = 1) -> tuple[Times, dict[str, Floats]]:
    generator = np.random.default_rng(seed)
    times = np.arange(BARS) * np.timedelta64(1, "D") + np.datetime64("2019-01-02T21:00", "us")
    names = ("committee", "buy and hold", "equal weight", "SMA 20/50", "technical", "risk")
    paths = np.cumprod(1 + generator.normal(0.0004, 0.01, (len(names), BARS)), axis=1)
    return times, {name: 100_000 * path / path[0] for name, path in zip(names, paths, strict=True)}


def figures(shift: float = 0.0) -> dict[str, Any]:
    def estimate(value: float, half: float) -> dict[str, float | int]:
        return {"value": value, "low": value - half, "high": value + half, "n": BARS}

    return {
        "total_return": estimate(0.12 + shift, 0.2),
        "cagr": estimate(0.058 + shift, 0.09),
        "sharpe": estimate(0.71 + shift, 0.8),
        "volatility": estimate(0.14, 0.02),
        "max_drawdown": {"value": -0.11, "low": None, "high": None, "n": BARS},
        "turnover": {"value": None, "low": None, "high": None, "n": 0},
    }


@cache
def forecasts() -> Any:
    return to_json(score_record(record()))


def result(**changes: Any) -> dict[str, Any]:
    steps = np.arange(0, 253, 12)
    spread = {p: (1 + (float(p) - 50) / 400 * np.sqrt(steps / 252)).tolist() for p in PERCENTILES}
    return {
        "id": "20240315-aapl-1a2b3c",
        "label": "AAPL, MSFT, 2019-01-02 to 2020-06-04",
        "made_at": datetime(2024, 3, 15, 22, tzinfo=UTC).isoformat(),
        "market": "demo",
        "simulated": True,
        "symbols": ["AAPL", "MSFT"],
        "from": "2019-01-02",
        "to": "2020-06-04",
        "timeframe": "1d",
        "horizon": 5,
        "agents": {"technical": figures(0.01), "risk": figures(-0.02)},
        "capital": 100_000.0,
        "settings": {
            "committee": {"quorum": 3, "weighting": "equal", "sizing": {"kelly_fraction": 0.25}},
            "costs": {"half_spread_bps": 2.0, "commission_bps": 1.0},
        },
        "seed": 7,
        "bars": BARS * 2,
        "committee": figures(),
        "benchmarks": {"buy and hold": figures(0.04), "equal weight": figures(0.03)},
        "forecasts": forecasts(),
        "robustness": {
            "costs": [{"bps": b, "cagr": 0.06 - b / 1000, "sharpe": 0.7} for b in (0, 10, 50)],
            "delays": [{"bars": b, "cagr": 0.05, "sharpe": 0.6} for b in (0, 1, 2, 3)],
            "monte_carlo": {
                "points": steps.tolist(), "bands": spread,
                "final": {"5": 0.7, "50": 1.05, "95": 1.4},
            },
            "overfitting": {"trials": 12, "pbo": 0.35, "deflated_sharpe": 0.41},
            "capacity": 2_500_000.0,
            "parameters": [{"name": "buy_edge", "value": 0.004, "sharpe": 0.66}],
        },
        "notes": ["The symbols were chosen in hindsight (survivorship bias)."],
        "timing": {"vote_s": 1.25, "fold_s": 0.5, "total_s": 4.0, "bars": BARS * 2},
        "receipt": {"inputs": "ab" * 32, "version": "0.1.0"},
        **changes,
    }  # fmt: skip
