"""A decision as a sum: the log-odds of each agent, split into its terms."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.decision import Decision, Vote
from domain.votes import Reason
from web import formatting
from web.components.amounts import percent
from web.components.vote_cells import DivergingBar, VoteCell, vote_cell

FULL_BAR_LOG_ODDS = 0.2
"""Log-odds at which the bar of a single term is full."""


@dataclass(frozen=True, slots=True)
class EvidenceLine:
    """One term of the sum. `contribution` is what it adds to the committee's log-odds."""

    name: str
    value: str
    log_odds: str
    contribution: str
    tone: str
    bar: DivergingBar


@dataclass(frozen=True, slots=True)
class AgentContribution:
    """An agent's log-odds as the sum of its terms; `omitted` counts the terms left out."""

    cell: VoteCell
    agent_icon: str
    version: str
    weight: str
    log_odds: str
    contribution: str
    terms: tuple[EvidenceLine, ...]
    omitted: int
    omitted_log_odds: str
    quantile: str


def agent_contributions(
    decision: Decision, max_terms: int | None = None
) -> tuple[AgentContribution, ...]:
    """Return every agent's terms; above `max_terms`, only the base rate and the largest others."""
    return tuple(_agent_contribution(vote, max_terms) for vote in decision.votes)


def _agent_contribution(vote: Vote, max_terms: int | None) -> AgentContribution:
    shown, hidden = _split(vote.reasons, max_terms)
    log_odds = vote.log_odds or 0.0
    return AgentContribution(
        cell=vote_cell(vote),
        agent_icon=formatting.agent_icon(vote.agent),
        version=formatting.single_line(vote.version, 60),
        weight=formatting.percent_number(vote.weight),
        log_odds=formatting.signed(log_odds, 3),
        contribution=formatting.signed(log_odds * vote.weight, 4),
        terms=tuple(_evidence_line(reason, vote.weight) for reason in shown),
        omitted=len(hidden),
        omitted_log_odds=formatting.signed(sum(r.log_odds for r in hidden), 3),
        quantile="" if vote.quantile_5 is None else percent(vote.quantile_5),
    )


def _split(
    reasons: Sequence[Reason], max_terms: int | None
) -> tuple[Sequence[Reason], Sequence[Reason]]:
    if max_terms is None or len(reasons) <= max_terms:
        return reasons, ()
    order = sorted(reasons, key=lambda r: (r.name != "base rate", -abs(r.log_odds)))
    shown_ids = {id(reason) for reason in order[:max_terms]}
    return [r for r in reasons if id(r) in shown_ids], [
        r for r in reasons if id(r) not in shown_ids
    ]


def _evidence_line(reason: Reason, weight: float) -> EvidenceLine:
    return EvidenceLine(
        name=formatting.single_line(reason.name),
        value=formatting.reason_value(reason.value, reason.unit),
        log_odds=formatting.signed(reason.log_odds, 3),
        contribution=formatting.signed(reason.log_odds * weight, 4),
        tone=formatting.tone(reason.log_odds, 0.0005),
        bar=DivergingBar.of(reason.log_odds, FULL_BAR_LOG_ODDS),
    )
