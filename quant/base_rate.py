"""The base rate: how often a symbol has risen over the horizon, the forecast to beat.

Row t counts only outcomes that were complete at the close of bar t. Leaves out evidence of any
kind.
"""

import numpy as np

from quant.per_symbol import Floats, by_symbol

PRIOR_COUNT = 50.0
"""Pseudo-outcomes of each sign that pull a short history towards one half (Beta(50, 50))."""


def base_rate(open_: Floats, horizon: int) -> Floats:
    """Share of the symbol's past returns over `horizon` bars that were positive, a probability.

    `open_` is (T, N) or (T,) with NaN where there was no bar; the result has the same shape and
    NaN. An outcome runs from open[s + 1] to open[s + 1 + horizon] and counts from row
    s + 1 + horizon on, shrunk towards one half by a Beta(50, 50) prior.
    """

    def rate(prices: Floats) -> Floats:
        first = horizon + 1
        rose = prices[first:] > prices[1 : max(len(prices) - horizon, 1)]
        up = np.zeros(len(prices))
        count = np.zeros(len(prices))
        up[first:] = np.cumsum(rose)
        count[first:] = np.arange(1, len(rose) + 1)
        return (PRIOR_COUNT + up) / (2 * PRIOR_COUNT + count)

    return by_symbol(rate, open_)


def log_odds(probability: Floats) -> Floats:
    """log(p / (1 - p)), elementwise; NaN stays NaN."""
    return np.log(np.ascontiguousarray(probability / (1.0 - probability)))
