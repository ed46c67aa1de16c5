"""Textbook trend indicators as features that do not depend on the price level.

Promises the same as `price_volume.py`; a separate module because only it needs TA-Lib (100 MB).
"""

import numpy as np

from quant.features import indicators
from quant.per_symbol import Floats, ratio


def distance_from_sma(close: Floats, length: int, volatility: Floats) -> Floats:
    """Distance of the close from its simple average, in standard deviations of `length` bars."""
    distance = close / indicators.sma(close, length) - 1.0
    return ratio(distance, volatility * np.sqrt(float(length)))


def ema_spread(close: Floats, fast: int, slow: int) -> Floats:
    """Fast over slow exponential average less one, in percent."""
    return 100.0 * (indicators.ema(close, fast) / indicators.ema(close, slow) - 1.0)


def standardised_macd_histogram(close: Floats, volatility: Floats) -> Floats:
    """MACD histogram in standard deviations of a bar's move."""
    return ratio(indicators.macd_histogram(close) / close, volatility)


def signed_adx(high: Floats, low: Floats, close: Floats) -> Floats:
    """ADX with the sign of its direction, -100 to 100."""
    strength = indicators.adx(high, low, close)
    return strength * np.sign(indicators.directional_spread(high, low, close))


def obv_oscillator(close: Floats, volume: Floats, length: int = 20) -> Floats:
    """On-balance volume above its own average, in bars of average volume."""
    flow = indicators.obv(close, volume)
    return ratio(flow - indicators.ema(flow, length), indicators.sma(volume, length))
