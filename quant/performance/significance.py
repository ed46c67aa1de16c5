"""Statistical significance of a record, given its length, its tails and the number of trials.

Sharpe ratios here are per bar, as in the papers: divide a yearly one by the square root of the bars
a year. Trials are all variants tried, also the discarded ones; their returns are (T, trials). NaN
where a record does not vary or is too short.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.special import ndtr, ndtri

from quant.per_symbol import ratio
from quant.resampling import block_length, stationary_indices
from quant.risk.return_series import Floats, ReturnSeries, deviation
from quant.risk.tail_risk import kurtosis, skew


def probabilistic_sharpe(series: ReturnSeries, target: float = 0.0) -> Floats:
    """Probability (...,) that the true Sharpe ratio per bar is above `target`.

    Bailey and López de Prado (2012), "The Sharpe ratio efficient frontier".
    """
    sharpe = ratio(series.mean, series.deviation)
    with np.errstate(invalid="ignore"):
        return np.asarray(
            ndtr((sharpe - target) * np.sqrt((series.n - 1) / _sharpe_variance(series)))
        )


def minimum_track_record_length(
    series: ReturnSeries, target: float = 0.0, confidence: float = 0.95
) -> Floats:
    """Number of bars (...,) that such a record needs for its Sharpe ratio to be above `target` with
    `confidence`; NaN where it is not above `target`. Same paper."""
    beyond = ratio(series.mean, series.deviation) - target
    needed = (
        1.0
        + _sharpe_variance(series) * ratio(np.full(beyond.shape, ndtri(confidence)), beyond) ** 2
    )
    return np.asarray(needed)


def expected_maximum_sharpe(trials: int, variance: float) -> float:
    """Expected maximum Sharpe ratio of `trials` independent trials without skill, where `variance`
    is the variance of the Sharpe ratios of the trials.

    Bailey and López de Prado (2014), "The deflated Sharpe ratio", equation 1. 0 for one trial.
    """
    if trials < 2:
        return 0.0
    first, second = ndtri(1.0 - 1.0 / trials), ndtri(1.0 - 1.0 / (trials * np.e))
    return float(np.sqrt(variance) * ((1.0 - np.euler_gamma) * first + np.euler_gamma * second))


def deflated_sharpe(series: ReturnSeries, trials: int, variance: float) -> Floats:
    """Probability (...,) that the true Sharpe ratio is above `expected_maximum_sharpe`."""
    return probabilistic_sharpe(series, expected_maximum_sharpe(trials, variance))


@dataclass(frozen=True, slots=True, eq=False)
class OverfittingEstimate:
    """The result of `estimate_overfitting`: how the best trial in sample does out of sample.

    `probability` is the probability that the best trial of one half is below the median in the
    other half, `loss_probability` that its Sharpe ratio there is negative; `in_sample` and
    `out_of_sample` (C,) are its Sharpe ratios in both, for each of the C ways to halve the record.
    """

    probability: float
    loss_probability: float
    in_sample: Floats
    out_of_sample: Floats


def estimate_overfitting(returns: Floats, blocks: int = 16) -> OverfittingEstimate:
    """Combinatorially symmetric cross-validation of (T, trials).

    Bailey, Borwein, López de Prado and Zhu (2017), "The probability of backtest overfitting".
    The record is cut into `blocks` (an even number) of equal length, without the remainder at its
    beginning, and every half of the blocks is compared with the other half. A trial with constant
    returns has a Sharpe ratio of 0. NaN for fewer than two trials or two bars a block.
    """
    length = len(returns) // blocks
    if length < 2 or returns.shape[1] < 2 or not np.isfinite(returns).all():
        return OverfittingEstimate(np.nan, np.nan, np.empty(0), np.empty(0))
    cut = returns[len(returns) - length * blocks :].reshape(blocks, length, -1)
    sums, squares = cut.sum(axis=1), (cut * cut).sum(axis=1)
    chosen = np.zeros((len(list(combinations(range(blocks), blocks // 2))), blocks))
    for k, half in enumerate(combinations(range(blocks), blocks // 2)):
        chosen[k, list(half)] = 1.0
    bars = length * blocks // 2
    in_sample = _sharpe(chosen @ sums, chosen @ squares, bars)
    out_of_sample = _sharpe((1.0 - chosen) @ sums, (1.0 - chosen) @ squares, bars)
    ways = np.arange(len(chosen))
    best = in_sample.argmax(axis=1)
    best_outside = out_of_sample[ways, best]
    below = (out_of_sample < best_outside[:, np.newaxis]).sum(axis=1)
    level = (out_of_sample == best_outside[:, np.newaxis]).sum(axis=1)
    rank = below + (level + 1) / 2  # from 1 to trials, the middle one among ties
    is_overfit = rank / (returns.shape[1] + 1) <= 0.5
    return OverfittingEstimate(
        float(is_overfit.mean()),
        float((best_outside < 0.0).mean()),
        in_sample[ways, best],
        best_outside,
    )


def superior_predictive_ability(
    returns: Floats, benchmark: Floats, block: float = 0.0, samples: int = 1000, seed: int = 0
) -> float:
    """p-value of "none of the trials (T, trials) earns more than `benchmark` (T,)".

    Hansen (2005), "A test for superior predictive ability": White's reality check, studentised, and
    without loss of power from clearly worse trials (the consistent variant). Blocks have `block`
    bars on average, for 0 the length that suits the best trial. NaN for fewer than ten bars or
    without any difference.
    """
    beyond = returns - benchmark[:, np.newaxis]
    bars = len(beyond)
    if bars < 10 or not np.isfinite(beyond).all():
        return np.nan
    mean, spread = beyond.mean(axis=0), deviation(np.ascontiguousarray(beyond.T))
    beyond, mean = beyond[:, spread > 0.0], mean[spread > 0.0]
    if not len(mean):
        return np.nan
    length = block or block_length(beyond[:, int(np.argmax(mean / spread[spread > 0.0]))])
    drawn = _resampled_means(beyond, stationary_indices(bars, length, samples, seed))
    error = drawn.std(axis=0)
    plainly_worse = mean < -error * np.sqrt(2.0 * np.log(np.log(bars)))
    centre = np.where(plainly_worse, 0.0, mean)
    best = max(float((mean / error).max()), 0.0)
    luck = np.maximum(((drawn - centre) / error).max(axis=1), 0.0)
    return float((luck > best).mean())


def _resampled_means(values: Floats, drawn: np.typing.NDArray[np.intp]) -> Floats:
    """(samples, trials) means of `values` over the drawn rows."""
    bars = len(values)
    counts = np.stack([np.bincount(rows, minlength=bars) for rows in drawn])
    return np.asarray(counts.astype(np.float64) @ values / bars)


def _sharpe_variance(series: ReturnSeries) -> Floats:
    """Variance of the estimated Sharpe ratio, times n - 1."""
    sharpe = ratio(series.mean, series.deviation)
    return 1.0 - skew(series) * sharpe + (kurtosis(series) + 2.0) / 4.0 * sharpe * sharpe


def _sharpe(sums: Floats, squares: Floats, bars: int) -> Floats:
    mean = sums / bars
    variance = np.maximum(squares / bars - mean * mean, 0.0) * bars / (bars - 1)
    still = variance <= 1e-20 + 1e-12 * mean * mean
    return np.where(still, 0.0, mean / np.sqrt(np.where(still, 1.0, variance)))
