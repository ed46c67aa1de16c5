"""Features of prices and volumes that do not depend on the price level.

Arrays are (T, N) float64 with NaN in the gaps; row t uses rows up to t only. Prices and volumes
must be rebased (`quant.per_symbol.rebase`). Leaves out what a feature means for the odds.
"""

import numpy as np

from quant import rolling
from quant.per_symbol import Floats, by_symbol, lag, pct_change, ratio


def standardised_return(close: Floats, bars: int, volatility: Floats) -> Floats:
    """Return over `bars` bars in standard deviations of such a return."""
    return ratio(pct_change(close, bars), volatility * np.sqrt(float(bars)))


def momentum(close: Floats, bars: int, skip: int, volatility: Floats) -> Floats:
    """Return from `bars` ago to `skip` ago, in standard deviations (Jegadeesh and Titman 1993)."""
    gain = lag(close, skip) / lag(close, bars) - 1.0
    return ratio(gain, volatility * np.sqrt(float(bars - skip)))


def relative_volume(volume: Floats, length: int = 63) -> Floats:
    """Volume over its median of the last `length` bars; NaN where that is zero."""
    return ratio(volume, rolling.quantile(volume, 0.5, length, 20))


def volume_confirmed_return(close: Floats, volume: Floats, volatility: Floats) -> Floats:
    """The last bar's move in standard deviations, times how unusual its volume was (0 to 2)."""
    unusual = np.clip(relative_volume(volume) - 1.0, 0.0, 2.0)
    return standardised_return(close, 1, volatility) * unusual


def relative_volatility(volatility: Floats, length: int = 252) -> Floats:
    """Volatility over its own median of the last `length` bars."""
    return ratio(volatility, rolling.quantile(volatility, 0.5, length, 60))


def recent_relative_volume(volume: Floats, recent: int, length: int, minimum: int) -> Floats:
    """Mean volume of the `recent` bars over the median of `length`; NaN where that is zero."""
    usual = rolling.quantile(volume, 0.5, length, minimum)
    return ratio(rolling.mean(volume, recent, recent), usual)


def untraded_fraction(volume: Floats, length: int) -> Floats:
    """Share of the last `length` bars without volume; NaN where there never was any volume, as for
    an index."""
    ever = by_symbol(np.maximum.accumulate, volume) > 0.0
    dry = np.where(np.isnan(volume), np.nan, volume == 0.0)
    return np.where(ever, rolling.mean(dry, length, length), np.nan)


def unchanged_bars(close: Floats) -> Floats:
    """Number of bars in a row, up to this one, whose close equals the close before."""

    def run(series: Floats) -> Floats:
        bars = np.arange(float(len(series)))
        moved = np.concatenate([[True], series[1:] != series[:-1]])
        return bars - np.maximum.accumulate(np.where(moved, bars, 0.0))

    return by_symbol(run, close)
