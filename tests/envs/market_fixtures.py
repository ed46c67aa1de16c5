"""Markets for the tests of environments, and what is seen of them."""

from dataclasses import replace

import numpy as np

from domain.bar_matrix import Tape
from domain.panel import Floats
from envs.env_settings import EnvSettings
from envs.environments.batched_observation import Seen
from envs.market_data import History, history
from envs.simulated import simulate
from trading.costs import CostSettings

MARKET = history(simulate(5, symbols=3, days=400), "simulated", simulated=True)
ROWS = range(60, 300)
FREE = CostSettings(half_spread_bps=0, commission_bps=0, impact=0, volume_cap=1, borrow_bps=0)


def seen_of(market: History) -> Seen:
    return np.clip(market.observation, -5, 5).astype(np.float32)


def brief(**kwargs) -> EnvSettings:
    """Settings of short episodes."""
    return EnvSettings(**{"episode": 20, **kwargs})


def market_of(opening: Floats, close: Floats, volume: float = 1e9) -> History:
    """One symbol, or one a column, at these opens and closes (T,) or (T, N); seen as its row."""
    close = np.asarray(close, np.float64).reshape(len(close), -1)
    opening = np.asarray(opening, np.float64).reshape(close.shape)
    known = np.datetime64("2020-01-01", "us") + np.arange(len(close)) * np.timedelta64(1, "D")
    tape = Tape(
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
    return History("made up", True, tape, np.where(np.isnan(close)[..., None], np.nan, rows), "")


def without(market: History, row: int, col: int) -> History:
    """The market with one bar missing."""
    gone = {}
    for name in ("open", "high", "low", "close", "volume"):
        values = getattr(market.tape, name).copy()
        values[row, col] = np.nan
        gone[name] = values
    return replace(market, tape=replace(market.tape, **gone))
