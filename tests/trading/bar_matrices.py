"""Rows of bars for tests: random walks with gaps, halts, dividends and several calendars."""

from dataclasses import fields, replace

import numpy as np

from domain.panel import BarMatrix, Floats

DAY = np.timedelta64(1, "D")


def first_rows(matrix: BarMatrix, row: int) -> BarMatrix:
    """The first rows, as they were known then; a row is met from half past nine to four."""
    names = [each.name for each in fields(matrix) if each.name != "symbols"]
    return replace(matrix, **{name: getattr(matrix, name)[:row] for name in names})


def bar_matrix_of(
    bars: Floats, volume: float = 1e6, symbols: tuple[str, ...] = ("AAPL",)
) -> BarMatrix:
    """`bars` (K, N, 4) or (K, 4): open, high, low, close."""
    prices = np.asarray(bars, np.float64).reshape(len(bars), -1, 4)
    rows, columns = prices.shape[:2]
    opened = np.datetime64("2024-03-04T14:30", "us") + np.arange(rows) * DAY
    closed = opened + np.timedelta64(390, "m")
    opening, high, low, close = np.moveaxis(prices, 2, 0).copy()
    return BarMatrix(
        symbols,
        closed,
        opened,
        closed,
        opening,
        high,
        low,
        close,
        np.where(np.isnan(close), np.nan, volume),
        np.full((rows, columns), 0.02),
        np.zeros((rows, columns)),
    )


def random_walk(
    seed: int, rows: int = 40, symbols: tuple[str, ...] = ("AAPL", "BTC-USD")
) -> BarMatrix:
    """A random tape: thin and wild enough that orders fill in part, stops gap and breakers trip."""
    rng = np.random.default_rng(seed)
    shape = (rows, len(symbols))
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.04, shape), axis=0))
    opening = np.vstack([np.full((1, shape[1]), 100.0), close[:-1]])
    opening = opening * np.exp(rng.normal(0.0, 0.02, shape))
    high = np.maximum(opening, close) * (1.0 + rng.exponential(0.01, shape))
    low = np.minimum(opening, close) * (1.0 - rng.uniform(0.0, 0.03, shape))
    bars = np.stack([opening, high, low, close], axis=2)
    gaps = rng.random(shape) < 0.1
    gaps[gaps.all(axis=1), 0] = False  # a row is there because something traded
    bars[gaps] = np.nan
    matrix = bar_matrix_of(bars, symbols=symbols)
    absent = np.isnan(matrix.close)
    volume = np.round(10.0 ** rng.uniform(3.0, 5.5, shape)) * (rng.random(shape) > 0.05)
    dividend = np.where(rng.random(shape) < 0.05, rng.uniform(0.1, 2.0, shape), 0.0)
    volatility = np.where(rng.random(shape) < 0.1, np.nan, rng.uniform(0.01, 0.06, shape))
    return replace(
        matrix,
        volume=np.where(absent, np.nan, volume),
        dividend=np.where(absent, 0.0, dividend),
        volatility=np.where(absent, np.nan, volatility),
    )


def two_calendars(matrix: BarMatrix) -> BarMatrix:
    """The same bars of two symbols, a row each, whose rows close together."""
    own = np.tile(np.eye(2, dtype=bool), (len(matrix.known_at), 1))
    times = {
        name: np.repeat(getattr(matrix, name), 2)
        for name in ("known_at", "opened_at", "session_end")
    }
    prices = {
        name: np.where(own, np.repeat(getattr(matrix, name), 2, axis=0), np.nan)
        for name in ("open", "high", "low", "close", "volume", "volatility")
    }
    dividend = np.where(own, np.repeat(matrix.dividend, 2, axis=0), 0.0)
    return replace(matrix, **times, **prices, dividend=dividend)
