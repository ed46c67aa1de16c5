"""Comparisons of forecasters: regret, the marginal value of an agent, best and worst votes.

Pure. The measure is the log score gained over the base rate, in nats: it adds up over votes, and an
abstention is scored as the base rate and gains nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from domain.instants import Times
from domain.panel import Floats
from domain.votes import sigmoid
from orchestrator.evaluation.scorecards import ScoreInputs
from orchestrator.evaluation.scores import (
    BASE_RATE,
    COMMITTEE,
    MarginalValue,
    Regret,
    RegretComparator,
    ScoredVote,
    to_estimate,
)
from quant.bootstrap_ratios import BootstrapDraws
from quant.scoring import forecast_scores

MAX_CURVE_POINTS = 500
"""Most instants of a regret curve; a curve is a running sum, so skipping instants loses nothing."""
MAX_VOTES = 5


def gains(log_odds: Floats, inputs: ScoreInputs) -> Floats:
    """Return the log score above the base rate's (R, N), in nats: 0 where the forecaster abstained,
    NaN where nothing is settled."""
    gained = inputs.base_loss - forecast_scores.log_loss(log_odds, inputs.up)
    return np.where(inputs.settled & np.isnan(log_odds), 0.0, gained)


def regret(
    gains_of: Mapping[str, Floats],
    agents: Sequence[str],
    known_at: Times,
    bootstrap: BootstrapDraws,
) -> Regret:
    """Compare the committee with its rivals. `gains_of` maps forecasters, the committee among them,
    to their `gains`."""
    rows = {name: np.nansum(each, axis=1) for name, each in gains_of.items()}
    rows[BASE_RATE] = np.zeros(len(known_at))
    settled = (~np.isnan(gains_of[COMMITTEE])).sum(axis=1).astype(np.float64)
    totals = np.stack(list(rows.values()))
    behind = rows[COMMITTEE] - totals
    twice = np.concatenate([totals, behind])
    values = bootstrap.ratios(twice, np.broadcast_to(settled, twice.shape))
    sampled = _sampled_rows(settled)
    n = int(settled.sum())
    comparators = tuple(
        RegretComparator(
            name=name,
            gained=tuple(np.cumsum(totals[k])[sampled].tolist()),
            gain=to_estimate(values[k], n),
            committee_ahead=to_estimate(values[len(rows) + k], n),
        )
        for k, name in enumerate(rows)
    )
    best = max(agents, key=lambda agent: float(rows[agent].sum())) if n and agents else None
    return Regret(tuple(to_utc_datetime(known_at[row]) for row in sampled), comparators, best)


def marginal_values(
    with_all: Floats, without: Mapping[str, Floats], bootstrap: BootstrapDraws
) -> tuple[MarginalValue, ...]:
    """Return what each agent adds: `with_all` (R, N) are the committee's gains where it stated a
    probability, `without` the gains of the committee without the agent."""
    stated = ~np.isnan(with_all)
    lost = [
        np.where(stated, with_all - remaining, 0.0).sum(axis=1) for remaining in without.values()
    ]
    if not lost:
        return ()
    numerators = np.stack(lost)
    votes = np.broadcast_to(stated.sum(axis=1).astype(np.float64), numerators.shape)
    values = bootstrap.ratios(numerators, votes)
    n = int(stated.sum())
    return tuple(
        MarginalValue(agent, to_estimate(value, n))
        for agent, value in zip(without, values, strict=True)
    )


def best_and_worst_votes(
    log_odds: Floats,
    vote_gains: Floats,
    inputs: ScoreInputs,
    symbols: Sequence[str],
    known_at: Times,
    receipts: Mapping[tuple[int, int], str],
) -> tuple[tuple[ScoredVote, ...], tuple[ScoredVote, ...]]:
    """Return the settled votes that gained most and those that lost most, most extreme first."""
    flat = np.where(np.isnan(log_odds), np.nan, vote_gains).reshape(-1)
    best = [place for place in _largest(flat) if flat[place] > 0.0]
    worst = [place for place in _largest(-flat) if flat[place] < 0.0]

    def scored_vote(place: int) -> ScoredVote:
        row, column = divmod(place, len(symbols))
        return ScoredVote(
            symbol=symbols[column],
            known_at=to_utc_datetime(known_at[row]),
            p_up=float(sigmoid(log_odds[row, column])),
            base_rate=float(inputs.base_rate[row, column]),
            change=float(inputs.change[row, column]),
            gain=float(flat[place]),
            receipt=receipts.get((row, column)),
        )

    return tuple(map(scored_vote, best)), tuple(map(scored_vote, worst))


def _largest(flat: Floats) -> list[int]:
    """Return the indices of the largest numbers in falling order, the earlier first among
    equals."""
    there = np.flatnonzero(~np.isnan(flat))
    if len(there) > MAX_VOTES:
        limit = np.partition(flat[there], -MAX_VOTES)[-MAX_VOTES]
        there = there[flat[there] >= limit]
    falling: list[int] = there[np.argsort(-flat[there], kind="stable")].tolist()
    return falling[:MAX_VOTES]


def to_utc_datetime(at: np.datetime64) -> datetime:
    instant: datetime = at.astype("datetime64[us]").item()
    return instant.replace(tzinfo=UTC)


def _sampled_rows(settled: Floats) -> list[int]:
    """Return at most `MAX_CURVE_POINTS` of the rows up to the last settled one, that one among
    them."""
    filled = np.flatnonzero(settled)
    if len(filled) == 0:
        return []
    last = int(filled[-1])
    return sorted({round(row) for row in np.linspace(0, last, min(last + 1, MAX_CURVE_POINTS))})
