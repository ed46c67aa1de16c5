"""A record beside its benchmark, bar by bar. NaN where the `Track` has none.

The regression is ordinary least squares of returns on the benchmark's, without a riskless rate
(subtract one from both before, where there is one).
"""

import numpy as np

from quant.jit import compiled
from quant.per_symbol import ratio
from quant.performance.return_metrics import cagr
from quant.risk.return_series import Floats, Track


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
    _, spread = track.apart
    return np.asarray(spread * np.sqrt(track.periods))


def information_ratio(track: Track) -> Floats:
    mean, spread = track.apart
    return np.asarray(ratio(mean, spread) * np.sqrt(track.periods))


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
    shape = track.returns.shape
    grown = _grown(track.returns.reshape(-1, shape[-1]), _other(track).reshape(-1, shape[-1]), sign)
    with np.errstate(invalid="ignore"):
        mean = sign * (grown[:, :2] ** ratio(np.ones(len(grown)), grown[:, 2])[:, np.newaxis] - 1.0)
    return ratio(mean[:, 0], mean[:, 1]).reshape(shape[:-1])


@compiled
def _grown(returns: Floats, other: Floats, sign: float) -> Floats:
    """Of each record: its growth and its benchmark's on the bars with the benchmark's `sign`,
    and how many they are."""
    answers = np.ones((len(returns), 3))
    for k in range(len(returns)):
        ours, theirs, bars = 1.0, 1.0, 0
        for t in range(returns.shape[1]):
            if sign * other[k, t] > 0.0:
                ours *= 1.0 + returns[k, t]
                theirs *= 1.0 + other[k, t]
                bars += 1
        answers[k, 0], answers[k, 1], answers[k, 2] = ours, theirs, bars
    return answers
