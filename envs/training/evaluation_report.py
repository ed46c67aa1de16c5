"""A policy on a stretch of history, compared with its members and the benchmarks.

A training run uses it at its end on the test period, and `python -m envs.evaluate` on any bars.
"""

from dataclasses import dataclass

import numpy as np

from domain.panel import Bools, Floats
from envs.policies.policy import Policy, Score
from envs.training.evaluation import SKILL, Evaluator
from envs.training.events import HeldOutPaths
from quant.resampling import IntervalEstimate

MAX_PATH_POINTS = 500
"""Most points of an equity path."""
ENSEMBLE = "policy"
"""Name of the ensemble among the scores."""

ScoresByName = dict[str, dict[str, Score]]


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """`scores` of the policy, its members and the benchmarks, in this order, and their equity
    paths."""

    scores: ScoresByName
    held_out: HeldOutPaths


def evaluate_policy(
    policy: Policy, evaluator: Evaluator, horizon: int, seed: int
) -> EvaluationReport:
    """Evaluate `policy` in `evaluator.rows`; `seed` is of the random benchmark."""
    observation = evaluator.history.observation[evaluator.rows.start : evaluator.rows.stop]
    observed = np.asarray(~np.isnan(observation).any(axis=-1))
    x = policy.standardise(observation[observed])
    shares = {ENSEMBLE: scatter(policy.share(x), observed)}
    evidence = {ENSEMBLE: scatter(policy.evidence(x), observed)}
    for member in policy.members:
        shares[member.name] = scatter(member.share(x), observed)
        evidence[member.name] = scatter(member.temper * member.signal(x), observed)
    benchmarks = evaluator.benchmarks(seed)
    scores: ScoresByName = {}
    for name, target_weights in (shares | dict(benchmarks)).items():
        estimates = evaluator.scores(target_weights)
        if name in evidence:
            estimates[SKILL] = evaluator.skill(evidence[name], horizon)
        scores[name] = known_scores(estimates)
    points = np.unique(
        np.linspace(0, len(evaluator.rows) - 1, MAX_PATH_POINTS).round().astype(np.intp)
    )
    paths = {
        name: tuple(np.round(_equity(evaluator.returns(target_weights))[points], 6).tolist())
        for name, target_weights in (shares | dict(benchmarks)).items()
    }
    dates = evaluator.dates
    return EvaluationReport(
        scores,
        HeldOutPaths(
            dates=tuple(dates[row] for row in points),
            ensemble=paths[ENSEMBLE],
            members={member.name: paths[member.name] for member in policy.members},
            benchmarks={name: paths[name] for name in benchmarks},
        ),
    )


def scatter(values: Floats, observed: Bools) -> Floats:
    """Return (R, N) with `values` (M,), one for each of the M cells that are `observed` (R, N), and
    NaN elsewhere."""
    out = np.full(observed.shape, np.nan)
    out[observed] = values
    return out


def known_scores(estimates: dict[str, IntervalEstimate]) -> dict[str, Score]:
    """Return the scores of which the value and its interval are known."""
    return {
        name: Score(value=each.value, low=each.low, high=each.high)
        for name, each in estimates.items()
        if np.isfinite([each.value, each.low, each.high]).all()
    }


def _equity(returns: Floats) -> Floats:
    """Return the (R,) equity, 1 at the beginning, of R - 1 returns."""
    return np.concatenate(([1.0], np.cumprod(1.0 + returns)))
