"""Measures and forecasts of risk, each from a symbol's own past bars.

Arrays are (T, N) or (T,) float64 with NaN in the gaps. Volatilities are per bar, as fractions.
Row t uses rows up to t only. Leaves out how much risk is too much.
"""

import numpy as np

from quant import rolling
from quant.jit import cached_njit
from quant.per_symbol import Floats, by_symbol, lag, pct_change, ratio

GARCH_ALPHA = 0.08
"""Weight of the newest squared return in the variance forecast."""
GARCH_BETA = 0.90
"""Weight of the previous variance; the rest (0.02) is the weight of the long-run variance."""
LONG_RUN_DECAY = 0.995
"""Decay per bar of the long-run variance, about nine months of memory."""
VOLATILITY_BARS = 63
"""Returns from which the volatility of one traded bar is measured, a quarter of daily ones."""
WARMUP_RETURNS = 20
"""Number of returns before the first volatility."""

PRIOR_QUANTILE = -1.645
"""5% quantile of a standard normal, and of a standardised return before any is known."""
PRIOR_WEIGHT = 2000.0
"""Weight of the prior quantile in outcomes, eight years of daily ones: overlapping outcomes of one
symbol say little about its tail. Set on 2005 to 2014 (docs/trust/record.md)."""


def forecast_volatility(close: Floats) -> Floats:
    """GARCH(1,1) with fixed parameters towards a slow average: volatility of the next bar.

    v' = 0.02 * long-run + 0.90 * v + 0.08 * r^2 (Bollerslev 1986). Nothing is fitted, so the
    forecast is the same however much history follows.
    """
    return by_symbol(
        lambda r: _garch(r, GARCH_ALPHA, GARCH_BETA, LONG_RUN_DECAY, WARMUP_RETURNS),
        pct_change(close, 1),
    )


def yang_zhang(open_: Floats, high: Floats, low: Floats, close: Floats, length: int) -> Floats:
    """Realised volatility from overnight gaps, bodies and ranges (Yang and Zhang 2000)."""
    gap = open_ / lag(close, 1) - 1.0
    body = close / open_ - 1.0
    up = high / open_ - 1.0
    down = low / open_ - 1.0
    within = rolling.mean(up * (up - body) + down * (down - body), length, length)
    k = 0.34 / (1.34 + (length + 1) / (length - 1))
    variance = (
        rolling.variance(gap, length, length)
        + k * rolling.variance(body, length, length)
        + (1.0 - k) * within
    )
    return np.sqrt(np.maximum(variance, 0.0))


def drawdown(close: Floats, length: int) -> Floats:
    """Close below the highest close of the last `length` bars, as a fraction: 0 or negative."""
    return close / rolling.highest(close, length, 1) - 1.0


def beta_and_correlation(
    close: Floats, market: Floats, length: int, minimum: int
) -> tuple[Floats, Floats]:
    """Beta and correlation of one-bar returns with those of `market`, over their common bars."""
    both = ~np.isnan(close) & ~np.isnan(market)
    mine = pct_change(np.where(both, close, np.nan), 1)
    theirs = pct_change(np.where(both, market, np.nan), 1)
    return (
        rolling.slope(mine, theirs, length, minimum),
        rolling.correlation(mine, theirs, length, minimum),
    )


def horizon_quantile(open_: Floats, volatility: Floats, horizon: int, memory: int) -> Floats:
    """Forecast 5% quantile of the return open[t + 1] to open[t + 1 + horizon], as a fraction.

    Filtered historical simulation (Barone-Adesi, Giannopoulos and Vosper 1999): past outcomes,
    each divided by the volatility forecast at its start, give a quantile of the last `memory`,
    which is multiplied by the current volatility. The quantile is shrunk towards `PRIOR_QUANTILE`.
    An outcome counts only from the row at whose close it is complete.
    """
    root = np.sqrt(float(horizon))
    began = lag(volatility, horizon + 1)
    outcome = pct_change(open_, horizon)
    standardised = ratio(outcome, began * root)
    empirical = rolling.quantile(standardised, 0.05, memory, 1)
    count = by_symbol(lambda s: np.minimum(np.arange(1.0, len(s) + 1.0), memory), empirical)
    shrunk = (count * empirical + PRIOR_WEIGHT * PRIOR_QUANTILE) / (count + PRIOR_WEIGHT)
    quantile = np.where(np.isnan(shrunk), PRIOR_QUANTILE, shrunk)
    forecast: Floats = np.maximum(np.minimum(quantile, 0.0) * volatility * root, -1.0)
    return forecast


@cached_njit
def _garch(returns: Floats, alpha: float, beta: float, decay: float, warmup: int) -> Floats:
    answers = np.full(len(returns), np.nan)
    weighted = weights = variance = 0.0
    for t in range(len(returns)):
        square = returns[t] * returns[t]
        weighted = decay * weighted + square
        weights = decay * weights + 1.0
        long_run = weighted / weights
        if t < warmup:
            variance = long_run
        else:
            rest = 1.0 - alpha - beta
            variance = rest * long_run + beta * variance + alpha * square
        if t + 1 >= warmup:
            answers[t] = np.sqrt(variance)
    return answers


@cached_njit
def realised_volatility(close: Floats, length: int) -> Floats:
    """(T, N) standard deviation of each symbol's last `length` one-bar returns, NaN with fewer.
    Each window is summed afresh, so that the result does not depend on where the history begins."""
    answers, returns = np.full(close.shape, np.nan), np.empty(length)
    for n in range(close.shape[1]):
        last, count = np.nan, 0
        for t in range(len(close)):
            if np.isnan(close[t, n]):
                continue
            if not np.isnan(last):
                returns[count % length] = close[t, n] / last - 1.0
                count += 1
            last = close[t, n]
            if count >= length:
                mean = square = 0.0
                for k in range(count, count + length):
                    mean += returns[k % length] / length
                for k in range(count, count + length):
                    square += (returns[k % length] - mean) ** 2
                answers[t, n] = np.sqrt(square / length)
    return answers
