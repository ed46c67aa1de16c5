"""A decision's counterfactuals and its outcome, as pages draw them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from domain.decision import Decision
from orchestrator.committee.decisions import Counterfactual, what_if
from orchestrator.committee.pooling import CommitteeSettings
from storage.journal.outcomes import SettledOutcome
from web import formatting
from web.components.vote_cells import DivergingBar

ZERO_RETURN = 0.00005
"""A change that is shown as 0.00 % has no colour."""
FULL_BAR_RETURN = 0.1
"""A change at which its bar is full."""


@dataclass(frozen=True, slots=True)
class CounterfactualLine:
    """`differs` says that the action would have been another."""

    label: str
    percent: str
    edge: str
    edge_tone: str
    word: str
    icon: str
    tone: str
    differs: bool


@dataclass(frozen=True, slots=True)
class OutcomeView:
    """The change from the next open over the horizon, beside the median of the cycle."""

    change: str
    tone: str
    bar: DivergingBar
    median: str
    over_median: str
    settled: int
    until: datetime


def counterfactual_lines(
    decision: Decision, settings: CommitteeSettings
) -> tuple[CounterfactualLine, ...]:
    """Return the decision without each agent that voted, and with equal weights. `settings` are
    those of the decision."""
    return tuple(_lines(decision, settings))


def outcome_view(outcome: SettledOutcome | None) -> OutcomeView | None:
    """Return the outcome's view; None until the decision is settled."""
    if outcome is None:
        return None
    over_median = outcome.change - outcome.median_change
    return OutcomeView(
        change=f"{formatting.signed(outcome.change * 100)} %",
        tone=formatting.tone(outcome.change, ZERO_RETURN),
        bar=DivergingBar.of(outcome.change, FULL_BAR_RETURN),
        median=f"{formatting.signed(outcome.median_change * 100)} %",
        over_median=f"{formatting.signed(over_median * 100)} points beside it",
        settled=outcome.settled_count,
        until=outcome.exit_at,
    )


def _lines(decision: Decision, settings: CommitteeSettings) -> Iterator[CounterfactualLine]:
    for vote in decision.votes:
        if vote.log_odds is not None:
            label = f"without {formatting.agent_label(vote.agent)}"
            yield _line(label, decision, what_if(decision, settings, without=vote.agent))
    yield _line("with equal weights", decision, what_if(decision, settings, equal_weights=True))


def _line(label: str, decision: Decision, counterfactual: Counterfactual) -> CounterfactualLine:
    if counterfactual.p_up is None:
        word, icon, tone = "No quorum", "circle-dashed", "none"
    elif counterfactual.action is None:
        word, icon, tone = "Not known", "circle-dashed", "none"
    else:
        word, icon, tone = formatting.ACTIONS[counterfactual.action]
    return CounterfactualLine(
        label=label,
        percent=formatting.percent_number(counterfactual.p_up, 2),
        edge="" if counterfactual.edge is None else formatting.signed(counterfactual.edge * 100),
        edge_tone=formatting.tone(counterfactual.edge or 0.0, ZERO_RETURN),
        word=word,
        icon=icon,
        tone=tone,
        differs=counterfactual.action not in (None, decision.action),
    )
