"""The weights that history supports for an agent's signals: ridge logistic regression.

The model is the agent's own arithmetic: log-odds of the base rate (an offset, never fitted) plus
weights times what was observed, pooled over symbols. Weights are shrunk towards the shipped ones,
so that a signal without evidence in history keeps its weight, and no evidence at all changes
nothing.

Three things prevent overfitting. Overlapping outcomes and symbols that move together carry less
information than their number, so the likelihood is divided by a design effect. The allowed
departure of the weights is chosen on purged folds, and only as far as the gain exceeds its own
standard error. And the search begins at the shipped weights.

Leaves out when to fit and whether it was worth it (`research.fitting.walkforward`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.coefficients import MAX_WEIGHT
from agents.evidence import TunableAgent
from domain.panel import Bools, Floats, Panel
from domain.votes import Votes, sigmoid
from orchestrator.evaluation.forward_returns import NOT_COMPLETE, ForwardReturns, forward_returns
from research.fitting.splits import Rows, purged_folds

PRIOR_STDS = (0.0, 0.003, 0.006, 0.0125, 0.025, 0.05, 0.1)
"""Standard deviations, in log-odds at full scale, of the prior on a weight's departure from the
shipped one: from none to more than any signal of this kind has ever been worth."""
FOLDS = 5
MIN_ROWS = 120
"""Fewest settled rows to fit weights."""
DIGITS = 4
"""Decimals of a fitted weight; differences of a ten-thousandth of log-odds are negligible."""


@dataclass(frozen=True, slots=True, eq=False)
class FitSample:
    """What R rows (`begin` to T - 1 of a panel) of N symbols say about the K weights of an agent.

    `evidence` (R, N, K): log-odds per unit of weight, 0 where the evidence is missing;
    `base_log_odds` (R, N): log-odds of the base rate; `voted` (R, N). `change` (R, N): the outcome,
    NaN where there is none to learn from. `outcome_ends` (R,): row, counted from `begin`, at which
    the outcomes begun in a row are complete. `gradient` (R, K) and `curvature` (R, K, K) are
    gradient and negative curvature of a row's log-likelihood at the shipped weights, `residual_sum`
    and `residual_squares` (R,) its sum of residuals and the sum of their squares.
    """

    agent: str
    version: str
    names: tuple[str, ...]
    shipped: Floats
    evidence: Floats
    base_log_odds: Floats
    voted: Bools
    change: Floats
    outcome_ends: Rows
    horizon: int
    gradient: Floats
    curvature: Floats
    residual_sum: Floats
    residual_squares: Floats

    def log_odds(self, weights: Floats) -> Floats:
        """Return the (R, N) votes under `weights` (K,), or (R, K) with weights for each row."""
        each = np.broadcast_to(weights, (len(self.base_log_odds), len(self.names)))
        evidence = (self.evidence @ each[:, :, np.newaxis])[:, :, 0]
        return np.where(self.voted, self.base_log_odds + evidence, np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class FittedWeights:
    """Weights (K,) in the order of the sample's names; `prior_std` is 0 for the shipped ones.
    `rows` is the number of settled rows used."""

    weights: Floats
    prior_std: float
    rows: int


def embargo_rows(horizon: int) -> int:
    """Return how many rows to leave out after the purged ones, in which observations still reflect
    the test rows."""
    return 4 * horizon


def build_sample(
    panel: Panel, begin: int, agent: TunableAgent[Any], evidence_inputs: Any
) -> FitSample:
    """Build the sample of rows `begin` to T - 1 for `agent`, which observed `evidence_inputs`
    there.

    An outcome that takes more than twice its normal number of rows, because its symbol was not
    traded, is left out.
    """
    names = tuple(agent.default_weights)
    shipped = np.array([agent.default_weights[name] for name in names])
    votes = agent.vote_with_weights(panel, begin, evidence_inputs, dict.fromkeys(names, 1.0))
    base = votes.evidence[0].log_odds
    voted = ~np.isnan(votes.log_odds)
    evidence = np.ascontiguousarray(np.stack(_evidence(votes, names), axis=2))
    settled = forward_returns(panel, begin)
    change = np.where(voted & _is_prompt(settled, begin, panel.horizon), settled.change, np.nan)
    known = ~np.isnan(change)
    evidence[~voted] = 0.0
    forecast = sigmoid(np.where(known, base, 0.0) + evidence @ shipped)
    residual = np.where(known, (change > 0.0) - forecast, 0.0)
    variance = np.where(known, forecast * (1.0 - forecast), 0.0)
    across = evidence.transpose(0, 2, 1)
    return FitSample(
        agent=agent.name,
        version=agent.version,
        names=names,
        shipped=shipped,
        evidence=evidence,
        base_log_odds=base,
        voted=voted,
        change=change,
        outcome_ends=_outcome_ends(settled, known, begin, panel.horizon),
        horizon=panel.horizon,
        gradient=(across @ residual[:, :, np.newaxis])[:, :, 0],
        curvature=across @ (evidence * variance[:, :, np.newaxis]),
        residual_sum=residual.sum(axis=1),
        residual_squares=(residual * residual).sum(axis=1),
    )


def fit_weights(sample: FitSample, rows: Rows, fold_count: int = FOLDS) -> FittedWeights:
    """Fit the weights on `rows` of the sample, with the prior chosen on `fold_count` folds.

    Return the shipped weights where fewer than `MIN_ROWS` are settled.
    """
    settled = rows[sample.residual_squares[rows] > 0.0]
    if len(settled) < MIN_ROWS:
        return FittedWeights(sample.shipped, 0.0, len(settled))
    prior_std = _choose_prior_std(sample, settled, fold_count)
    departure = _quadratic_likelihood(sample, settled).maximum(prior_std)
    weights: Floats = np.clip(sample.shipped + departure, -MAX_WEIGHT, MAX_WEIGHT)
    return FittedWeights(
        np.round(weights, DIGITS) if prior_std else sample.shipped, prior_std, len(settled)
    )


def design_effect(sample: FitSample, rows: Rows) -> float:
    """Return how many votes carry the information of one independent vote.

    Neighbouring rows share all but one bar of their outcomes: the factor over time is the horizon.
    Within a row it is the variance of the sum over the sum of variances, 1 + (n - 1) times the mean
    correlation (Kish 1965, Survey Sampling, section 5.4), at least 1.
    """
    clustering = float((sample.residual_sum[rows] ** 2).sum() / sample.residual_squares[rows].sum())
    return sample.horizon * max(clustering, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class _QuadraticLikelihood:
    """The log-likelihood of some rows around the shipped weights: its `gradient` (K,), its negative
    `curvature` (K, K), the number of `rows` and their `design_effect`.

    Weights change votes by a few hundredths of log-odds, over which the likelihood is a parabola:
    one step of Newton's method reaches its maximum (a test verifies this).
    """

    gradient: Floats
    curvature: Floats
    rows: int
    design_effect: float

    def maximum(self, prior_std: float) -> Floats:
        """Return the (K,) departure from the shipped weights at which the penalised likelihood is
        highest."""
        if prior_std == 0.0:
            return np.zeros(len(self.gradient))
        penalised = self.curvature / self.design_effect + np.eye(len(self.gradient)) / (
            prior_std * prior_std
        )
        return np.asarray(
            np.linalg.solve(penalised, self.gradient / self.design_effect), np.float64
        )

    def gain(self, departure: Floats) -> float:
        """Return the log-likelihood per row gained by a departure."""
        gain = self.gradient @ departure - 0.5 * departure @ self.curvature @ departure
        return float(gain / self.rows)


def _quadratic_likelihood(sample: FitSample, rows: Rows) -> _QuadraticLikelihood:
    return _QuadraticLikelihood(
        gradient=sample.gradient[rows].sum(axis=0),
        curvature=sample.curvature[rows].sum(axis=0),
        rows=len(rows),
        design_effect=design_effect(sample, rows),
    )


def _choose_prior_std(sample: FitSample, rows: Rows, fold_count: int) -> float:
    """Return the smallest of `PRIOR_STDS` whose gain on folds is within one standard error of the
    best (Breiman, Friedman, Olshen and Stone 1984, section 3.4.3)."""
    first, last = int(rows[0]), int(rows[-1])
    gains = []
    for fold in purged_folds(
        sample.outcome_ends[first : last + 1] - first, fold_count, embargo_rows(sample.horizon)
    ):
        train = np.intersect1d(fold.train + first, rows, assume_unique=True)
        test = np.intersect1d(fold.test + first, rows, assume_unique=True)
        if len(train) and len(test):
            trained, tested = (
                _quadratic_likelihood(sample, train),
                _quadratic_likelihood(sample, test),
            )
            gains.append([tested.gain(trained.maximum(prior_std)) for prior_std in PRIOR_STDS])
    if len(gains) < 2:
        return 0.0
    mean = np.mean(gains, axis=0)
    best = int(np.argmax(mean))
    error = np.std(gains, axis=0, ddof=1)[best] / np.sqrt(len(gains))
    return PRIOR_STDS[int(np.argmax(mean >= mean[best] - error))]


def _evidence(votes: Votes, names: tuple[str, ...]) -> list[Floats]:
    """Return (R, N) log-odds for each weight: those of its evidence, or all evidence where there is
    only one weight."""
    by_name: Mapping[str, Floats] = {term.name: term.log_odds for term in votes.evidence}
    if len(names) == 1:
        return [np.nan_to_num(votes.log_odds - votes.evidence[0].log_odds)]
    nothing = np.zeros(votes.log_odds.shape)
    return [np.nan_to_num(by_name.get(name, nothing)) for name in names]


def _is_prompt(settled: ForwardReturns, begin: int, horizon: int) -> Bools:
    rows = begin + np.arange(len(settled.exit_row))[:, np.newaxis]
    complete = settled.exit_row != NOT_COMPLETE
    prompt: Bools = complete & (settled.exit_row - rows <= 2 * (horizon + 1))
    return prompt


def _outcome_ends(settled: ForwardReturns, known: Bools, begin: int, horizon: int) -> Rows:
    """Return the row at which the outcomes learnt from end; a row without any ends at the normal
    row."""
    expected = np.arange(len(known)) + horizon + 1
    latest = np.where(known, settled.exit_row - begin, 0).max(axis=1, initial=0)
    return np.maximum.accumulate(np.maximum(expected, latest)).astype(np.intp)
