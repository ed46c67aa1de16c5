"""Published results, replayed with next-open fills and 10 bps: the tables of docs/results.md.

`python -m benchmarks anchors data=FOLDER [only=NAME]`: imports the folder's daily and hourly files
into a home of its own and runs a backtest for each anchor, as `quorum backtest` would. Prints a
Markdown table each: the committee, its agents alone, the yardsticks, each figure with its 90%
interval, and what the forecasts were worth.
"""

import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from agents.registry import AGENTS, build
from benchmarks.support.imported_history import COINS, DAILY, SETTINGS, imported, shares
from domain.timeframe import Timeframe
from research.backtest.backtester import Backtester
from research.backtest.request import Request, request
from research.backtest.results import Results
from storage.market_data.sql_store import SqlLibrary

COSTS = {"half_spread_bps": 0.0, "commission_bps": 10.0}
DOW = (
    "AAPL", "AXP", "BA", "CAT", "CSCO", "CVX", "DIS", "GS", "HD", "IBM", "INTC", "JNJ", "JPM",
    "KO", "MCD", "MMM", "MRK", "MSFT", "NKE", "PFE", "PG", "TRV", "UNH", "V", "VZ", "WMT", "XOM",
)  # fmt: skip
"""Members of the Dow Jones in 2020; those that the history holds are taken."""
SHOWN = ("total_return", "sharpe", "max_drawdown", "turnover")
RATIOS = ("sharpe", "turnover")
"""The rest is in percent."""
WINDOW = 1_008
"""Bars, four years, that the agents are fitted on in the walk."""


def run(data: str, only: str = "") -> dict[str, Any]:
    """A table for each anchor, by its name."""
    with (
        imported(data, (*DAILY, *COINS)) as (database, library),
        tempfile.TemporaryDirectory() as at,
    ):
        backtester = Backtester(
            Results(Path(at)), library, database, partial(build, settings=SETTINGS), "anchors"
        )
        return {
            name: "\n" + "\n".join(_table(_run(backtester, asked)))
            for name, asked in _anchors(library)
            if only in name
        }


def _anchors(library: SqlLibrary) -> Iterator[tuple[str, Request]]:
    stored = shares(library)
    yield "three shares, 2024 Q1", _asked(("AAPL", "GOOGL", "AMZN"), "2024-01-02", "2024-03-28")
    coins = tuple(library.symbols("files", Timeframe.H1))
    yield (
        "five coins by the hour, 2025",
        _asked(coins, "2025-10-07", "2025-11-05", timeframe=Timeframe.H1),
    )
    large = tuple(symbol for symbol in DOW if symbol in stored)
    yield "large caps, 2009 to 2020-05", _asked(large, "2009-01-02", "2020-05-08")
    everything = tuple(shares(library, datetime(2009, 1, 1, tzinfo=UTC)))
    yield (
        "all, walked forward 2010 to 2025",
        _asked(everything, "2010-01-04", "2025-09-26", walk_forward=WINDOW),
    )


def _asked(symbols: tuple[str, ...], start: str, end: str, **more: Any) -> Request:
    return request(
        market="files", symbols=symbols, start=date.fromisoformat(start),
        end=date.fromisoformat(end), agents=tuple(AGENTS), costs=COSTS, **more,
    )  # fmt: skip


def _run(backtester: Backtester, asked: Request) -> dict[str, Any]:
    return backtester.run(asked, simulated=False, now=datetime.now(UTC), tell=lambda *_: None)


def _table(result: Mapping[str, Any]) -> Iterator[str]:
    yield f"{len(result['symbols'])} symbols, {result['from']} to {result['to']}"
    yield (
        "| | " + " | ".join(name.replace("_", " ") for name in SHOWN) + " | Brier skill | rank IC |"
    )
    yield "|---" * (len(SHOWN) + 3) + "|"
    scores = {each["name"]: each["overall"] for each in result["forecasts"]["forecasters"]}
    rows = {
        "committee": result["committee"],
        "committee, earned weights": _earned(result),
        **{f"{name} alone": figures for name, figures in result["agents"].items()},
        **result["benchmarks"],
    }
    for name, figures in rows.items():
        told = [_figure(figures[metric], 1.0 if metric in RATIOS else 100.0) for metric in SHOWN]
        score = scores.get(name.removesuffix(" alone"), {})
        told += [_figure(score.get(key), 100.0) for key in ("brier_skill", "rank_ic")]
        yield f"| {name} | " + " | ".join(told) + " |"


def _earned(result: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same settings but for the weights, from the trials: values without intervals."""
    trials = result["robustness"]["parameters"]
    return next(each for each in trials if each["value"] == "earned, 1, 1")


def _figure(told: Mapping[str, Any] | None, scale: float) -> str:
    if told is None or told["value"] is None:
        return ""
    value = f"{told['value'] * scale:.2f}"
    if told["low"] is None or told["high"] is None:
        return value
    return f"{value} [{told['low'] * scale:.2f}, {told['high'] * scale:.2f}]"
