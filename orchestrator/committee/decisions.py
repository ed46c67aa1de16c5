"""Decisions from one row of the committee's arrays: votes, limits and an explanation for each
symbol.

Pure. Every number comes from `pooling.py` and `targets.py`; this module only makes them readable.
`what_if` recomputes a decision without an agent, or with equal weights.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from domain.decision import Action, AppliedLimit, Decision, QualityVerdict, Vote
from domain.panel import Floats, Panel
from domain.timeframe import Timeframe
from domain.votes import sigmoid
from orchestrator.committee.explanations import explain_decision, explain_limit
from orchestrator.committee.learned_weights import Influence
from orchestrator.committee.pooling import (
    ACTIONS,
    CommitteeSettings,
    PooledVotes,
    action_codes,
    collect_votes,
    pool_votes,
    scale_evidence,
)
from orchestrator.committee.targets import (
    RowDecision,
    decide_row,
    target_inputs,
    with_other_symbols,
)
from orchestrator.team.base import AgentVoteResult
from quant.pooling import pool
from trading.sizing.position_sizing import LimitClamp


@dataclass(frozen=True, slots=True, eq=False)
class _DecisionContext:
    """The inputs of the decisions on one bar."""

    panel: Panel
    vote_results: Sequence[AgentVoteResult]
    influence: Influence
    verdicts: Sequence[QualityVerdict]
    pooled: PooledVotes
    row: RowDecision
    settings: CommitteeSettings
    digest: str


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """What a decision would have been. `p_up` is None below the quorum and for a blocked symbol.
    `edge` and `action` are None if the cost cannot be recovered from the record."""

    p_up: float | None
    edge: float | None
    action: Action | None


def decide(
    panel: Panel,
    verdicts: Sequence[QualityVerdict],
    vote_results: Sequence[AgentVoteResult],
    *,
    previous: Mapping[str, float],
    influence: Influence,
    settings: CommitteeSettings,
    digest: str,
) -> tuple[Decision, ...]:
    """Decide on the panel's last bar, one decision a symbol in the panel's order.

    `vote_results` are on the last bar alone; `influence` (one row) has the weights and trust of
    their agents. `previous` maps symbols to their last targets; those outside the panel count
    against the gross limit. `digest` names the cycle in the receipts.
    """
    pooled = pool_votes(
        collect_votes(panel, vote_results, len(panel.known_at) - 1), influence, settings
    )
    by_symbol = {verdict.symbol: verdict for verdict in verdicts}
    gate_verdicts = [by_symbol.get(symbol, QualityVerdict(symbol)) for symbol in panel.symbols]
    blocked = np.array([[verdict.blocked for verdict in gate_verdicts]])
    elsewhere = [symbol for symbol in previous if symbol not in panel.symbols]
    current = [previous.get(symbol, 0.0) for symbol in (*panel.symbols, *elsewhere)]
    inputs = with_other_symbols(target_inputs(pooled, blocked), elsewhere)
    row = decide_row(inputs, 0, np.array(current), settings)
    context = _DecisionContext(
        panel, vote_results, influence, gate_verdicts, pooled, row, settings, digest
    )
    ranks = _ranks(np.where(row.eligible, inputs.edge[0], np.nan))
    return tuple(_decision(context, column, ranks[column]) for column in range(len(panel.symbols)))


def what_if(
    decision: Decision,
    settings: CommitteeSettings,
    *,
    without: str | None = None,
    equal_weights: bool = False,
) -> Counterfactual:
    """Recompute a decision from its recorded votes, `without` an agent or with equal weights.

    `settings` are those it was made under, and evidence keeps its recorded trust. The cost is the
    recorded p_up less base rate, less the recorded edge. Where that edge is zero, the cost is only
    known to be at least as large as that difference; this still shows that a difference no larger
    has no edge, and that one hardly larger is a hold.
    """
    votes = [vote for vote in decision.votes if vote.agent != without]
    cast_votes = [vote for vote in votes if vote.log_odds is not None]
    weights = [1.0 if equal_weights else vote.weight for vote in cast_votes]
    voters = sum(weight > 0.0 for weight in weights)
    if decision.verdict.blocked or voters < settings.quorum:
        return Counterfactual(None, None, Action.HOLD)
    rate = np.nan if decision.base_rate is None else decision.base_rate
    pooled = _repool(cast_votes, weights, rate)
    if np.isnan(pooled):
        return Counterfactual(None, None, None)
    p_up = float(sigmoid(np.array([pooled]))[0])
    return Counterfactual(p_up, *_recompute_action(decision, p_up - rate, settings))


def receipt_id(symbol: str, at: datetime, timeframe: Timeframe, digest: str) -> str:
    """Return the receipt's id, such as `AAPL-20200302-0123456789ab`: symbol, close of the bar
    (UTC), start of the cycle's digest."""
    stamp = at.strftime("%Y%m%dT%H%M" if timeframe.intraday else "%Y%m%d")
    return f"{symbol}-{stamp}-{digest[:12]}"


def _repool(votes: Sequence[Vote], weights: Sequence[float], rate: float) -> float:
    """Return pooled log-odds as `pool_votes` adds them up; NaN where a base rate is needed and
    missing."""
    log_odds = np.array([[[vote.log_odds]] for vote in votes], np.float64)
    trust = np.array([[vote.trust for vote in votes]])
    trusted = scale_evidence(log_odds, trust, np.array([[rate]]))
    return float(pool(trusted, np.array(weights)).log_odds[0, 0])


def _recompute_action(
    decision: Decision, gain: float, settings: CommitteeSettings
) -> tuple[float | None, Action | None]:
    """Return edge and action for `gain`, p_up less the base rate, at the recorded decision's
    cost."""
    if decision.p_up is None or decision.base_rate is None or decision.edge is None:
        return None, None
    cost = abs(decision.p_up - decision.base_rate) - abs(decision.edge)
    edge = math.copysign(max(abs(gain) - cost, 0.0), gain)
    action = ACTIONS[action_codes(np.array([edge]), settings)[0] + 2]
    if decision.edge != 0.0 or edge == 0.0:
        return edge, action
    return None, action if action is Action.HOLD else None


def _decision(context: _DecisionContext, column: int, rank: int | None) -> Decision:
    panel, pooled, row = context.panel, context.pooled, context.row
    symbol = panel.symbols[column]
    eligible = bool(row.eligible[column])
    action = ACTIONS[row.action[column] + 2]
    votes = tuple(_vote(context, index, column) for index in range(len(context.vote_results)))
    p_up = _none_if_nan(pooled.p_up[0, column]) if eligible else None
    base_rate = _none_if_nan(pooled.votes.base_rate[0, column])
    edge = _none_if_nan(pooled.edge[0, column]) if eligible else None
    return Decision(
        symbol=symbol,
        action=action,
        p_up=p_up,
        base_rate=base_rate,
        edge=edge,
        rank=rank,
        target_weight=float(row.target[column]),
        price=_none_if_nan(panel.close[-1, column]),
        limits=_limits(context, column),
        verdict=context.verdicts[column],
        why=explain_decision(
            action,
            p_up,
            base_rate,
            edge,
            context.verdicts[column],
            votes,
            context.settings,
            panel.horizon,
            symbol,
        ),
        votes=votes,
        receipt=receipt_id(symbol, panel.as_of, panel.timeframe, context.digest),
    )


def _vote(context: _DecisionContext, index: int, column: int) -> Vote:
    result, symbol = context.vote_results[index], context.panel.symbols[column]
    votes, trust = result.votes, float(context.influence.trust[-1, index])
    if votes is None:
        return Vote(result.agent, "", symbol, None, None, 0.0, 1.0, result.failure, (), trust=trust)
    return Vote(
        agent=result.agent,
        version=votes.version,
        symbol=symbol,
        p_up=_none_if_nan(votes.p_up[-1, column]),
        log_odds=_none_if_nan(votes.log_odds[-1, column]),
        weight=float(context.pooled.pool.shares[index, 0, column]),
        cap=float(votes.cap[-1, column]),
        abstained_because=votes.abstention_reason(-1, column),
        reasons=votes.reasons(len(votes.known_at) - 1, column),
        quantile_5=None if votes.quantile_5 is None else _none_if_nan(votes.quantile_5[-1, column]),
        trust=trust,
    )


def _limits(context: _DecisionContext, column: int) -> tuple[AppliedLimit, ...]:
    caps = {
        result.agent: float(result.votes.cap[-1, column])
        for result in context.vote_results
        if result.votes is not None
    }
    return tuple(
        AppliedLimit(
            clamp.name,
            float(clamp.before[column]),
            float(clamp.after[column]),
            explain_limit(
                clamp.name, caps, context.settings, context.panel.symbols[column],
                _correlated_symbols(context, clamp, column),
            ),
        )
        for clamp in context.row.clamps
        if clamp.reduced[column]
    )  # fmt: skip


def _correlated_symbols(context: _DecisionContext, clamp: LimitClamp, column: int) -> list[str]:
    """Return the other symbols with a target that are correlated with this one."""
    correlated = context.pooled.votes.correlation_groups.correlated[0, column]
    return [
        symbol
        for n, symbol in enumerate(context.panel.symbols)
        if correlated[n] and clamp.before[n] > 0.0
    ]


def _ranks(edge: Floats) -> list[int | None]:
    """Rank by edge: 1 for the highest, equal edges in the panel's order, None where there is no
    edge."""
    order = np.argsort(-edge, kind="stable")
    place = {int(column): rank for rank, column in enumerate(order, start=1)}
    return [None if np.isnan(edge[column]) else place[column] for column in range(len(edge))]


def _none_if_nan(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
