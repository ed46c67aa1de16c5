"""Fitted weights tested on later bars than those they were fitted on.

A walk refits on a rolling window and votes on the step after it; the joined steps are votes like
any others, and nothing in them was known too late. Combinatorial purged cross-validation (Lopez de
Prado 2018, chapter 12) joins the tests of every choice of blocks into many histories, so that skill
has a distribution and not only a value; it also trains on the future, so it shows what could be
learnt, not what could have been earned.

What an agent observes does not depend on its weights, so it is computed once and shared by all
windows. Leaves out what the votes earn (`research.backtest.backtester`) and how they are printed
(`cli.research.weight_fitting`).
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from agents.evidence import TunableAgent
from domain.panel import Floats, Panel
from domain.votes import Agent, ItemEvidence, Votes
from orchestrator.team.base import AgentVoteResult, validate_votes
from quant.resampling import IntervalEstimate, mean_estimate, ratio_estimate
from quant.scoring import forecast_scores
from research.fitting.fit import FitSample, FittedWeights, build_sample, embargo_rows, fit_weights
from research.fitting.splits import (
    backtest_paths,
    combinatorial_splits,
    group_of,
    walk_forward_splits,
)

SEED = 20_240_101
FOLD_GROUPS, TEST_GROUPS = 10, 2
"""Blocks of the cross-validation, and how many are tested at once: 45 fits, 9 histories."""


@dataclass(frozen=True, slots=True)
class SkillEstimates:
    """The skill of votes, each a 90% interval.

    `brier_skill`: share of the base rate's Brier score saved. `rank_ic`: mean over bars of the rank
    correlation between evidence and change across symbols. `relative_hits`: share of calls above or
    below the row's median that came true, of which chance gives a half.
    """

    brier_skill: IntervalEstimate
    rank_ic: IntervalEstimate
    relative_hits: IntervalEstimate


@dataclass(frozen=True, slots=True)
class RefitStep:
    """One refit of a walk: the test rows of the sample and the weights fitted before them."""

    test: slice
    fitted: FittedWeights


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """One agent under combinatorial cross-validation: the median over its histories, with the 5%
    and 95% quantiles as interval and their number as n; `shipped` on the same rows."""

    brier_skill: IntervalEstimate
    rank_ic: IntervalEstimate
    shipped: SkillEstimates


def walk_forward_votes(
    panel: Panel,
    since: int,
    window: int,
    step: int,
    agents: Sequence[str],
    build: Callable[[str], Agent],
) -> tuple[AgentVoteResult, ...]:
    """Return votes on rows `since` to T - 1, in the order of `agents`, every `step` rows with
    weights refitted on the `window` rows before them.

    An agent without weights votes unchanged, and so does every agent on rows with too few settled
    rows before them. Raises InputError where no row lies before `since`.
    """
    begin = max(since - window, 0)
    results = []
    for name in agents:
        started = time.perf_counter()
        agent = build(name)
        if isinstance(agent, TunableAgent):
            evidence_inputs = agent.observe(panel, begin)
            sample = build_sample(panel, begin, agent, evidence_inputs)
            schedule = weight_schedule(sample, refit_walk(sample, since - begin, window, step))
            votes = agent.vote_with_weights(
                panel, begin, evidence_inputs, dict(zip(sample.names, schedule, strict=True))
            )
            votes = replace(_votes_from(votes, since - begin), version=_version(agent, schedule))
        else:
            votes = agent.vote(panel, since)
        results.append(validate_votes(name, votes, panel, since, time.perf_counter() - started))
    return tuple(results)


def refit_walk(sample: FitSample, first: int, window: int, step: int) -> tuple[RefitStep, ...]:
    """Refit from row `first` of the sample to its last."""
    splits = walk_forward_splits(
        sample.outcome_ends, first, window, step, embargo_rows(sample.horizon)
    )
    return tuple(
        RefitStep(slice(int(s.test[0]), int(s.test[-1]) + 1), fit_weights(sample, s.train))
        for s in splits
    )


def weight_schedule(sample: FitSample, steps: Sequence[RefitStep]) -> Floats:
    """Return (K, R, 1) weights by row of the sample; the shipped ones before the first step."""
    weights = np.tile(sample.shipped, (len(sample.base_log_odds), 1))
    for step in steps:
        weights[step.test] = step.fitted.weights
    return np.ascontiguousarray(weights.T)[:, :, np.newaxis]


def out_of_sample_log_odds(sample: FitSample, steps: Sequence[RefitStep]) -> Floats:
    """Return (R, N) log-odds out of sample, NaN before the first step."""
    log_odds = sample.log_odds(weight_schedule(sample, steps)[:, :, 0].T)
    log_odds[: steps[0].test.start] = np.nan
    return log_odds


def estimate_skill(sample: FitSample, log_odds: Floats) -> SkillEstimates:
    """Estimate the skill of votes (R, N) on the sample's rows, NaN where there is no vote."""
    up, base = _outcome(sample, log_odds)
    saved = forecast_scores.brier(base, up) - forecast_scores.brier(log_odds, up)
    ranked, hits = _relative_scores(sample, log_odds)
    block = _block_rows(sample)
    scored = int(np.isfinite(saved).sum())
    return SkillEstimates(
        brier_skill=replace(
            _ratio_estimate(saved, forecast_scores.brier(base, up), block), n=scored
        ),
        rank_ic=mean_estimate(ranked, block, seed=SEED),
        relative_hits=_ratio_estimate(hits, hits * 0.0 + 1.0, block),
    )


def skill_difference(sample: FitSample, one: Floats, other: Floats) -> IntervalEstimate:
    """Return the Brier skill of votes `one` less that of `other` (R, N), on the cells in which both
    voted."""
    up, base = _outcome(sample, one + 0.0 * other)
    saved = forecast_scores.brier(other, up) - forecast_scores.brier(one, up)
    return _ratio_estimate(saved, forecast_scores.brier(base, up), _block_rows(sample))


def cross_validate(
    sample: FitSample, groups: int = FOLD_GROUPS, test_groups: int = TEST_GROUPS
) -> CrossValidation:
    """Return the agent's skill on every history joined from tests of `test_groups` of `groups`
    blocks."""
    splits = combinatorial_splits(
        sample.outcome_ends, groups, test_groups, embargo_rows(sample.horizon)
    )
    fitted = [fit_weights(sample, split.train).weights for split in splits]
    group = group_of(len(sample.outcome_ends), groups)
    briers, ranks = [], []
    for path in backtest_paths(groups, test_groups):
        log_odds = sample.log_odds(np.stack([fitted[number] for number in path])[group])
        up, base = _outcome(sample, log_odds)
        ranked = _relative_scores(sample, log_odds)[0]
        saved = forecast_scores.brier(base, up) - forecast_scores.brier(log_odds, up)
        briers.append(_ratio(saved, forecast_scores.brier(base, up)))
        ranks.append(_ratio(ranked, ranked * 0.0 + 1.0))
    return CrossValidation(
        _quantiles(briers),
        _quantiles(ranks),
        estimate_skill(sample, sample.log_odds(sample.shipped)),
    )


def _outcome(sample: FitSample, log_odds: Floats) -> tuple[Floats, Floats]:
    """Return 1 where the symbol rose, else 0, and the base rate's log-odds; NaN where there was no
    vote or no outcome."""
    known = ~np.isnan(sample.change) & ~np.isnan(log_odds)
    return (
        np.where(known, sample.change > 0.0, np.nan),
        np.where(known, sample.base_log_odds, np.nan),
    )


def _relative_scores(sample: FitSample, log_odds: Floats) -> tuple[Floats, Floats]:
    """Return the rank correlation of each row (R,), and hits (R, N) of calls against the row's
    median."""
    known = ~np.isnan(sample.change) & ~np.isnan(log_odds)
    evidence = np.where(known, log_odds - sample.base_log_odds, np.nan)
    change = np.where(known, sample.change, np.nan)
    ranked = forecast_scores.rank_correlation(
        forecast_scores.sort_rows(evidence),
        forecast_scores.sort_rows(change),
        known,
        forecast_scores.MIN_SYMBOLS,
    )
    above = forecast_scores.above_median(_minus_median(change))
    return ranked, forecast_scores.hits(_minus_median(evidence), above)


def _minus_median(values: Floats) -> Floats:
    """Return values (R, N) less the median of their row, NaN where fewer than `MIN_SYMBOLS` have
    one."""
    enough = (~np.isnan(values)).sum(axis=1) >= forecast_scores.MIN_SYMBOLS
    centred = np.full(values.shape, np.nan)
    centred[enough] = values[enough] - np.nanmedian(values[enough], axis=1, keepdims=True)
    return centred


def _ratio_estimate(above: Floats, below: Floats, block: float) -> IntervalEstimate:
    """Return the sum of `above` over the sum of `below` (R, N), whole rows resampled together."""
    known = np.isfinite(above).any(axis=1)
    over, under = (np.nansum(cells, axis=1)[known] for cells in (above, below))
    estimate = ratio_estimate(over, under, block, seed=SEED)
    return replace(estimate, n=int(np.isfinite(above).sum()))


def _block_rows(sample: FitSample) -> float:
    """Return the mean block of the bootstrap, in rows: outcomes overlap over a horizon, regimes
    last longer."""
    return 4.0 * sample.horizon


def _ratio(above: Floats, below: Floats) -> float:
    """Return the ratio of the sums of known values; NaN where none is known."""
    total = np.nansum(below)
    return float(np.nansum(above) / total) if total else np.nan


def _quantiles(values: Sequence[float]) -> IntervalEstimate:
    low, middle, high = np.quantile(values, (0.05, 0.5, 0.95))
    return IntervalEstimate(float(middle), float(low), float(high), len(values))


def _version(agent: Agent, schedule: Floats) -> str:
    return f"walk-forward {agent.version}+{hashlib.sha256(schedule.tobytes()).hexdigest()[:8]}"


def _votes_from(votes: Votes, first: int) -> Votes:
    """Return the votes from row `first` on."""
    return replace(
        votes,
        known_at=votes.known_at[first:],
        log_odds=votes.log_odds[first:],
        cap=votes.cap[first:],
        evidence=tuple(
            replace(t, value=t.value[first:], log_odds=t.log_odds[first:]) for t in votes.evidence
        ),
        abstention_codes=votes.abstention_codes[first:],
        item_evidence=None
        if votes.item_evidence is None
        else _items_from(votes.item_evidence, first),
        quantile_5=None if votes.quantile_5 is None else votes.quantile_5[first:],
    )


def _items_from(items: ItemEvidence, first: int) -> ItemEvidence:
    begin = int(np.searchsorted(items.row, first))
    return replace(
        items,
        row=(items.row[begin:] - first).astype(np.int32),
        col=items.col[begin:],
        name=items.name[begin:],
        value=items.value[begin:],
        log_odds=items.log_odds[begin:],
    )
