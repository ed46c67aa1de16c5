"""Calibration of forecasts: does what is forecast with 60% happen in 60 of 100 cases?

Arrays are (R, N), R rows voted on of N symbols, with NaN for a missing forecast or an outcome not
yet known.
"""

from dataclasses import dataclass

import numpy as np

from quant.bootstrap_ratios import BootstrapDraws, Floats

BINS = 10


@dataclass(frozen=True, slots=True, eq=False)
class ReliabilityCurve:
    """B bins of equal count, in order of the forecast.

    `forecast` (B,): mean probability; `observed` (B, 3): share that happened and its 90%
    interval; `count` (B,). `error`: expected calibration error, the mean distance of the two over
    all forecasts (Naeini, Cooper and Hauskrecht 2015). `sharpness`: mean distance of the forecasts
    from the base rate. Murphy's decomposition (1973) of the Brier score over these bins:
    `miscalibration` (his reliability, smaller is better) less `resolution` (larger is better)
    plus `uncertainty`, which no forecast changes. Scalars are NaN without any forecast.
    """

    forecast: Floats
    observed: Floats
    count: Floats
    error: float
    sharpness: float
    miscalibration: float
    resolution: float
    uncertainty: float


def reliability(
    p_up: Floats, base_rate: Floats, up: Floats, draws: BootstrapDraws, bins: int = BINS
) -> ReliabilityCurve:
    """Compute the curve over the cells where all three are known; equal forecasts share a bin."""
    known = ~np.isnan(p_up) & ~np.isnan(up) & ~np.isnan(base_rate)
    if not known.any():
        nothing, unknown = np.empty(0), np.nan
        empty = np.empty((0, 3))
        return ReliabilityCurve(nothing, empty, nothing, *(5 * (unknown,)))
    forecasts, rose = p_up[known], up[known]
    edges = np.quantile(forecasts, np.linspace(0.0, 1.0, bins + 1)[1:-1])
    inner = np.unique(edges)
    where = np.searchsorted(inner, forecasts, side="left")
    cells = where * len(p_up) + np.nonzero(known)[0]
    size = (len(inner) + 1) * len(p_up)
    counts = (
        np.bincount(cells, np.ones(len(cells)), minlength=size)
        .reshape(-1, len(p_up))
        .astype(np.float64)
    )
    risen = np.bincount(cells, rose, minlength=size).reshape(-1, len(p_up)).astype(np.float64)
    filled = counts.any(axis=1)
    count = counts.sum(axis=1)[filled]
    forecast = np.bincount(where, forecasts, minlength=len(counts))[filled] / count
    observed = draws.ratios(risen[filled], counts[filled])
    fraction, mean = count / count.sum(), rose.mean()
    distance = forecast - observed[:, 0]
    return ReliabilityCurve(
        forecast=forecast,
        observed=observed,
        count=count,
        error=float((fraction * np.abs(distance)).sum()),
        sharpness=float(np.abs(forecasts - base_rate[known]).mean()),
        miscalibration=float((fraction * np.square(distance)).sum()),
        resolution=float((fraction * np.square(observed[:, 0] - mean)).sum()),
        uncertainty=float(mean * (1.0 - mean)),
    )
