"""A policy on a stretch of history, beside its members and the benchmarks.

Used at the end of a training run on the test period, and by `python -m envs.evaluate` on any bars.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.panel import Floats
from envs.policies.policy import Policy, Score
from envs.training.evaluation import SKILL, Judge
from envs.training.events import HeldOut
from quant.resampling import Estimate

POINTS = 500
"""Of an equity path, at most."""
POLICY = "policy"
"""What the ensemble is called among those that were scored."""

Bools = NDArray[np.bool_]
Scores = dict[str, dict[str, Score]]


@dataclass(frozen=True, slots=True)
class Judgement:
    """`scores` of the policy, its members and the benchmarks, in this order, and their paths."""

    scores: Scores
    held_out: HeldOut


def judged(policy: Policy, judge: Judge, horizon: int, seed: int) -> Judgement:
    """Everything there is to know about `policy` in `judge.rows`; `seed` is of the random
    benchmark."""
    observation = judge.history.observation[judge.rows.start : judge.rows.stop]
    seen = np.asarray(~np.isnan(observation).any(axis=-1))
    x = policy.standardise(observation[seen])
    shares = {POLICY: spread(policy.share(x), seen)}
    evidence = {POLICY: spread(policy.evidence(x), seen)}
    for member in policy.members:
        shares[member.name] = spread(member.share(x), seen)
        evidence[member.name] = spread(member.temper * member.leaning(x), seen)
    benchmarks = judge.benchmarks(seed)
    scores: Scores = {}
    for name, wanted in (shares | dict(benchmarks)).items():
        found = judge.scores(wanted)
        if name in evidence:
            found[SKILL] = judge.skill(evidence[name], horizon)
        scores[name] = known(found)
    kept = np.unique(np.linspace(0, len(judge.rows) - 1, POINTS).round().astype(np.intp))
    paths = {
        name: tuple(np.round(_equity(judge.returns(wanted))[kept], 6).tolist())
        for name, wanted in (shares | dict(benchmarks)).items()
    }
    dates = judge.dates
    return Judgement(
        scores,
        HeldOut(
            dates=tuple(dates[row] for row in kept),
            ensemble=paths[POLICY],
            members={member.name: paths[member.name] for member in policy.members},
            benchmarks={name: paths[name] for name in benchmarks},
        ),
    )


def spread(values: Floats, seen: Bools) -> Floats:
    """(R, N) with `values` (M,) where `seen` (R, N), NaN elsewhere."""
    out = np.full(seen.shape, np.nan)
    out[seen] = values
    return out


def known(estimates: dict[str, Estimate]) -> dict[str, Score]:
    """Those of which a figure and its interval are known."""
    return {
        name: Score(value=each.value, low=each.low, high=each.high)
        for name, each in estimates.items()
        if np.isfinite([each.value, each.low, each.high]).all()
    }


def _equity(returns: Floats) -> Floats:
    """(R,) from 1 on, of R - 1 returns."""
    return np.concatenate(([1.0], np.cumprod(1.0 + returns)))
