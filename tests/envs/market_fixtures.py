"""Markets for the tests of environments, and what is seen of them."""

from dataclasses import replace

import numpy as np

from domain.panel import BarMatrix, Floats
from envs.env_settings import EnvSettings
from envs.environments.batched_observation import ObservationArray
from envs.market_data import MarketHistory, history
from envs.simulated import simulate
from trading.costs import CostSettings

MARKET = history(simulate(5, symbols=3, days=400), "simulated", simulated=True)
ROWS = range(60, 300)
FREE = CostSettings(half_spread_bps=0, commission_bps=0, impact=0, volume_cap=1, borrow_bps=0)


def observations_of(market: MarketHistory) -> ObservationArray:
    return np.clip(market.observation, -5, 5).astype(np.float32)


def short_episodes(**kwargs) -> EnvSettings:
    """Settings of short episodes."""
    return EnvSettings(**{"episode": 20, **kwargs})


def market_of(opening: Floats, close: Floats, volume: float = 1e9) -> MarketHistory:
    """One symbol, or one a column, at these opens and closes (T,) or (T, N); seen as its row."""
    close = np.asarray(close, np.float64).reshape(len(close), -1)
    opening = np.asarray(opening, np.float64).reshape(close.shape)
    known = np.datetime64("2020-01-01", "us") + np.arange(len(close)) * np.timedelta64(1, "D")
    matrix = BarMatrix(
        symbols=tuple(f"S{n}" for n in range(close.shape[1])),
        known_at=known,
        opened_at=known - np.timedelta64(6, "h"),
        session_end=known,
        open=opening,
        high=np.fmax(opening, close),
        low=np.fmin(opening, close),
        close=close,
        volume=np.full(close.shape, volume),
        volatility=np.full(close.shape, 0.01),
        dividend=np.zeros(close.shape),
    )
    rows = np.broadcast_to(np.arange(len(close))[:, None, None] / 100.0, (*close.shape, 2))
    return MarketHistory(
        "made up", True, matrix, np.where(np.isnan(close)[..., None], np.nan, rows), ""
    )


def remove_bar(market: MarketHistory, row: int, col: int) -> MarketHistory:
    """The market with one bar missing."""
    columns = {}
    for name in ("open", "high", "low", "close", "volume"):
        values = getattr(market.bar_matrix, name).copy()
        values[row, col] = np.nan
        columns[name] = values
    return replace(market, bar_matrix=replace(market.bar_matrix, **columns))
