"""Panels of random walks, for tests that care about arithmetic and not about markets."""

import numpy as np

from domain.panel import Panel
from domain.timeframe import Timeframe


def random_panel(bars: int = 200, symbols: int = 4, seed: int = 1, calendar: str = "XNYS") -> Panel:
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0005, 0.02, (bars, symbols)), axis=0))
    open_ = close * np.exp(rng.normal(0.0, 0.005, (bars, symbols)))
    first = np.datetime64("2020-01-01T21:00:00", "us")
    return Panel(
        symbols=tuple(f"S{column}" for column in range(symbols)),
        calendar=calendar,
        timeframe=Timeframe.D1,
        known_at=first + np.arange(bars) * np.timedelta64(1, "D"),
        open=open_,
        high=np.maximum(open_, close) * 1.01,
        low=np.minimum(open_, close) * 0.99,
        close=close,
        volume=rng.uniform(1e6, 2e6, (bars, symbols)),
        benchmark=close[:, 0].copy(),
    )
