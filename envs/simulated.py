"""A simulated market with a known, weak structure to train the default policy on.

Per symbol and day, in volatilities of that day:

    return = MOMENTUM * (last sixty days) - REVERSION * (last five days)
             + common factor + own noise (Student t, five degrees of freedom)

There is no drift: holding long throughout earns nothing, so only timing can be learnt. A hidden
two-state regime (calm, turbulent) is shared by all symbols: turbulent days are more volatile and
have reversion but no momentum. Volume follows the size of the move. The structure is known and
about as weak as real markets show at best. The market models no real one; nothing learnt here is a
claim about one.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from domain.panel import Floats

REVERSION = 0.06
MOMENTUM = 0.06
COMMON = 0.4
"""Correlation of a symbol's shock with the common factor."""
DAILY_VOLATILITY = (0.010, 0.022)
"""Daily volatility of the calm and of the turbulent regime."""
SWITCH = (0.010, 0.030)
"""Daily probability of leaving the calm and the turbulent regime."""
_LONG, _SHORT = 60, 5


def simulate(
    seed: int, symbols: int = 24, first: str = "2006-01-02", days: int = 5_000
) -> pd.DataFrame:
    """Return tidy bars (columns of `envs.market_data.COLUMNS`) of `symbols` simulated symbols on
    business days from `first` on. The same seed gives the same bars."""
    rng = np.random.default_rng(seed)
    shape = (days, symbols)
    turbulent = _regime(rng, days)
    volatility = np.where(turbulent, DAILY_VOLATILITY[1], DAILY_VOLATILITY[0])
    own = rng.standard_t(5, shape) / np.sqrt(5 / 3)
    shock = COMMON * rng.standard_normal((days, 1)) + np.sqrt(1 - COMMON**2) * own
    moves = _moves(shock, turbulent)
    close = 100.0 * np.exp(np.cumsum(moves * volatility[:, None], axis=0))
    return _tidy(rng, close, np.abs(moves), volatility, pd.bdate_range(first, periods=days))


def _regime(rng: np.random.Generator, days: int) -> NDArray[np.bool_]:
    draws = rng.random(days)
    state = np.zeros(days, bool)
    for day in range(1, days):
        state[day] = state[day - 1] ^ (draws[day] < SWITCH[int(state[day - 1])])
    return state


def _moves(shock: Floats, turbulent: NDArray[np.bool_]) -> Floats:
    """Return (days, symbols) daily log returns in volatilities."""
    moves = np.zeros_like(shock)
    for day in range(len(shock)):
        recent = moves[max(day - _SHORT, 0) : day].sum(axis=0) / np.sqrt(_SHORT)
        trend = moves[max(day - _LONG, 0) : day].sum(axis=0) / np.sqrt(_LONG)
        momentum = 0.0 if turbulent[day] else MOMENTUM
        pull = momentum * np.clip(trend, -2, 2) - REVERSION * np.clip(recent, -3, 3)
        moves[day] = pull + shock[day]
    return moves


def _tidy(
    rng: np.random.Generator,
    close: Floats,
    size: Floats,
    volatility: Floats,
    dates: pd.DatetimeIndex,
) -> pd.DataFrame:
    days, symbols = close.shape
    before = np.vstack([close[:1], close[:-1]])
    noise_scale = volatility[:, None] * 0.4
    opening = before * np.exp(noise_scale * rng.standard_normal(close.shape))
    high = np.maximum(opening, close) * np.exp(
        noise_scale * np.abs(rng.standard_normal(close.shape))
    )
    low = np.minimum(opening, close) * np.exp(
        -noise_scale * np.abs(rng.standard_normal(close.shape))
    )
    volume = np.round(1e6 * np.exp(0.3 * rng.standard_normal(close.shape)) * (0.5 + 0.6 * size))
    return pd.DataFrame(
        {
            "symbol": np.tile([f"SIM{n:02d}" for n in range(symbols)], days),
            "date": np.repeat(dates.to_numpy(), symbols),
            "open": opening.ravel(),
            "high": high.ravel(),
            "low": low.ravel(),
            "close": close.ravel(),
            "volume": volume.ravel(),
        }
    )
