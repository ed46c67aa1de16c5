"""Decisions as pages draw them, and the limits applied to their targets."""

from dataclasses import dataclass
from datetime import datetime

from domain.decision import Decision
from storage.journal.decision_records import RecordedDecision
from web import formatting
from web.components.amounts import percent
from web.components.vote_cells import FULL_BAR_PROBABILITY, DivergingBar, VoteTally, tally
from web.live.latest_state import LatestState

ZERO_EDGE = 0.00005
"""An edge that is shown as 0.00 points is drawn as none."""


@dataclass(frozen=True, slots=True)
class DecisionCell:
    """A decision in a row or a list. `gross_edge` is the edge before cost, by which ties are
    ranked."""

    id: str
    symbol: str
    url: str
    word: str
    icon: str
    tone: str
    blocked: bool
    percent: str
    base_rate: str
    edge: str
    edge_value: float | None
    gross_edge: float
    edge_tone: str
    edge_bar: DivergingBar
    rank: int | None
    weight: str
    price: str
    tally: VoteTally
    why: str
    as_of: datetime


@dataclass(frozen=True, slots=True)
class AppliedLimitLine:
    name: str
    before: str
    after: str
    reason: str


def decision_cell(recorded: RecordedDecision) -> DecisionCell:
    decision = recorded.decision
    word, icon, tone = _action_display(decision)
    edge = decision.edge or 0.0
    return DecisionCell(
        id=f"decision-{formatting.slug(decision.symbol)}",
        symbol=decision.symbol,
        url=f"/decisions/{decision.receipt}",
        word=word,
        icon=icon,
        tone=tone,
        blocked=decision.verdict.blocked,
        percent=formatting.percent_number(decision.p_up),
        base_rate=formatting.percent_number(decision.base_rate),
        edge="" if decision.edge is None else formatting.signed(edge * 100, 2),
        edge_value=decision.edge,
        gross_edge=(decision.p_up or 0.0) - (decision.base_rate or 0.0),
        edge_tone=formatting.tone(edge, ZERO_EDGE),
        edge_bar=DivergingBar.of(edge, FULL_BAR_PROBABILITY / 3),
        rank=decision.rank,
        weight=formatting.percent_number(decision.target_weight),
        price="" if decision.price is None else formatting.price(decision.price),
        tally=tally(decision.votes),
        why=formatting.sentence(decision.why, _agents(decision), 400),
        as_of=recorded.as_of,
    )


def decision_feed(latest_state: LatestState) -> tuple[DecisionCell, ...]:
    """The newest decisions, newest first."""
    return tuple(decision_cell(recorded) for recorded in latest_state.feed)


def applied_limit_lines(decision: Decision) -> tuple[AppliedLimitLine, ...]:
    return tuple(
        AppliedLimitLine(
            limit.name,
            percent(limit.before),
            percent(limit.after),
            formatting.sentence(limit.why, _agents(decision)),
        )
        for limit in decision.limits
    )


def _agents(decision: Decision) -> list[str]:
    return [vote.agent for vote in decision.votes]


def _action_display(decision: Decision) -> tuple[str, str, str]:
    if decision.verdict.blocked:
        return "Blocked", "ban", "warn"
    if decision.p_up is None:
        return "No quorum", "circle-dashed", "none"
    return formatting.ACTIONS[decision.action]
