"""A decision as the sum it is: each agent's log-odds, taken apart to the last term."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.decision import Decision, Vote
from domain.votes import Reason
from web import formatting
from web.views.votes import Bar, VoteCell, vote_cell

FULL_TERM = 0.2
"""Log-odds at which the bar of a single term is full."""


@dataclass(frozen=True, slots=True)
class TermLine:
    """One term of the sum. `share` is what it adds to the committee's log-odds."""

    name: str
    value: str
    log_odds: str
    share: str
    tone: str
    bar: Bar


@dataclass(frozen=True, slots=True)
class AgentSum:
    """An agent's log-odds as the sum of its terms; `rest` counts the terms left out."""

    cell: VoteCell
    agent_icon: str
    version: str
    weight: str
    log_odds: str
    share: str
    terms: tuple[TermLine, ...]
    rest: int
    rest_log_odds: str
    quantile: str


def agent_sums(decision: Decision, most: int | None = None) -> tuple[AgentSum, ...]:
    """Every agent's terms; of more than `most`, the base rate and the largest others."""
    return tuple(_agent_sum(vote, most) for vote in decision.votes)


def _agent_sum(vote: Vote, most: int | None) -> AgentSum:
    shown, hidden = _split(vote.reasons, most)
    log_odds = vote.log_odds or 0.0
    return AgentSum(
        cell=vote_cell(vote),
        agent_icon=formatting.agent_icon(vote.agent),
        version=formatting.line(vote.version, 60),
        weight=formatting.percent(vote.weight),
        log_odds=formatting.signed(log_odds, 3),
        share=formatting.signed(log_odds * vote.weight, 4),
        terms=tuple(_term(reason, vote.weight) for reason in shown),
        rest=len(hidden),
        rest_log_odds=formatting.signed(sum(r.log_odds for r in hidden), 3),
        quantile="" if vote.quantile_5 is None else f"{formatting.percent(vote.quantile_5)} %",
    )


def _split(
    reasons: Sequence[Reason], most: int | None
) -> tuple[Sequence[Reason], Sequence[Reason]]:
    if most is None or len(reasons) <= most:
        return reasons, ()
    order = sorted(reasons, key=lambda r: (r.name != "base rate", -abs(r.log_odds)))
    kept = {id(reason) for reason in order[:most]}
    return [r for r in reasons if id(r) in kept], [r for r in reasons if id(r) not in kept]


def _term(reason: Reason, weight: float) -> TermLine:
    return TermLine(
        name=formatting.line(reason.name),
        value=formatting.observed(reason.value, reason.unit),
        log_odds=formatting.signed(reason.log_odds, 3),
        share=formatting.signed(reason.log_odds * weight, 4),
        tone=formatting.tone(reason.log_odds, 0.0005),
        bar=Bar.of(reason.log_odds, FULL_TERM),
    )
