"""Whether earned weights beat equal weights: forecasts scored on their outcomes.

`python -m benchmarks weights data=FOLDER`: imports the folder's files into a home of its own and
lets the five agents vote on daily US shares and on hourly coins, and on the simulated market. Each
row's influence comes from the rounds settled by then, so every figure is out of sample, except that
the best agent is named in hindsight. `markets=shares,coins,demo` measures some of them.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from agents.registry import AGENTS
from benchmarks.support.imported_history import (
    DAILY,
    HORIZON,
    build_panel,
    empty_store,
    share_symbols,
    vote_all,
)
from domain.panel import Floats, Panel
from domain.timeframe import Timeframe
from domain.votes import sigmoid
from market.imports.file_import import import_file
from market.simulated.provider import DemoProvider
from orchestrator.committee.learned_weights import POOLS, Influence, influence_by_row
from orchestrator.committee.pooling import CommitteeSettings, VoteMatrix, collect_votes, pool_votes
from orchestrator.evaluation.forward_returns import forward_returns
from quant.resampling import IntervalEstimate, block_length, ratio_estimate
from storage.market_data.sql_store import SqlMarketDataStore

SIMULATED_SYMBOLS = ("AAPL", "MSFT", "NVDA", "AMZN", "GOOGL", "META", "TSLA", "JPM", "XOM", "AMD")
SHARES_FROM, SHARES_TO = datetime(2011, 1, 1, tzinfo=UTC), datetime(2025, 9, 26, tzinfo=UTC)
DEMO_FROM, DEMO_TO = datetime(2022, 1, 1, tzinfo=UTC), datetime(2032, 1, 1, tzinfo=UTC)


def run(data: str = "", markets: str = "shares,coins,demo") -> dict[str, Any]:
    """Return, by market and way of pooling, log loss and Brier skill against the base rate and, in
    the lines `less equal`, against equal weights, each with its 90% interval."""
    panels: dict[str, Callable[[SqlMarketDataStore], tuple[Panel, int]]] = {
        "shares": lambda store: _shares(store, Path(data)),
        "coins": lambda store: _coins(store, Path(data)),
        "demo": _demo,
    }
    measured: dict[str, Any] = {}
    for market in markets.split(","):
        with empty_store() as (_, store):
            panel, since = panels[market](store)
        for name, figure in _measure(panel, since):
            measured[f"{market}: {name}"] = figure
    return measured


def _shares(store: SqlMarketDataStore, data: Path) -> tuple[Panel, int]:
    for table in DAILY:
        import_file(data / f"{table}.parquet", store)
    panel = build_panel(store, share_symbols(store), SHARES_TO)
    return panel, int(np.searchsorted(panel.known_at, np.datetime64(SHARES_FROM.date())))


def _coins(store: SqlMarketDataStore, data: Path) -> tuple[Panel, int]:
    import_file(data / "crypto_1h.parquet", store)
    coins = store.symbols("files", Timeframe.H1)
    return build_panel(store, coins, datetime.now(UTC), Timeframe.H1), 0


def _demo(store: SqlMarketDataStore) -> tuple[Panel, int]:
    provider = DemoProvider(7, lambda: DEMO_TO)
    span = (DEMO_FROM, DEMO_TO)
    with store.transaction():
        for symbol in SIMULATED_SYMBOLS:
            store.put_bars("demo", symbol, Timeframe.D1, provider.bars(symbol, Timeframe.D1, *span))
            store.put_news("demo", symbol, provider.news(symbol, *span))
            store.put_filings("demo", symbol, provider.filings(symbol))
            store.put_earnings("demo", symbol, provider.earnings(symbol))
    return build_panel(store, SIMULATED_SYMBOLS, DEMO_TO, market="demo"), 0


def _measure(panel: Panel, since: int) -> Iterator[tuple[str, Any]]:
    matrix = collect_votes(panel, vote_all(panel, since), since)
    change = forward_returns(panel, since).change
    settings = CommitteeSettings()
    ways: dict[str, Floats] = {}
    began = time.perf_counter()
    for weighting in POOLS:
        for calibrated in (False, True):
            name = f"{weighting}, calibrated" if calibrated else weighting
            influence = influence_by_row(
                matrix.log_odds, matrix.base_rate, change, weighting, calibrated, HORIZON
            )
            ways[name] = pool_votes(matrix, influence, settings).p_up
            yield f"{name}, at the end", _influence_text(influence)
    yield "seconds for all four", round(time.perf_counter() - began, 2)
    for agent, votes in zip(AGENTS, matrix.log_odds, strict=True):
        ways[f"{agent} alone"] = np.where(np.isnan(votes), matrix.base_rate, sigmoid(votes))
    yield from _score_rows(matrix, change, ways)


def _influence_text(influence: Influence) -> str:
    last = zip(AGENTS, influence.weights[-1], influence.trust[-1], strict=True)
    return ", ".join(f"{agent} {weight:.2f} x {trust:.2f}" for agent, weight, trust in last)


def _score_rows(
    matrix: VoteMatrix, change: Floats, ways: dict[str, Floats]
) -> Iterator[tuple[str, str]]:
    """Yield, for each way of pooling, the excess log loss over the base rate in 1e-5 nats a
    decision (less is better) and Brier skill in percent (more is better), and both less those of
    equal weights."""
    counts = ~np.isnan(change) & ~np.isnan(matrix.base_rate) & ~np.isnan(ways["equal"])
    rose = change > 0.0

    def losses(p: Floats) -> tuple[Floats, Floats]:
        """Return log loss and squared error, summed over each row's cells."""
        log_loss = np.where(counts, -np.log(np.where(rose, p, 1.0 - p)), 0.0)
        square = np.where(counts, (p - rose) ** 2, 0.0)
        return log_loss.sum(axis=1), square.sum(axis=1)

    cells = counts.sum(axis=1).astype(float)
    usual, equal = losses(matrix.base_rate), losses(ways["equal"])
    yield "decisions", f"{int(cells.sum())} on {len(cells)} bars"
    for name, p in ways.items():
        mine = losses(p)
        yield f"{name}: log loss", _estimate_text(1e5, mine[0] - usual[0], cells)
        yield f"{name}: Brier skill", _estimate_text(100, usual[1] - mine[1], usual[1])
        if name != "equal":
            yield f"{name}: log loss less equal", _estimate_text(1e5, mine[0] - equal[0], cells)
            yield (
                f"{name}: Brier skill less equal",
                _estimate_text(100, equal[1] - mine[1], usual[1]),
            )


def _estimate_text(scale: float, numerator: Floats, denominator: Floats) -> str:
    estimate: IntervalEstimate = ratio_estimate(numerator, denominator, block_length(numerator))
    value, low, high = (scale * number for number in (estimate.value, estimate.low, estimate.high))
    return f"{value:+.3g} [{low:+.3g}, {high:+.3g}]"
