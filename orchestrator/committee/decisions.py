"""One row of the committee's arrays put into words: votes, limits, a why, a decision a symbol.

Pure. Every number comes from `committee.py`; here they only become readable. `what_if` reads the
words back: the same decision without an agent, or with equal weights.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from domain.decision import Action, Decision, Limit, Verdict, Vote
from domain.panel import Floats, Panel
from domain.timeframe import Timeframe
from domain.votes import sigmoid
from orchestrator.committee.explanations import why, why_limited
from orchestrator.committee.learned_weights import Influence
from orchestrator.committee.pooling import (
    ACTIONS,
    CommitteeSettings,
    Tally,
    action_codes,
    believed,
    hear,
    tally,
)
from orchestrator.committee.targets import Settled, beside, docket, settle
from orchestrator.team.base import Ballot
from quant.pooling import pool
from trading.sizing.position_sizing import Clamp


@dataclass(frozen=True, slots=True, eq=False)
class _Sitting:
    """Everything on the table while one bar is put into words."""

    panel: Panel
    ballots: Sequence[Ballot]
    influence: Influence
    verdicts: Sequence[Verdict]
    tally: Tally
    settled: Settled
    settings: CommitteeSettings
    digest: str


@dataclass(frozen=True, slots=True)
class Otherwise:
    """What a decision would have been. `p_up` is None below the quorum and where the symbol was
    blocked. `edge` and `action` are None where the record does not tell the cost."""

    p_up: float | None
    edge: float | None
    action: Action | None


def decide(
    panel: Panel,
    verdicts: Sequence[Verdict],
    ballots: Sequence[Ballot],
    *,
    previous: Mapping[str, float],
    influence: Influence,
    settings: CommitteeSettings,
    digest: str,
) -> tuple[Decision, ...]:
    """Decisions on the panel's last bar, one a symbol in the panel's order.

    `ballots` are on the last bar alone, `influence` (one row) is of their agents. `previous` maps
    symbols to their last targets; those outside the panel count against the gross limit. `digest`
    names the cycle in the receipts.
    """
    added = tally(hear(panel, ballots, len(panel.known_at) - 1), influence, settings)
    said = {verdict.symbol: verdict for verdict in verdicts}
    gate = [said.get(symbol, Verdict(symbol)) for symbol in panel.symbols]
    blocked = np.array([[verdict.blocked for verdict in gate]])
    elsewhere = [symbol for symbol in previous if symbol not in panel.symbols]
    standing = [previous.get(symbol, 0.0) for symbol in (*panel.symbols, *elsewhere)]
    row = beside(docket(added, blocked), elsewhere)
    settled = settle(row, 0, np.array(standing), settings)
    sitting = _Sitting(panel, ballots, influence, gate, added, settled, settings, digest)
    ranks = _ranks(np.where(settled.counted, row.edge[0], np.nan))
    return tuple(_decision(sitting, column, ranks[column]) for column in range(len(panel.symbols)))


def what_if(
    decision: Decision,
    settings: CommitteeSettings,
    *,
    without: str | None = None,
    equal_weights: bool = False,
) -> Otherwise:
    """The decision again from its recorded votes, `without` an agent or with equal weights.

    `settings` are those it was made under. The evidence counts as it was trusted then. The cost is
    the difference between the recorded p_up less base rate and the recorded edge; where that edge
    is zero the cost is only known to be at least as large as the difference, which still tells
    that a difference no larger is none, and that one hardly larger is a hold.
    """
    votes = [vote for vote in decision.votes if vote.agent != without]
    heard = [vote for vote in votes if vote.log_odds is not None]
    weights = [1.0 if equal_weights else vote.weight for vote in heard]
    voters = sum(weight > 0.0 for weight in weights)
    if decision.verdict.blocked or voters < settings.quorum:
        return Otherwise(None, None, Action.HOLD)
    rate = np.nan if decision.base_rate is None else decision.base_rate
    pooled = _pool_again(heard, weights, rate)
    if np.isnan(pooled):
        return Otherwise(None, None, None)
    p_up = float(sigmoid(np.array([pooled]))[0])
    return Otherwise(p_up, *_act_again(decision, p_up - rate, settings))


def receipt_id(symbol: str, at: datetime, timeframe: Timeframe, digest: str) -> str:
    """`AAPL-20200302-0123456789ab`: symbol, close of the bar (UTC), start of the cycle's digest."""
    stamp = at.strftime("%Y%m%dT%H%M" if timeframe.intraday else "%Y%m%d")
    return f"{symbol}-{stamp}-{digest[:12]}"


def closed_at(panel: Panel) -> datetime:
    """When the panel's last bar closed, aware and in UTC."""
    instant: datetime = panel.known_at[-1].item()
    return instant.replace(tzinfo=UTC)


def _pool_again(votes: Sequence[Vote], weights: Sequence[float], rate: float) -> float:
    """Pooled log-odds as `tally` adds them up; NaN where a base rate is needed and missing."""
    said = np.array([[[vote.log_odds]] for vote in votes], np.float64)
    trust = np.array([[vote.trust for vote in votes]])
    trusted = believed(said, trust, np.array([[rate]]))
    return float(pool(trusted, np.array(weights)).log_odds[0, 0])


def _act_again(
    decision: Decision, gain: float, settings: CommitteeSettings
) -> tuple[float | None, Action | None]:
    """Edge and action for `gain`, p_up less the base rate, at the recorded decision's cost."""
    if decision.p_up is None or decision.base_rate is None or decision.edge is None:
        return None, None
    cost = abs(decision.p_up - decision.base_rate) - abs(decision.edge)
    edge = math.copysign(max(abs(gain) - cost, 0.0), gain)
    action = ACTIONS[action_codes(np.array([edge]), settings)[0] + 2]
    if decision.edge != 0.0 or edge == 0.0:
        return edge, action
    return None, action if action is Action.HOLD else None


def _decision(sitting: _Sitting, column: int, rank: int | None) -> Decision:
    panel, added, settled = sitting.panel, sitting.tally, sitting.settled
    symbol = panel.symbols[column]
    counted = bool(settled.counted[column])
    action = ACTIONS[settled.action[column] + 2]
    votes = tuple(_vote(sitting, seat, column) for seat in range(len(sitting.ballots)))
    p_up = _number(added.p_up[0, column]) if counted else None
    base_rate = _number(added.heard.base_rate[0, column])
    edge = _number(added.edge[0, column]) if counted else None
    return Decision(
        symbol=symbol,
        action=action,
        p_up=p_up,
        base_rate=base_rate,
        edge=edge,
        rank=rank,
        target_weight=float(settled.target[column]),
        price=_number(panel.close[-1, column]),
        limits=_limits(sitting, column),
        verdict=sitting.verdicts[column],
        why=why(
            action,
            p_up,
            base_rate,
            edge,
            sitting.verdicts[column],
            votes,
            sitting.settings,
            panel.horizon,
            symbol,
        ),
        votes=votes,
        receipt=receipt_id(symbol, closed_at(panel), panel.timeframe, sitting.digest),
    )


def _vote(sitting: _Sitting, seat: int, column: int) -> Vote:
    ballot, symbol = sitting.ballots[seat], sitting.panel.symbols[column]
    votes, trust = ballot.votes, float(sitting.influence.trust[-1, seat])
    if votes is None:
        return Vote(ballot.agent, "", symbol, None, None, 0.0, 1.0, ballot.failure, (), trust=trust)
    return Vote(
        agent=ballot.agent,
        version=votes.version,
        symbol=symbol,
        p_up=_number(votes.p_up[-1, column]),
        log_odds=_number(votes.log_odds[-1, column]),
        weight=float(sitting.tally.pooled.shares[seat, 0, column]),
        cap=float(votes.cap[-1, column]),
        abstained_because=votes.abstained_because(-1, column),
        reasons=votes.reasons(len(votes.known_at) - 1, column),
        quantile_5=None if votes.quantile_5 is None else _number(votes.quantile_5[-1, column]),
        trust=trust,
    )


def _limits(sitting: _Sitting, column: int) -> tuple[Limit, ...]:
    caps = {
        ballot.agent: float(ballot.votes.cap[-1, column])
        for ballot in sitting.ballots
        if ballot.votes is not None
    }
    return tuple(
        Limit(
            clamp.name,
            float(clamp.before[column]),
            float(clamp.after[column]),
            why_limited(
                clamp.name, caps, sitting.settings, sitting.panel.symbols[column],
                _companions(sitting, clamp, column),
            ),
        )
        for clamp in sitting.settled.clamps
        if clamp.bit[column]
    )  # fmt: skip


def _companions(sitting: _Sitting, clamp: Clamp, column: int) -> list[str]:
    """Which others that move with a symbol were to be held beside it."""
    alike = sitting.tally.heard.kinship.alike[0, column]
    return [
        symbol
        for n, symbol in enumerate(sitting.panel.symbols)
        if alike[n] and clamp.before[n] > 0.0
    ]


def _ranks(edge: Floats) -> list[int | None]:
    """1 for the highest edge; equal edges keep the panel's order; None where there is none."""
    order = np.argsort(-edge, kind="stable")
    place = {int(column): rank for rank, column in enumerate(order, start=1)}
    return [None if np.isnan(edge[column]) else place[column] for column in range(len(edge))]


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
