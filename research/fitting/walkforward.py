"""Fitted weights where it counts: on bars later than those they were fitted on.

A walk refits on a rolling window and votes on the step after it; the steps joined are votes like
any others, and nothing in them was known too late. Combinatorial purged cross-validation (Lopez de
Prado 2018, chapter 12) joins tests of every choice of stretches to many histories, so that skill
has a distribution and not only a value; it learns from the future too, so it says what could be
learnt, not what could have been earned.

What an agent sees does not depend on its weights, so it is computed once and shared by all windows.
Leaves out what the votes earn (`research.backtest.backtester`) and how they are printed
(`cli.weight_fitting`).
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from agents.evidence import Tunable
from domain.panel import Floats, Panel
from domain.votes import Agent, Items, Votes
from orchestrator.team.base import Ballot, ballot
from quant.resampling import Estimate, mean_estimate, ratio_estimate
from quant.scoring import forecast_scores
from research.fitting.fit import Learnt, Lesson, embargo, learn, lesson
from research.fitting.splits import combinatorial, group_of, paths, walk_forward

SEED = 20_240_101
GROUPS, TESTED = 10, 2
"""Stretches of the cross-validation, and how many are tested at once: 45 fits, 9 histories."""


@dataclass(frozen=True, slots=True)
class Skills:
    """How votes did, each a 90% interval.

    `brier_skill`: share of the base rate's Brier score saved. `rank_ic`: mean over bars of the rank
    correlation between evidence and change across symbols. `relative_hits`: share of calls above or
    below the row's median that came true, of which chance gives a half.
    """

    brier_skill: Estimate
    rank_ic: Estimate
    relative_hits: Estimate


@dataclass(frozen=True, slots=True)
class Step:
    """One refit of a walk: the test's rows of the lesson and what was learnt before them."""

    test: slice
    learnt: Learnt


@dataclass(frozen=True, slots=True)
class Crossed:
    """One agent under combinatorial cross-validation: the median over its histories, with the 5%
    and 95% quantiles for an interval and their number for n; `shipped` on the same rows."""

    brier_skill: Estimate
    rank_ic: Estimate
    shipped: Skills


def walk_forward_ballots(
    panel: Panel,
    since: int,
    window: int,
    step: int,
    agents: Sequence[str],
    build: Callable[[str], Agent],
) -> tuple[Ballot, ...]:
    """Votes on rows `since` to T - 1, in the order of `agents`, those of every `step` rows with the
    weights fitted on the `window` rows before them.

    An agent without weights votes as it is, and so does every agent on rows that too few settled
    rows lie before. Raises InputError where no row lies before `since`.
    """
    begin = max(since - window, 0)
    ballots = []
    for name in agents:
        started = time.perf_counter()
        agent = build(name)
        if isinstance(agent, Tunable):
            seen = agent.see(panel, begin)
            taught = lesson(panel, begin, agent, seen)
            schedule = schedule_of(taught, walk(taught, since - begin, window, step))
            votes = agent.weigh(panel, begin, seen, dict(zip(taught.names, schedule, strict=True)))
            votes = replace(_later(votes, since - begin), version=_version(agent, schedule))
        else:
            votes = agent.vote(panel, since)
        ballots.append(ballot(name, votes, panel, since, time.perf_counter() - started))
    return tuple(ballots)


def walk(taught: Lesson, first: int, window: int, step: int) -> tuple[Step, ...]:
    """Refits from row `first` of the lesson to its last."""
    splits = walk_forward(taught.ends, first, window, step, embargo(taught.horizon))
    return tuple(
        Step(slice(int(s.test[0]), int(s.test[-1]) + 1), learn(taught, s.train)) for s in splits
    )


def schedule_of(taught: Lesson, steps: Sequence[Step]) -> Floats:
    """(K, R, 1) weights by row of the lesson; those that ship before the first step."""
    weights = np.tile(taught.shipped, (len(taught.base), 1))
    for step in steps:
        weights[step.test] = step.learnt.weights
    return np.ascontiguousarray(weights.T)[:, :, np.newaxis]


def walked(taught: Lesson, steps: Sequence[Step]) -> Floats:
    """(R, N) log-odds out of sample, NaN before the first step."""
    log_odds = taught.log_odds(schedule_of(taught, steps)[:, :, 0].T)
    log_odds[: steps[0].test.start] = np.nan
    return log_odds


def skills(taught: Lesson, log_odds: Floats) -> Skills:
    """Of votes (R, N) on the lesson's rows, NaN where they are not asked about."""
    up, base = _outcome(taught, log_odds)
    saved = forecast_scores.brier(base, up) - forecast_scores.brier(log_odds, up)
    ranked, hits = _relative(taught, log_odds)
    block = _block(taught)
    told = int(np.isfinite(saved).sum())
    return Skills(
        brier_skill=replace(_share(saved, forecast_scores.brier(base, up), block), n=told),
        rank_ic=mean_estimate(ranked, block, seed=SEED),
        relative_hits=_share(hits, hits * 0.0 + 1.0, block),
    )


def ahead(taught: Lesson, one: Floats, other: Floats) -> Estimate:
    """Brier skill of votes `one` less that of `other` (R, N), on the cells in which both spoke."""
    up, base = _outcome(taught, one + 0.0 * other)
    saved = forecast_scores.brier(other, up) - forecast_scores.brier(one, up)
    return _share(saved, forecast_scores.brier(base, up), _block(taught))


def cross_validate(taught: Lesson, groups: int = GROUPS, tested: int = TESTED) -> Crossed:
    """The agent's skill on every history that tests of `tested` of `groups` stretches make up."""
    splits = combinatorial(taught.ends, groups, tested, embargo(taught.horizon))
    fitted = [learn(taught, split.train).weights for split in splits]
    group = group_of(len(taught.ends), groups)
    briers, ranks = [], []
    for path in paths(groups, tested):
        log_odds = taught.log_odds(np.stack([fitted[number] for number in path])[group])
        up, base = _outcome(taught, log_odds)
        ranked = _relative(taught, log_odds)[0]
        saved = forecast_scores.brier(base, up) - forecast_scores.brier(log_odds, up)
        briers.append(_ratio(saved, forecast_scores.brier(base, up)))
        ranks.append(_ratio(ranked, ranked * 0.0 + 1.0))
    return Crossed(
        _quantiles(briers), _quantiles(ranks), skills(taught, taught.log_odds(taught.shipped))
    )


def _outcome(taught: Lesson, log_odds: Floats) -> tuple[Floats, Floats]:
    """1 where the symbol rose, else 0, and the base rate's log-odds; NaN where there was no vote
    or nothing came of it."""
    known = ~np.isnan(taught.change) & ~np.isnan(log_odds)
    return (
        np.where(known, taught.change > 0.0, np.nan),
        np.where(known, taught.base, np.nan),
    )


def _relative(taught: Lesson, log_odds: Floats) -> tuple[Floats, Floats]:
    """Rank correlation of each row (R,), and hits (R, N) of calls against the row's median."""
    kept = ~np.isnan(taught.change) & ~np.isnan(log_odds)
    evidence = np.where(kept, log_odds - taught.base, np.nan)
    change = np.where(kept, taught.change, np.nan)
    ranked = forecast_scores.rank_correlation(
        forecast_scores.ordered(evidence),
        forecast_scores.ordered(change),
        kept,
        forecast_scores.FEWEST_SYMBOLS,
    )
    beaten = forecast_scores.ahead(_from_median(change))
    return ranked, forecast_scores.hits(_from_median(evidence), beaten)


def _from_median(values: Floats) -> Floats:
    """Values (R, N) less the median of their row, NaN where fewer than `FEWEST_SYMBOLS` spoke."""
    told = (~np.isnan(values)).sum(axis=1) >= forecast_scores.FEWEST_SYMBOLS
    answers = np.full(values.shape, np.nan)
    answers[told] = values[told] - np.nanmedian(values[told], axis=1, keepdims=True)
    return answers


def _share(above: Floats, below: Floats, block: float) -> Estimate:
    """Sum of `above` over sum of `below` (R, N), whole rows drawn together."""
    spoken = np.isfinite(above).any(axis=1)
    over, under = (np.nansum(cells, axis=1)[spoken] for cells in (above, below))
    estimate = ratio_estimate(over, under, block, seed=SEED)
    return replace(estimate, n=int(np.isfinite(above).sum()))


def _block(taught: Lesson) -> float:
    """Mean block of the bootstrap, in rows: outcomes overlap over a horizon, moods last longer."""
    return 4.0 * taught.horizon


def _ratio(above: Floats, below: Floats) -> float:
    """Sum over sum of what is known; NaN where nothing is."""
    whole = np.nansum(below)
    return float(np.nansum(above) / whole) if whole else np.nan


def _quantiles(values: Sequence[float]) -> Estimate:
    low, middle, high = np.quantile(values, (0.05, 0.5, 0.95))
    return Estimate(float(middle), float(low), float(high), len(values))


def _version(agent: Agent, schedule: Floats) -> str:
    return f"walk-forward {agent.version}+{hashlib.sha256(schedule.tobytes()).hexdigest()[:8]}"


def _later(votes: Votes, first: int) -> Votes:
    """The votes from row `first` on."""
    return replace(
        votes,
        known_at=votes.known_at[first:],
        log_odds=votes.log_odds[first:],
        cap=votes.cap[first:],
        terms=tuple(
            replace(t, value=t.value[first:], log_odds=t.log_odds[first:]) for t in votes.terms
        ),
        silence=votes.silence[first:],
        items=None if votes.items is None else _later_items(votes.items, first),
        quantile_5=None if votes.quantile_5 is None else votes.quantile_5[first:],
    )


def _later_items(items: Items, first: int) -> Items:
    begin = int(np.searchsorted(items.row, first))
    return replace(
        items,
        row=(items.row[begin:] - first).astype(np.int32),
        col=items.col[begin:],
        name=items.name[begin:],
        value=items.value[begin:],
        log_odds=items.log_odds[begin:],
    )
