"""What a record earned, how evenly, and what it earned for its risk.

Every function takes a `Track` and answers (...,), as fractions where it is a share. NaN where the
measure has no meaning: a ratio to a risk that is not there, a share of nothing. The sources are
in `performance.METRICS`.
"""

import numpy as np

from quant.jit import compiled
from quant.per_symbol import ratio
from quant.risk.drawdowns import max_drawdown, ulcer_index
from quant.risk.return_series import Floats, Track


def total_return(track: Track) -> Floats:
    return np.asarray(track.growth[..., -1] - 1.0)


def cagr(track: Track) -> Floats:
    """NaN once wealth is below zero."""
    end = track.growth[..., -1]
    with np.errstate(over="ignore"):
        grown = np.maximum(end, 0.0) ** (1.0 / track.years) - 1.0
    return np.where(end >= 0.0, grown, np.nan)


def volatility(track: Track) -> Floats:
    return np.asarray(track.deviation * np.sqrt(track.periods))


def sharpe(track: Track) -> Floats:
    return np.asarray(ratio(track.mean, track.deviation) * np.sqrt(track.periods))


def sortino(track: Track) -> Floats:
    """Only losses count as risk, but over all bars."""
    losses = np.minimum(track.returns, 0.0)
    downside = np.sqrt((losses * losses).mean(axis=-1))
    return np.asarray(ratio(track.mean, downside) * np.sqrt(track.periods))


def calmar(track: Track) -> Floats:
    return ratio(cagr(track), -max_drawdown(track))


def martin(track: Track) -> Floats:
    return ratio(cagr(track), ulcer_index(track))


def omega(track: Track) -> Floats:
    """Threshold zero."""
    return ratio(_gains(track), _losses(track))


def payoff(track: Track) -> Floats:
    wins, losses = (track.returns > 0.0).sum(axis=-1), (track.returns < 0.0).sum(axis=-1)
    return ratio(ratio(_gains(track), wins), ratio(_losses(track), losses))


def win_rate(track: Track) -> Floats:
    """Bars without a gain or loss are left out."""
    return win_share(track.returns)


def win_share(returns: Floats) -> Floats:
    """(...,) gains among the gains and losses of (..., T); NaN where there is neither."""
    return ratio((returns > 0.0).sum(axis=-1), (returns != 0.0).sum(axis=-1))


def kelly(track: Track) -> Floats:
    won = win_rate(track)
    return won - ratio(1.0 - won, payoff(track))


def best_bar(track: Track) -> Floats:
    return np.asarray(track.ordered[..., -1])


def worst_bar(track: Track) -> Floats:
    return np.asarray(track.ordered[..., 0])


def stability(track: Track) -> Floats:
    """R² of the straight line through the logarithm of wealth."""
    positive = (track.growth > 0.0).all(axis=-1) & (track.deviation > 0.0)
    path = np.log(np.where(positive[..., np.newaxis], track.growth, 1.0))
    path = path - path.mean(axis=-1)[..., np.newaxis]
    time = np.arange(track.n) - (track.n - 1) / 2
    covered = (path * time).sum(axis=-1)
    fit = ratio(covered * covered, (path * path).sum(axis=-1) * (time * time).sum())
    return np.where(positive, fit, np.nan)


def longest_wins(track: Track) -> Floats:
    return _longest(track, 1.0)


def longest_losses(track: Track) -> Floats:
    return _longest(track, -1.0)


def _gains(track: Track) -> Floats:
    return np.asarray(np.maximum(track.returns, 0.0).sum(axis=-1))


def _losses(track: Track) -> Floats:
    return -np.asarray(np.minimum(track.returns, 0.0).sum(axis=-1))


def _longest(track: Track, sign: float) -> Floats:
    runs = _streaks(track.returns.reshape(-1, track.n), sign)
    return runs.reshape(track.returns.shape[:-1])


@compiled
def _streaks(returns: Floats, sign: float) -> Floats:
    answers = np.zeros(len(returns))
    for k in range(len(returns)):
        run = 0
        for t in range(returns.shape[1]):
            run = run + 1 if sign * returns[k, t] > 0.0 else 0
            answers[k] = max(answers[k], run)
    return answers
