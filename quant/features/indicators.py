"""Technical indicators: the only user of TA-Lib.

Every function takes float64 arrays of one shape, (T, N) or (T,), with NaN where a symbol had no
bar, and returns that shape with NaN in the gaps and while the indicator warms up. Row t uses
rows up to t only. Leaves out which of them to plot or to vote on.
"""

import numpy as np
import talib

from quant.per_symbol import Floats, by_symbol, ratio

PATTERNS = tuple(name for name in dir(talib) if name.startswith("CDL"))
"""TA-Lib's 61 candlestick patterns."""

FLAT_TOLERANCE = 1e-9
"""Spread relative to the price below which a series counts as constant."""


def sma(close: Floats, length: int) -> Floats:
    return by_symbol(lambda c: talib.SMA(c, length), close)


def ema(close: Floats, length: int) -> Floats:
    return by_symbol(lambda c: talib.EMA(c, length), close)


def rsi(close: Floats, length: int = 14) -> Floats:
    """Wilder's relative strength index, 0 to 100; NaN where the price did not change."""
    index = by_symbol(lambda c: talib.RSI(c, length), close)
    return np.where(_has_moved(close, close, length + 1), index, np.nan)


def macd(close: Floats, fast: int = 12, slow: int = 26) -> Floats:
    """MACD line, in price."""
    return by_symbol(lambda c: talib.MACD(c, fast, slow, 9)[0], close)


def macd_histogram(close: Floats, fast: int = 12, slow: int = 26, signal: int = 9) -> Floats:
    """MACD line less its signal line, in price."""
    return by_symbol(lambda c: talib.MACD(c, fast, slow, signal)[2], close)


def standard_deviation(close: Floats, length: int = 20) -> Floats:
    """Standard deviation of the last `length` closes, in price."""
    return by_symbol(lambda c: talib.STDDEV(c, length), close)


def bollinger_z(close: Floats, length: int = 20) -> Floats:
    """Distance from the moving average in standard deviations; NaN where the price is constant."""
    spread = standard_deviation(close, length)
    return ratio(close - sma(close, length), np.where(spread > FLAT_TOLERANCE * close, spread, 0.0))


def stochastic(high: Floats, low: Floats, close: Floats, length: int = 14) -> Floats:
    """Slow %K, 0 to 100; NaN where the price did not change."""
    index = by_symbol(lambda h, lo, c: talib.STOCHF(h, lo, c, length, 3)[1], high, low, close)
    return np.where(_has_moved(high, low, length), index, np.nan)


def adx(high: Floats, low: Floats, close: Floats, length: int = 14) -> Floats:
    """Average directional index, 0 to 100: the strength of a trend, up or down."""
    return by_symbol(lambda h, lo, c: talib.ADX(h, lo, c, length), high, low, close)


def directional_spread(high: Floats, low: Floats, close: Floats, length: int = 14) -> Floats:
    """+DI less -DI, -100 to 100: the direction of the trend."""
    return by_symbol(
        lambda h, lo, c: talib.PLUS_DI(h, lo, c, length) - talib.MINUS_DI(h, lo, c, length),
        high, low, close,
    )  # fmt: skip


def donchian_position(high: Floats, low: Floats, close: Floats, length: int) -> Floats:
    """Position of the close in the channel of the last `length` bars: -1 bottom, 1 top."""
    top = by_symbol(lambda h: talib.MAX(h, length), high)
    bottom = by_symbol(lambda lo: talib.MIN(lo, length), low)
    width = top - bottom
    return ratio(2 * close - top - bottom, np.where(width > FLAT_TOLERANCE * close, width, 0.0))


def mfi(high: Floats, low: Floats, close: Floats, volume: Floats, length: int = 14) -> Floats:
    """Money flow index, 0 to 100: RSI weighted by volume; NaN where nothing was traded.

    TA-Lib treats a flow below 1 as zero, so volume is scaled up first.
    """
    index = by_symbol(
        lambda h, lo, c, v: talib.MFI(h, lo, c, v * 2.0**40, length), high, low, close, volume
    )
    return np.where(sma(volume, length) > 0.0, index, np.nan)


def obv(close: Floats, volume: Floats) -> Floats:
    """On-balance volume, in volume, from the first bar on."""
    return by_symbol(talib.OBV, close, volume)


def candlestick_balance(open_: Floats, high: Floats, low: Floats, close: Floats) -> Floats:
    """Number of bullish less bearish patterns completed by this bar."""
    patterns = [getattr(talib, name) for name in PATTERNS]

    def balance(o: Floats, h: Floats, lo: Floats, c: Floats) -> Floats:
        total = np.zeros(len(c))
        for pattern in patterns:
            total += np.sign(pattern(o, h, lo, c))
        return total

    return by_symbol(balance, open_, high, low, close)


def _has_moved(high: Floats, low: Floats, length: int) -> np.ndarray:
    """Whether the price changed within the last `length` bars."""
    top = by_symbol(lambda h: talib.MAX(h, length), high)
    bottom = by_symbol(lambda lo: talib.MIN(lo, length), low)
    return top - bottom > FLAT_TOLERANCE * top
