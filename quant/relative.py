"""A record beside its benchmark, bar by bar. NaN where the `Track` has none.

The regression is ordinary least squares of returns on the benchmark's, without a riskless rate
(subtract one from both before, where there is one).
"""

import numpy as np

from quant.columns import ratio
from quant.reward import cagr
from quant.track import Floats, Track, deviation


def beta(track: Track) -> Floats:
    """NaN where the benchmark never changes."""
    covariance, variance = track.comoments
    return ratio(covariance, variance)


def alpha(track: Track) -> Floats:
    """Jensen's: what is earned a year beyond beta times the benchmark, not compounded."""
    beyond = track.mean - beta(track) * _other(track).mean(axis=-1)
    return np.asarray(beyond * track.periods)


def r_squared(track: Track) -> Floats:
    covariance, variance = track.comoments
    return ratio(covariance * covariance, variance * track.moments[0])


def tracking_error(track: Track) -> Floats:
    return np.asarray(deviation(track.returns - _other(track)) * np.sqrt(track.periods))


def information_ratio(track: Track) -> Floats:
    active = track.returns - _other(track)
    yearly = np.sqrt(track.periods)
    return np.asarray(ratio(active.mean(axis=-1), deviation(active)) * yearly)


def treynor(track: Track) -> Floats:
    """NaN where beta is not positive: a ratio to negative risk ranks backwards."""
    return ratio(track.mean * track.periods, beta(track))


def active_return(track: Track) -> Floats:
    return cagr(track) - cagr(Track(_other(track), track.periods))


def up_capture(track: Track) -> Floats:
    return _capture(track, 1.0)


def down_capture(track: Track) -> Floats:
    return _capture(track, -1.0)


def _other(track: Track) -> Floats:
    if track.benchmark is None:
        return np.full_like(track.returns, np.nan)
    return track.benchmark


def _capture(track: Track, sign: float) -> Floats:
    """Geometric mean of the bars on which the benchmark rose (or fell), over the benchmark's."""
    other = _other(track)
    chosen = sign * other > 0.0
    bars = chosen.sum(axis=-1)

    def mean(returns: Floats) -> Floats:
        grown = np.prod(np.where(chosen, 1.0 + returns, 1.0), axis=-1)
        with np.errstate(invalid="ignore"):
            return np.asarray(grown ** ratio(np.ones(bars.shape), bars) - 1.0)

    return ratio(sign * mean(track.returns), sign * mean(other))
