"""Forecasts against outcomes, cell by cell, added up over slices: symbols, regimes, periods.

Pure. A score is a ratio of two sums over cells, so one pass over the cells serves every slice, and
all slices are resampled together. Leaves out comparisons of forecasters (`comparisons.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from domain.instants import Times
from domain.panel import Bools, Floats, Ints
from domain.record import REGIMES
from domain.votes import sigmoid
from orchestrator.evaluation.scores import (
    CalibrationBin,
    CalibrationCurve,
    HorizonCorrelation,
    Scorecard,
    none_if_nan,
    to_estimate,
)
from quant.base_rate import log_odds as log_odds_of
from quant.bootstrap_ratios import BootstrapDraws, draw_bootstrap
from quant.scoring import forecast_scores
from quant.scoring.reliability import reliability

SCORE_NAMES = (
    "brier", "brier_skill", "log_loss", "log_skill", "hit_rate", "hit_edge", "time_ic",
    "relative_hit_rate", "relative_ic", "rank_ic",
)  # fmt: skip
CORRELATIONS = [SCORE_NAMES.index(name) for name in ("time_ic", "relative_ic", "rank_ic")]
TWO_YEARS = np.timedelta64(730, "D")


@dataclass(frozen=True, eq=False)
class ScoreInputs:
    """What every forecaster is measured against, (R, N); NaN where there was no bar or no outcome.

    Slices by symbol copy nothing if these arrays and log-odds are stored column by column (Fortran
    order); results do not depend on it. Intervals of correlations are `bounded` by -1 and 1: drawn
    rows, whose ranks are those of the whole record, can average to more.
    """

    base_rate: Floats
    change: Floats
    bounded: bool = True

    @cached_property
    def forecastable(self) -> Bools:
        return ~np.isnan(self.base_rate)

    @cached_property
    def base_log_odds(self) -> Floats:
        """Log-odds of the base rate."""
        return log_odds_of(self.base_rate)

    @cached_property
    def up(self) -> Floats:
        return np.where(np.isnan(self.change) | ~self.forecastable, np.nan, self.change > 0.0)

    @cached_property
    def settled(self) -> Bools:
        return ~np.isnan(self.up)

    @cached_property
    def base_brier(self) -> Floats:
        return forecast_scores.brier(self.base_log_odds, self.up)

    @cached_property
    def base_loss(self) -> Floats:
        return forecast_scores.log_loss(self.base_log_odds, self.up)

    @cached_property
    def relative_change(self) -> Floats:
        """The change less the median of its row."""
        median = forecast_scores.medians(self.by_row, self.settled)
        return forecast_scores.minus_median(self.change, self.settled, median)

    @cached_property
    def by_row(self) -> forecast_scores.SortedRows:
        return forecast_scores.sort_rows(self.change)

    @cached_property
    def by_symbol(self) -> forecast_scores.SortedRows:
        return forecast_scores.sort_rows(self.change.T)

    @cached_property
    def relative_by_symbol(self) -> forecast_scores.SortedRows:
        return forecast_scores.sort_rows(self.relative_change.T)


@dataclass(frozen=True, slots=True, eq=False)
class ScoreSlices:
    """Parts of a record by name: M sets of rows, `masks` (M, R), and each symbol on its own."""

    periods: tuple[str, ...]
    regimes: tuple[str, ...]
    masks: Floats
    symbols: tuple[str, ...]


def slice_record(known_at: Times, regime: Ints, symbols: tuple[str, ...]) -> ScoreSlices:
    """Slice a record by calendar years (months, if it is shorter than two years), by the regimes
    that occurred, and by symbol."""
    short = len(known_at) > 0 and known_at[-1] - known_at[0] < TWO_YEARS
    period = known_at.astype("datetime64[M]" if short else "datetime64[Y]").astype(str)
    periods = tuple(dict.fromkeys(period.tolist()))
    codes = np.unique(regime).tolist()
    masks = [*(period == name for name in periods), *(regime == code for code in codes)]
    return ScoreSlices(
        periods,
        tuple(REGIMES[code] for code in codes),
        np.array(masks, np.float64).reshape(len(masks), len(known_at)),
        symbols,
    )


def scorecards(
    name: str,
    log_odds: Floats,
    inputs: ScoreInputs,
    record_slices: ScoreSlices,
    bootstrap: BootstrapDraws,
) -> tuple[Scorecard, ...]:
    """Return the scorecards of the whole record (called `name`), then of its periods, regimes and
    symbols."""
    names = (name, *record_slices.periods, *record_slices.regimes, *record_slices.symbols)
    shape = (len(SCORE_NAMES), len(names), len(log_odds))
    numerators, denominators = np.zeros(shape), np.zeros(shape)
    for place, (above, below) in enumerate(_score_sums(log_odds, inputs)):
        _add_to_slices(above, record_slices, numerators[place])
        _add_to_slices(below, record_slices, denominators[place])
    flat = (len(SCORE_NAMES) * len(names), len(log_odds))
    values = bootstrap.ratios(numerators.reshape(flat), denominators.reshape(flat))
    values = values.reshape(len(SCORE_NAMES), len(names), 3)
    if inputs.bounded:
        values[CORRELATIONS] = np.clip(values[CORRELATIONS], -1.0, 1.0)
    voted = ~np.isnan(log_odds)
    forecastable, votes, settled = (
        _count(mask, record_slices)
        for mask in (inputs.forecastable, voted & inputs.forecastable, voted & inputs.settled)
    )
    counts = denominators.sum(axis=2)
    counts[[SCORE_NAMES.index("brier_skill"), SCORE_NAMES.index("log_skill")]] = settled
    return tuple(
        Scorecard(
            name=each,
            asked=int(forecastable[k]),
            votes=int(votes[k]),
            settled=int(settled[k]),
            coverage=float(votes[k] / forecastable[k]) if forecastable[k] else None,
            **{
                score: to_estimate(values[f, k], int(counts[f, k]))
                for f, score in enumerate(SCORE_NAMES)
            },
        )
        for k, each in enumerate(names)
    )


def calibration(
    log_odds: Floats, inputs: ScoreInputs, bootstrap: BootstrapDraws
) -> CalibrationCurve:
    """Return the calibration curve of the settled votes."""
    curve = reliability(sigmoid(log_odds), inputs.base_rate, inputs.up, bootstrap)
    return CalibrationCurve(
        bins=tuple(
            CalibrationBin(float(forecast), to_estimate(observed, int(count)))
            for forecast, observed, count in zip(
                curve.forecast, curve.observed, curve.count, strict=True
            )
        ),
        error=none_if_nan(curve.error),
        sharpness=none_if_nan(curve.sharpness),
        miscalibration=none_if_nan(curve.miscalibration),
        resolution=none_if_nan(curve.resolution),
        uncertainty=none_if_nan(curve.uncertainty),
    )


def horizon_correlations(
    log_odds: Sequence[Floats],
    record_inputs: ScoreInputs,
    changes: Mapping[int, Floats],
    block: float,
    seed: int,
) -> list[list[HorizonCorrelation]]:
    """Return, for each forecaster, its rank correlations with `changes` over other horizons
    (bars)."""
    if not changes:
        return [[] for _ in log_odds]
    base = record_inputs.base_log_odds
    forecastable = np.where(record_inputs.forecastable, 0.5, np.nan)
    horizons = [
        (ScoreInputs(forecastable, np.asfortranarray(change), record_inputs.bounded), bars,
         draw_bootstrap(len(base), max(block, bars + 1.0), seed))
        for bars, change in sorted(changes.items())
    ]  # fmt: skip
    correlations = []
    for forecast in log_odds:
        evidence = forecast - base
        by_row = forecast_scores.sort_rows(evidence)
        by_symbol = forecast_scores.sort_rows(evidence.T)
        correlations.append(
            [
                _horizon_correlation(bars, by_row, by_symbol, inputs, bootstrap)
                for inputs, bars, bootstrap in horizons
            ]
        )
    return correlations


def _horizon_correlation(
    bars: int,
    by_row: forecast_scores.SortedRows,
    by_symbol: forecast_scores.SortedRows,
    inputs: ScoreInputs,
    bootstrap: BootstrapDraws,
) -> HorizonCorrelation:
    kept = ~np.isnan(by_symbol.values) & inputs.settled.T
    ranked = forecast_scores.rank_correlation(
        by_row, inputs.by_row, kept.T, forecast_scores.MIN_SYMBOLS
    )
    timed = forecast_scores.rank_products(by_symbol, inputs.by_symbol, kept)
    sums = _mean(ranked), tuple(each.sum(axis=0) for each in _mean(timed))
    numerators, denominators = (np.stack(each) for each in zip(*sums, strict=True))
    values = bootstrap.ratios(numerators, denominators)
    if inputs.bounded:
        values = np.clip(values, -1.0, 1.0)
    counts = denominators.sum(axis=1).astype(int).tolist()
    return HorizonCorrelation(
        bars, to_estimate(values[0], counts[0]), to_estimate(values[1], counts[1])
    )


def _score_sums(log_odds: Floats, inputs: ScoreInputs) -> list[tuple[Floats, Floats]]:
    """Return numerator and denominator of each score in `SCORE_NAMES`, 0 where there is nothing:
    (R, N), of the last score (R,)."""
    settled = inputs.settled & ~np.isnan(log_odds)
    evidence = np.where(settled, log_odds - inputs.base_log_odds, np.nan)
    by_row = forecast_scores.sort_rows(evidence)
    from_median = forecast_scores.minus_median(
        evidence, settled, forecast_scores.medians(by_row, settled)
    )
    brier = forecast_scores.brier(log_odds, inputs.up)
    loss = forecast_scores.log_loss(log_odds, inputs.up)
    hit = forecast_scores.hits(evidence, inputs.up)
    means = (
        hit,
        hit - forecast_scores.expected_hit_rate(evidence, inputs.base_rate),
        _products(evidence, inputs.by_symbol),
        forecast_scores.hits(from_median, forecast_scores.above_median(inputs.relative_change)),
        _products(from_median, inputs.relative_by_symbol),
        forecast_scores.rank_correlation(
            by_row, inputs.by_row, settled, forecast_scores.MIN_SYMBOLS
        ),
    )
    return [
        _mean(brier),
        _loss_saved(brier, inputs.base_brier, settled),
        _mean(loss),
        _loss_saved(loss, inputs.base_loss, settled),
        *(_mean(score) for score in means),
    ]


def _loss_saved(loss: Floats, base_loss: Floats, settled: Bools) -> tuple[Floats, Floats]:
    return np.where(settled, base_loss - loss, 0.0), np.where(settled, base_loss, 0.0)


def _mean(score: Floats) -> tuple[Floats, Floats]:
    there = ~np.isnan(score)
    return np.where(there, score, 0.0), there.astype(np.float64)


def _products(evidence: Floats, outcomes: forecast_scores.SortedRows) -> Floats:
    """Return (R, N) whose mean over a symbol's rows is the rank correlation through time."""
    return forecast_scores.rank_products(
        forecast_scores.sort_rows(evidence.T), outcomes, ~np.isnan(evidence.T)
    ).T


def _add_to_slices(score: Floats, record_slices: ScoreSlices, out: Floats) -> None:
    """Add up `score` by slice into `out` (K, R): over all symbols, in each period and regime, and
    for each symbol. `score` is (R, N), or (R,) for a score that no single symbol has."""
    rows = score if score.ndim == 1 else score.sum(axis=1)
    sets = 1 + len(record_slices.masks)
    out[0] = rows
    out[1:sets] = record_slices.masks * rows
    if score.ndim == 2:
        out[sets:] = score.T


def _count(mask: Bools, record_slices: ScoreSlices) -> Floats:
    rows: Floats = mask.sum(axis=1).astype(np.float64)
    return np.concatenate([[rows.sum()], record_slices.masks @ rows, mask.sum(axis=0)])
