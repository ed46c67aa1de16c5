"""Bars of random prices, and files of them."""

from pathlib import Path

import numpy as np
import pandas as pd

DAYS = pd.bdate_range("2024-01-16", periods=25)
HOURS = pd.date_range("2025-01-01", periods=48, freq="h", tz="UTC")


def prices(count: int, scale: float = 100.0) -> pd.DataFrame:
    random = np.random.default_rng(count)
    close = scale * np.exp(np.cumsum(random.normal(0, 0.01, count)))
    frame = pd.DataFrame({"open": close * 1.001, "high": close * 1.01, "low": close * 0.99})
    return frame.assign(close=close, volume=random.integers(1_000, 9_000, count)).round(4)


def table(times: pd.Index | list[str], scale: float = 100.0) -> pd.DataFrame:
    frame = prices(len(times), scale)
    frame.insert(0, "date", list(times))
    return frame


def write(path: Path, frame: pd.DataFrame, **how: object) -> Path:
    frame.to_csv(path, index=False, **how)
    return path
