"""What a decision would have been otherwise, and what came of it, as they are drawn."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from domain.decision import Decision
from orchestrator.committee.decisions import Otherwise, what_if
from orchestrator.committee.pooling import CommitteeSettings
from storage.journal.outcomes import Aftermath
from web import formatting
from web.views.votes import Bar

NOTHING = 0.00005
"""A change that is shown as 0.00 % has no colour."""
FULL = 0.1
"""A change at which its bar is full."""


@dataclass(frozen=True, slots=True)
class OtherwiseLine:
    """`other` says that the action would not have been the same."""

    label: str
    percent: str
    edge: str
    edge_tone: str
    word: str
    icon: str
    tone: str
    other: bool


@dataclass(frozen=True, slots=True)
class AftermathView:
    """The change from the next open over the horizon, beside the median of the cycle."""

    change: str
    tone: str
    bar: Bar
    median: str
    beside: str
    settled: int
    until: datetime


def otherwise_lines(made: Decision, settings: CommitteeSettings) -> tuple[OtherwiseLine, ...]:
    """Without each agent that voted, and with equal weights. `settings` are the decision's own."""
    return tuple(_lines(made, settings))


def aftermath_view(came: Aftermath | None) -> AftermathView | None:
    """None until the decision is settled."""
    if came is None:
        return None
    ahead = came.change - came.median
    return AftermathView(
        change=f"{formatting.signed(came.change * 100)} %",
        tone=formatting.tone(came.change, NOTHING),
        bar=Bar.of(came.change, FULL),
        median=f"{formatting.signed(came.median * 100)} %",
        beside=f"{formatting.signed(ahead * 100)} points beside it",
        settled=came.settled,
        until=came.exit_at,
    )


def _lines(made: Decision, settings: CommitteeSettings) -> Iterator[OtherwiseLine]:
    for vote in made.votes:
        if vote.log_odds is not None:
            label = f"without {formatting.agent_label(vote.agent)}"
            yield _line(label, made, what_if(made, settings, without=vote.agent))
    yield _line("with equal weights", made, what_if(made, settings, equal_weights=True))


def _line(label: str, made: Decision, found: Otherwise) -> OtherwiseLine:
    if found.p_up is None:
        word, icon, tone = "No quorum", "circle-dashed", "none"
    elif found.action is None:
        word, icon, tone = "Not known", "circle-dashed", "none"
    else:
        word, icon, tone = formatting.ACTIONS[found.action]
    return OtherwiseLine(
        label=label,
        percent="" if found.p_up is None else formatting.percent(found.p_up, 2),
        edge="" if found.edge is None else formatting.signed(found.edge * 100),
        edge_tone=formatting.tone(found.edge or 0.0, NOTHING),
        word=word,
        icon=icon,
        tone=tone,
        other=found.action not in (None, made.action),
    )
