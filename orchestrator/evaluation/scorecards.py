"""Forecasts against outcomes, cell by cell, added up over slices: symbols, regimes, periods.

Pure. A score is a ratio of two sums over cells, so one pass over the cells serves every slice,
and all slices are resampled together. Leaves out what compares forecasters (`comparisons.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from domain.panel import Floats, Ints, Times
from domain.record import REGIMES
from domain.votes import sigmoid
from orchestrator.evaluation.scores import Bin, Curve, Decay, Scorecard, figure, known
from quant.base_rate import log_odds as log_odds_of
from quant.bootstrap_ratios import Draws, draws
from quant.scoring import forecast_scores
from quant.scoring.reliability import reliability

Bools = NDArray[np.bool_]

FIGURES = (
    "brier", "brier_skill", "log_loss", "log_skill", "hit_rate", "hit_edge", "time_ic",
    "relative_hit_rate", "relative_ic", "rank_ic",
)  # fmt: skip
TWO_YEARS = np.timedelta64(730, "D")


@dataclass(frozen=True, eq=False)
class Cells:
    """What every forecaster is measured against, (R, N); NaN where nothing was asked or settled.

    Handed over column by column in memory (Fortran order), as log-odds are too, slices by symbol
    are free; nothing depends on it.
    """

    base_rate: Floats
    change: Floats

    @cached_property
    def asked(self) -> Bools:
        return ~np.isnan(self.base_rate)

    @cached_property
    def base(self) -> Floats:
        """Log-odds of the base rate."""
        return log_odds_of(self.base_rate)

    @cached_property
    def up(self) -> Floats:
        return np.where(np.isnan(self.change) | ~self.asked, np.nan, self.change > 0.0)

    @cached_property
    def settled(self) -> Bools:
        return ~np.isnan(self.up)

    @cached_property
    def base_brier(self) -> Floats:
        return forecast_scores.brier(self.base, self.up)

    @cached_property
    def base_loss(self) -> Floats:
        return forecast_scores.log_loss(self.base, self.up)

    @cached_property
    def relative(self) -> Floats:
        """The change less the median of its row."""
        median = forecast_scores.medians(self.by_row, self.settled)
        return forecast_scores.from_median(self.change, self.settled, median)

    @cached_property
    def by_row(self) -> forecast_scores.Ordered:
        return forecast_scores.ordered(self.change)

    @cached_property
    def by_symbol(self) -> forecast_scores.Ordered:
        return forecast_scores.ordered(self.change.T)

    @cached_property
    def relative_by_symbol(self) -> forecast_scores.Ordered:
        return forecast_scores.ordered(self.relative.T)


@dataclass(frozen=True, slots=True, eq=False)
class Slices:
    """Parts of a record by name: sets of rows, `masks` (M, R), and each symbol of its own."""

    periods: tuple[str, ...]
    regimes: tuple[str, ...]
    masks: Floats
    symbols: tuple[str, ...]


def slices(known_at: Times, regime: Ints, symbols: tuple[str, ...]) -> Slices:
    """Calendar years (months, where the record is shorter than two years), the regimes that
    occurred, and the symbols."""
    short = len(known_at) > 0 and known_at[-1] - known_at[0] < TWO_YEARS
    period = known_at.astype("datetime64[M]" if short else "datetime64[Y]").astype(str)
    periods = tuple(dict.fromkeys(period.tolist()))
    codes = np.unique(regime).tolist()
    masks = [*(period == name for name in periods), *(regime == code for code in codes)]
    return Slices(
        periods,
        tuple(REGIMES[code] for code in codes),
        np.array(masks, np.float64).reshape(len(masks), len(known_at)),
        symbols,
    )


def scorecards(
    name: str, log_odds: Floats, cells: Cells, parts: Slices, drawn: Draws
) -> tuple[Scorecard, ...]:
    """Of the whole record (called `name`), then of its periods, regimes and symbols."""
    names = (name, *parts.periods, *parts.regimes, *parts.symbols)
    shape = (len(FIGURES), len(names), len(log_odds))
    numerators, denominators = np.zeros(shape), np.zeros(shape)
    for place, (above, below) in enumerate(_sums(log_odds, cells)):
        _spread(above, parts, numerators[place])
        _spread(below, parts, denominators[place])
    flat = (len(FIGURES) * len(names), len(log_odds))
    values = drawn.ratios(numerators.reshape(flat), denominators.reshape(flat))
    values = values.reshape(len(FIGURES), len(names), 3)
    voted = ~np.isnan(log_odds)
    asked, votes, settled = (
        _count(mask, parts) for mask in (cells.asked, voted & cells.asked, voted & cells.settled)
    )
    counts = denominators.sum(axis=2)
    counts[[FIGURES.index("brier_skill"), FIGURES.index("log_skill")]] = settled
    return tuple(
        Scorecard(
            name=each,
            asked=int(asked[k]),
            votes=int(votes[k]),
            settled=int(settled[k]),
            coverage=float(votes[k] / asked[k]) if asked[k] else None,
            **{score: figure(values[f, k], int(counts[f, k])) for f, score in enumerate(FIGURES)},
        )
        for k, each in enumerate(names)
    )


def calibration(log_odds: Floats, cells: Cells, drawn: Draws) -> Curve:
    """Of the settled votes."""
    found = reliability(sigmoid(log_odds), cells.base_rate, cells.up, drawn)
    return Curve(
        bins=tuple(
            Bin(float(said), figure(observed, int(count)))
            for said, observed, count in zip(
                found.forecast, found.observed, found.count, strict=True
            )
        ),
        error=known(found.error),
        sharpness=known(found.sharpness),
        miscalibration=known(found.miscalibration),
        resolution=known(found.resolution),
        uncertainty=known(found.uncertainty),
    )


def decays(
    log_odds: Sequence[Floats], base: Floats, changes: Mapping[int, Floats], block: float, seed: int
) -> list[list[Decay]]:
    """For each forecaster, its rank correlations with `changes` over other horizons (bars)."""
    if not changes:
        return [[] for _ in log_odds]
    horizons = [
        (Cells(np.where(np.isnan(base), np.nan, 0.5), np.asfortranarray(change)),
         bars, draws(len(base), max(block, bars + 1.0), seed))
        for bars, change in sorted(changes.items())
    ]  # fmt: skip
    answers = []
    for said in log_odds:
        evidence = said - base
        by_row, by_symbol = forecast_scores.ordered(evidence), forecast_scores.ordered(evidence.T)
        answers.append(
            [_decay(bars, by_row, by_symbol, over, drawn) for over, bars, drawn in horizons]
        )
    return answers


def _decay(
    bars: int,
    by_row: forecast_scores.Ordered,
    by_symbol: forecast_scores.Ordered,
    over: Cells,
    drawn: Draws,
) -> Decay:
    kept = ~np.isnan(by_symbol.values) & over.settled.T
    ranked = forecast_scores.rank_correlation(
        by_row, over.by_row, kept.T, forecast_scores.FEWEST_SYMBOLS
    )
    timed = forecast_scores.rank_products(by_symbol, over.by_symbol, kept)
    sums = _mean(ranked), tuple(each.sum(axis=0) for each in _mean(timed))
    numerators, denominators = (np.stack(each) for each in zip(*sums, strict=True))
    values = drawn.ratios(numerators, denominators)
    counts = denominators.sum(axis=1).astype(int).tolist()
    return Decay(bars, figure(values[0], counts[0]), figure(values[1], counts[1]))


def _sums(log_odds: Floats, cells: Cells) -> list[tuple[Floats, Floats]]:
    """Numerator and denominator of each score in `FIGURES`, 0 where there is nothing: (R, N), of
    the last (R,)."""
    settled = cells.settled & ~np.isnan(log_odds)
    evidence = np.where(settled, log_odds - cells.base, np.nan)
    by_row = forecast_scores.ordered(evidence)
    apart = forecast_scores.from_median(evidence, settled, forecast_scores.medians(by_row, settled))
    brier, loss = (
        forecast_scores.brier(log_odds, cells.up),
        forecast_scores.log_loss(log_odds, cells.up),
    )
    hit = forecast_scores.hits(evidence, cells.up)
    means = (
        hit,
        hit - forecast_scores.chance(evidence, cells.base_rate),
        _products(evidence, cells.by_symbol),
        forecast_scores.hits(apart, forecast_scores.ahead(cells.relative)),
        _products(apart, cells.relative_by_symbol),
        forecast_scores.rank_correlation(
            by_row, cells.by_row, settled, forecast_scores.FEWEST_SYMBOLS
        ),
    )
    return [
        _mean(brier),
        _saved(brier, cells.base_brier, settled),
        _mean(loss),
        _saved(loss, cells.base_loss, settled),
        *(_mean(score) for score in means),
    ]


def _saved(loss: Floats, base_loss: Floats, settled: Bools) -> tuple[Floats, Floats]:
    return np.where(settled, base_loss - loss, 0.0), np.where(settled, base_loss, 0.0)


def _mean(score: Floats) -> tuple[Floats, Floats]:
    there = ~np.isnan(score)
    return np.where(there, score, 0.0), there.astype(np.float64)


def _products(evidence: Floats, outcomes: forecast_scores.Ordered) -> Floats:
    """(R, N) whose mean over a symbol's rows is the rank correlation through time."""
    return forecast_scores.rank_products(
        forecast_scores.ordered(evidence.T), outcomes, ~np.isnan(evidence.T)
    ).T


def _spread(score: Floats, parts: Slices, into: Floats) -> None:
    """Sums (R, N) of each row, or one number a row (R,), which no single symbol has, into (K, R):
    over all symbols, that in each period and regime, and each symbol's own."""
    rows = score if score.ndim == 1 else score.sum(axis=1)
    sets = 1 + len(parts.masks)
    into[0] = rows
    into[1:sets] = parts.masks * rows
    if score.ndim == 2:
        into[sets:] = score.T


def _count(mask: Bools, parts: Slices) -> Floats:
    rows: Floats = mask.sum(axis=1).astype(np.float64)
    return np.concatenate([[rows.sum()], parts.masks @ rows, mask.sum(axis=0)])
