"""What the policy observes of a market: K scale-free features for every bar and symbol.

The training environment and the agent that votes share one function, so that they cannot diverge.
Row t uses the symbol's own bars up to t and nothing else; every feature is a ratio or is measured
in the symbol's own volatility, so neither the price level nor the bar length matters. Windows are
summed in a fixed order over a fixed length: a value is the same to the last bit whatever the length
of the panel and the other symbols in it.

Leaves out on purpose: other symbols, news, fundamentals (other agents read those) and the position
held, because an agent is a function of the market alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.panel import Floats, Panel

OBSERVATION_VERSION = 1
"""Incremented whenever the features below change; a policy trained on another version is
rejected."""

WARMUP = 60
"""Bars before the first observation."""

LIMIT = 6.0
"""Features are clipped to ±LIMIT, so that one broken bar cannot dominate."""


@dataclass(frozen=True, slots=True)
class FeatureGroup:
    """Features that are explained together. `displayed` is the one shown to a reader, in `unit`."""

    name: str
    features: tuple[str, ...]
    displayed: str
    unit: str


FEATURE_GROUPS = (
    FeatureGroup("recent move", ("return 1", "return 5"), "return 5", "σ"),
    FeatureGroup("trend", ("return 20", "return 60"), "return 60", "σ"),
    FeatureGroup("place in range", ("from high 60", "from low 60", "RSI 14"), "from high 60", "σ"),
    FeatureGroup("volatility", ("volatility 10/60", "range 5/60"), "volatility 10/60", "x"),
    FeatureGroup("volume", ("volume 5/60", "volume balance 20"), "volume 5/60", "x"),
)
FEATURES = tuple(name for group in FEATURE_GROUPS for name in group.features)


def observe(panel: Panel, since: int = 0) -> Floats:
    """Return (R, N, K) features of rows `since` to T - 1 in the order of FEATURES.

    NaN (in all K) where the symbol has no bar, fewer than WARMUP bars came before, the price did
    not move for WARMUP bars, or a price in the windows is not positive.

    - return n: log return over n bars, in volatilities of n bars (root mean square over 60 bars)
    - from high, from low 60: log distance of the close from the 60-bar extreme, likewise scaled
    - RSI 14: share of upward moves in all moves of 14 bars (Cutler's), from -1 to 1
    - volatility, range, volume a/b: mean over a bars as a multiple of the mean over b
    - volume balance 20: volume on rising less on falling bars, as a share of all, from -1 to 1
    """
    order, packed = _without_gaps(panel)
    with np.errstate(divide="ignore", invalid="ignore"):
        features = _features(*packed)
    values = np.stack([np.clip(features[name], -LIMIT, LIMIT) for name in FEATURES], axis=-1)
    values[np.isnan(values).any(axis=-1)] = np.nan
    if order is not None:
        scattered = np.empty_like(values)
        np.put_along_axis(scattered, order[:, :, None], values, axis=0)
        values = scattered
    return np.ascontiguousarray(values[since:])


def _without_gaps(panel: Panel) -> tuple[NDArray[np.intp] | None, tuple[Floats, ...]]:
    """Return high, low, close and volume with each symbol's bars moved up to fill gaps, and the row
    each bar came from (None where there are no gaps)."""
    prices = (panel.high, panel.low, panel.close)
    columns = (*(np.where(price > 0.0, price, np.nan) for price in prices), panel.volume)
    missing = np.isnan(panel.close)
    if not missing.any():
        return None, columns
    order = np.argsort(missing, axis=0, kind="stable")
    return order, tuple(np.take_along_axis(column, order, axis=0) for column in columns)


def _features(high: Floats, low: Floats, close: Floats, volume: Floats) -> dict[str, Floats]:
    step = _log_return(close, 1)
    sigma = np.sqrt(_mean(step * step, 60))
    sigma = np.where(sigma > 0.0, sigma, np.nan)
    up, down = _mean(np.maximum(step, 0.0), 14), _mean(np.maximum(-step, 0.0), 14)
    sided = _mean(np.sign(step) * volume, 20)
    spread = np.log(high / low)
    return {
        **{
            f"return {n}": _log_return(close, n) / (sigma * np.sqrt(float(n)))
            for n in (1, 5, 20, 60)
        },
        "from high 60": np.log(close / _extreme(np.maximum, high, 60)) / (sigma * np.sqrt(60.0)),
        "from low 60": np.log(close / _extreme(np.minimum, low, 60)) / (sigma * np.sqrt(60.0)),
        "RSI 14": _ratio(up - down, up + down, 0.0),
        "volatility 10/60": np.sqrt(_mean(step * step, 10)) / sigma,
        "range 5/60": _ratio(_mean(spread, 5), _mean(spread, 60), 1.0),
        "volume 5/60": _ratio(_mean(volume, 5), _mean(volume, 60), 1.0),
        "volume balance 20": _ratio(sided, _mean(volume, 20), 0.0),
    }


def _log_return(close: Floats, bars: int) -> Floats:
    out = np.full_like(close, np.nan)
    out[bars:] = np.log(close[bars:] / close[:-bars])
    return out


def _mean(values: Floats, window: int) -> Floats:
    """Return the mean over the last `window` rows, summed oldest first; NaN in the rows before."""
    out = np.full_like(values, np.nan)
    rows = len(values) - window + 1
    if rows > 0:
        total = values[:rows].copy()
        for shift in range(1, window):
            total += values[shift : shift + rows]
        out[window - 1 :] = total / window
    return out


def _extreme(pick: np.ufunc, values: Floats, window: int) -> Floats:
    """Return the largest or smallest (`pick`) of the last `window` rows; NaN in the rows before."""
    out = np.full_like(values, np.nan)
    rows = len(values) - window + 1
    if rows > 0:
        best = values[:rows].copy()
        for shift in range(1, window):
            pick(best, values[shift : shift + rows], out=best)
        out[window - 1 :] = best
    return out


def _ratio(part: Floats, whole: Floats, otherwise: float) -> Floats:
    """Return part / whole, and `otherwise` where the whole is zero (a volume that is not
    reported)."""
    return np.where(whole == 0.0, otherwise, part / whole)
