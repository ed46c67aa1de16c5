"""Published results, replayed with next-open fills and 10 bps: the tables of docs/trust/results.md.

`python -m benchmarks anchors data=FOLDER [only=NAME]`: imports the folder's daily and hourly files
into a home of its own and runs a backtest for each published result, as `quorum backtest` would.
Prints a Markdown table each: the committee, its agents alone, the baselines, each figure with its
90% interval, and the scores of the forecasts.
"""

import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from agents.registry import AGENTS, build
from benchmarks.support.imported_history import (
    COINS,
    DAILY,
    SETTINGS,
    imported_store,
    share_symbols,
)
from domain.timeframe import Timeframe
from research.backtest.backtester import Backtester
from research.backtest.request import BacktestRequest, build_request
from research.backtest.results import BacktestStore
from storage.market_data.sql_store import SqlMarketDataStore

COSTS = {"half_spread_bps": 0.0, "commission_bps": 10.0}
DOW = (
    "AAPL", "AXP", "BA", "CAT", "CSCO", "CVX", "DIS", "GS", "HD", "IBM", "INTC", "JNJ", "JPM",
    "KO", "MCD", "MMM", "MRK", "MSFT", "NKE", "PFE", "PG", "TRV", "UNH", "V", "VZ", "WMT", "XOM",
)  # fmt: skip
"""Members of the Dow Jones in 2020; those that the history holds are used."""
SHOWN_METRICS = ("total_return", "sharpe", "max_drawdown", "turnover")
RATIOS = ("sharpe", "turnover")
"""Figures that are ratios; the others are in percent."""
WINDOW = 1_008
"""Bars, four years, that the agents are fitted on in the walk-forward test."""


def run(data: str, only: str = "") -> dict[str, Any]:
    """Return a table for each published result, by name."""
    with (
        imported_store(data, (*DAILY, *COINS)) as (database, store),
        tempfile.TemporaryDirectory() as at,
    ):
        backtester = Backtester(
            BacktestStore(Path(at)), store, database, partial(build, settings=SETTINGS), "anchors"
        )
        return {
            name: "\n" + "\n".join(_table(_run(backtester, backtest)))
            for name, backtest in _anchors(store)
            if only in name
        }


def _anchors(store: SqlMarketDataStore) -> Iterator[tuple[str, BacktestRequest]]:
    stored = share_symbols(store)
    yield "three shares, 2024 Q1", _request(("AAPL", "GOOGL", "AMZN"), "2024-01-02", "2024-03-28")
    coins = tuple(store.symbols("files", Timeframe.H1))
    yield (
        "five coins by the hour, 2025",
        _request(coins, "2025-10-07", "2025-11-05", timeframe=Timeframe.H1),
    )
    large = tuple(symbol for symbol in DOW if symbol in stored)
    yield "large caps, 2009 to 2020-05", _request(large, "2009-01-02", "2020-05-08")
    everything = tuple(share_symbols(store, datetime(2009, 1, 1, tzinfo=UTC)))
    yield (
        "all, walked forward 2010 to 2025",
        _request(everything, "2010-01-04", "2025-09-26", walk_forward=WINDOW),
    )


def _request(symbols: tuple[str, ...], start: str, end: str, **more: Any) -> BacktestRequest:
    return build_request(
        market="files", symbols=symbols, start=date.fromisoformat(start),
        end=date.fromisoformat(end), agents=tuple(AGENTS), costs=COSTS, **more,
    )  # fmt: skip


def _run(backtester: Backtester, backtest: BacktestRequest) -> dict[str, Any]:
    return backtester.run(
        backtest, simulated=False, now=datetime.now(UTC), on_progress=lambda *_: None
    )


def _table(result: Mapping[str, Any]) -> Iterator[str]:
    yield f"{len(result['symbols'])} symbols, {result['from']} to {result['to']}"
    yield (
        "| | "
        + " | ".join(name.replace("_", " ") for name in SHOWN_METRICS)
        + " | Brier skill | rank IC |"
    )
    yield "|---" * (len(SHOWN_METRICS) + 3) + "|"
    scores = {each["name"]: each["overall"] for each in result["forecasts"]["forecasters"]}
    rows = {
        "committee": result["committee"],
        "committee, earned weights": _earned(result),
        **{f"{name} alone": figures for name, figures in result["agents"].items()},
        **result["benchmarks"],
    }
    for name, figures in rows.items():
        cells = [
            _figure_text(figures[metric], 1.0 if metric in RATIOS else 100.0)
            for metric in SHOWN_METRICS
        ]
        score = scores.get(name.removesuffix(" alone"), {})
        cells += [_figure_text(score.get(key), 100.0) for key in ("brier_skill", "rank_ic")]
        yield f"| {name} | " + " | ".join(cells) + " |"


def _earned(result: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the result with earned weights and otherwise the same settings, from the trials:
    values without intervals."""
    trials = result["robustness"]["parameters"]
    return next(trial for trial in trials if trial["value"] == "earned, 1, 1")


def _figure_text(estimate: Mapping[str, Any] | None, scale: float) -> str:
    if estimate is None or estimate["value"] is None:
        return ""
    value = f"{estimate['value'] * scale:.2f}"
    if estimate["low"] is None or estimate["high"] is None:
        return value
    return f"{value} [{estimate['low'] * scale:.2f}, {estimate['high'] * scale:.2f}]"
