"""How long a backtest takes: an SMA cross in other engines and ours, and the whole committee.

`python -m benchmarks backtest`: the SMA(20/50) cross of 100 symbols x 2,520 bars and of one symbol
x 1,000,000 bars from prices to the equity at every close (`backtest_peers.py`), in our engine and
every installed peer, in one process and on the same prices. The first call of each compiles or
loads compiled code; warm is the best of the calls after it. Then five agents vote on 100 symbols of
the simulated market x 2,520 daily bars, the committee decides and the orders are filled. Skip a
part with `cross=no` or `committee=no`.
"""

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from agents.registry import AGENTS, AgentSettings, build
from benchmarks.service.cycle import SHARES
from benchmarks.support.backtest_peers import (
    BacktestEngine,
    daily_bars,
    engines,
    own_engine,
    target_weights,
)
from domain.panel import Floats, Panel
from domain.timeframe import Timeframe
from market.panels.bar_matrix import build_bar_matrix
from market.panels.panel_builder import PanelQuery, build_panels
from market.simulated.provider import HISTORY_START, DemoProvider
from orchestrator.committee.learned_weights import equal_influence
from orchestrator.committee.pooling import CommitteeSettings, collect_votes, pool_votes
from orchestrator.committee.targets import decide_rows, target_inputs
from orchestrator.team.base import AgentVoteResult
from quant.features.indicators import sma
from storage.database import Database
from storage.market_data.sql_store import SqlMarketDataStore
from trading.account.simulation import (
    changed_targets,
    committee_targets,
    simulate_trading,
    targets_where,
)
from trading.kernels.state import BarArrays
from trading.limits import UNLIMITED, LimitSettings, TradingSettings

SIZES = ((2_520, 100), (1_000_000, 1))
"""Bars and symbols."""
END = datetime(2032, 1, 20, tzinfo=UTC)
"""Just over 2,520 sessions after the simulated history begins."""
BARS = 2_520
DEFAULT_SETTINGS = TradingSettings()
LIMITED = TradingSettings(
    limits=LimitSettings(band=0.002, stop_loss=0.1, take_profit=0.3, trailing=0.15)
)
"""All limits and breakers, every protective exit, and a band narrower than the share of one symbol
in a hundred."""
SETTINGS = AgentSettings(news_model="lexicon")


def run(cross: str = "yes", committee: str = "yes", repeats: str = "9") -> dict[str, Any]:
    """Return seconds, bars (rows x symbols) a second, and the time of other engines as multiples of
    ours."""
    figures: dict[str, Any] = {}
    if cross == "yes":
        for bars, symbols in SIZES:
            figures |= _cross(bars, symbols, int(repeats))
    return figures | (_committee() if committee == "yes" else {})


def _cross(bars: int, symbols: int, repeats: int) -> dict[str, Any]:
    opening, close = _prices(bars, symbols)
    size = f"SMA {symbols} x {bars}"
    figures: dict[str, Any] = {}
    for engine in engines():
        if isinstance(engine, str):
            figures[f"{size}, {engine}"] = "not installed (pip install '.[peers]')"
            continue
        figures |= _measure(size, engine, opening, close, repeats)
    rate = figures[f"{size}, quorum, bars a second"]
    for name in [key for key in figures if key.endswith("bars a second")]:
        figures[name.replace("bars a second", "times ours")] = round(rate / figures[name], 3)
    return figures | _parts(size, opening, close, repeats)


def _measure(
    size: str, engine: BacktestEngine, opening: Floats, close: Floats, repeats: int
) -> dict[str, Any]:
    """Measure an engine on as many of the prices as it is measured on, and compare it with ours on
    the same."""
    if engine.max_size:
        opening, close = (
            np.ascontiguousarray(prices[: engine.max_size[0], : engine.max_size[1]])
            for prices in (opening, close)
        )
    first, final = _timed(lambda: engine.run(opening, close))
    again = 1 if first > 20.0 and engine.max_size else repeats
    warm = min(_timed(lambda: engine.run(opening, close))[0] for _ in range(again))
    name = f"{size}, {engine.name}"
    figures = {
        f"{name}, import s": round(engine.imported_s, 2),
        f"{name}, first call s": round(first, 4),
        f"{name}, warm s": round(warm, 5),
        f"{name}, bars a second": round(close.size / warm),
        f"{name}, final equity less ours, share": final / own_engine(opening, close) - 1.0,
    }
    if engine.max_size:
        figures[f"{name}, measured on"] = f"{close.shape[1]} x {close.shape[0]}"
    if engine.differs:
        figures[f"{name}, differs"] = engine.differs
    return figures


def _parts(size: str, opening: Floats, close: Floats, repeats: int) -> dict[str, Any]:
    """Return the time of each part of our engine, milliseconds, the best of the calls."""
    shares = target_weights(close)
    names, bars = [f"S{number}" for number in range(close.shape[1])], daily_bars(opening, close)
    plain, whole = (
        targets_where(shares, changed_targets(shares)),
        np.ones(close.shape, bool),
    )
    everything = committee_targets(shares, np.ones(close.shape), whole, ~whole)
    free = TradingSettings(limits=UNLIMITED)
    work: dict[str, Callable[[], Any]] = {
        "two averages": lambda: (sma(close, 20), sma(close, 50)),
        "where orders go out": lambda: changed_targets(shares),
        "bars": lambda: daily_bars(opening, close),
        "play": lambda: simulate_trading(names, bars, plain, free, 1e6),
        "play with limits and exits": lambda: simulate_trading(
            names, bars, everything, LIMITED, 1e6
        ),
    }
    return {
        f"{size}, quorum, of which {name}, ms": round(
            1e3 * min(_timed(task)[0] for _ in range(repeats)), 2
        )
        for name, task in work.items()
    }


def _prices(bars: int, symbols: int) -> tuple[Floats, Floats]:
    """Return random walks without drift."""
    random = np.random.default_rng(0)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.01, (bars, symbols)), axis=0))
    before = np.vstack([np.full((1, symbols), 100.0), close[:-1]])
    return before * np.exp(random.normal(0.0, 0.002, (bars, symbols))), close


def _committee() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as home:
        panel = _simulated_panel(Path(home), symbols=100)
    since, settings = len(panel.known_at) - BARS, CommitteeSettings()
    votes_s: dict[str, float] = {}
    results = []
    for name in AGENTS:
        agent = build(name, SETTINGS)
        votes_s[name], votes = _timed(partial(agent.vote, panel, since))
        results.append(AgentVoteResult(name, votes, None, 0.0))
    blocked = np.isnan(panel.close[since:])
    no_targets = np.zeros(len(panel.symbols))

    def decide() -> Any:
        pooled = pool_votes(
            collect_votes(panel, results, since), equal_influence(len(AGENTS)), settings
        )
        return pooled, decide_rows(target_inputs(pooled, blocked), no_targets, settings)

    grid = build_bar_matrix([panel], [np.where(np.isnan(panel.close), np.nan, 1.0)], [since])
    bars = BarArrays(
        grid.open, grid.high, grid.low, grid.close, grid.volume, grid.dividend, grid.volatility,
        *(each.astype(np.int64) for each in (grid.known_at, grid.opened_at, grid.session_end)),
    )  # fmt: skip

    def trade(settings: TradingSettings) -> Any:
        targets = committee_targets(
            target_weights, np.minimum(pooled.votes.cap, 0.25), ~blocked, blocked
        )
        return simulate_trading(panel.symbols, bars, targets, settings, 1e6)

    decide_first, (pooled, (_, target_weights)) = _timed(decide)
    trade_first, result = _timed(lambda: trade(DEFAULT_SETTINGS))
    vote_s, fold_s, play_s = (
        sum(votes_s.values()),
        _timed(decide)[0],
        _timed(lambda: trade(DEFAULT_SETTINGS))[0],
    )
    rows = target_inputs(pooled, blocked)
    count, total = blocked.size, vote_s + fold_s + play_s
    name = f"committee {len(panel.symbols)} x {BARS}"
    return {
        f"{name}, bars": count,
        f"{name}, vote_s": round(vote_s, 3),
        **{f"{name}, of which {agent}, s": round(s, 3) for agent, s in votes_s.items()},
        f"{name}, fold_s": round(fold_s, 4),
        f"{name}, of which the fold alone, s": round(
            _timed(lambda: decide_rows(rows, no_targets, settings))[0], 4
        ),
        f"{name}, play_s": round(play_s, 4),
        f"{name}, play with exits as well, s": round(_timed(lambda: trade(LIMITED))[0], 4),
        f"{name}, first fold and play, s": round(decide_first + trade_first, 3),
        f"{name}, total_s": round(total, 3),
        f"{name}, bars a second": round(count / total),
        f"{name}, fills": len(result.fills.row),
    }


def _simulated_panel(home: Path, symbols: int) -> Panel:
    """Build a panel of simulated shares, each copied under a name of its own: bars, news and
    filings."""
    database = Database(f"sqlite:///{home / 'quorum.db'}")
    database.migrate()
    store = SqlMarketDataStore(database)
    names = [f"B{number:03}" for number in range(symbols)]
    for number, name in enumerate(names):
        demo, share = DemoProvider(number, lambda: END), SHARES[number % len(SHARES)]
        with store.transaction():
            store.put_bars("demo", name, Timeframe.D1,
                             demo.bars(share, Timeframe.D1, HISTORY_START, END))  # fmt: skip
            store.put_news("demo", name, demo.news(share, HISTORY_START, END).assign(symbol=name))
            store.put_filings("demo", name, demo.filings(share).assign(symbol=name))
            store.put_earnings("demo", name, demo.earnings(share).assign(symbol=name))
    ((panel, _),) = build_panels(
        store,
        PanelQuery(
            market="demo",
            symbols=names,
            timeframe=Timeframe.D1,
            as_of=END,
            horizon=5,
            simulated=True,
        ),
    )
    database.close()
    return panel


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result
