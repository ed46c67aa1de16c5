"""Votes as pages draw them.

Promises that an abstention never looks like a neutral vote: it has its own word, icon and tone. A
vote leans against the symbol's own base rate, its first term, not against one half, so that a
rising market does not make every agent look bullish.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from domain.decision import Vote
from domain.votes import sigmoid
from web import formatting

NEUTRAL_BAND = 0.005
"""Closer to the base rate than half a point is drawn as even."""

FULL_BAR_PROBABILITY = 0.06
"""Distance from the base rate, in probability, at which a bar is full."""


@dataclass(frozen=True, slots=True)
class DivergingBar:
    """A bar that grows from the middle of a field 100 units wide."""

    x: float
    width: float

    @classmethod
    def of(cls, value: float, full: float) -> "DivergingBar":
        width = round(min(abs(value) / full, 1.0) * 50, 1)
        return cls(50 if value >= 0 else round(50 - width, 1), width)


@dataclass(frozen=True, slots=True)
class VoteCell:
    """One agent on one symbol. Where it abstains, `percent` is empty and `abstention_reason` says
    why."""

    id: str
    agent: str
    label: str
    icon: str
    word: str
    tone: str
    percent: str
    bar: DivergingBar
    cap: str
    abstention_reason: str
    title: str


@dataclass(frozen=True, slots=True)
class VoteTally:
    up: int
    even: int
    down: int
    abstained: int


def distance_from_base_rate(vote: Vote) -> float:
    """Return the vote's signed distance from its base rate, in probability; 0 for an abstention."""
    if vote.p_up is None:
        return 0.0
    base = next((r.log_odds for r in vote.reasons if r.name == "base rate"), 0.0)
    return vote.p_up - float(sigmoid(np.asarray(base)))


def vote_cell(vote: Vote) -> VoteCell:
    label = formatting.agent_label(vote.agent)
    cap = "" if vote.cap >= 1 else ("veto" if vote.cap == 0 else f"≤{vote.cap * 100:.0f}%")
    if vote.p_up is None:
        abstention_reason = formatting.single_line(vote.abstained_because or "no reason given", 160)
        word, icon, tone, percent, title = "No view", "circle-dashed", "none", "", abstention_reason
    else:
        abstention_reason, percent = "", f"{vote.p_up * 100:.0f}"
        word, icon, tone = _DIRECTIONS[formatting.tone(distance_from_base_rate(vote), NEUTRAL_BAND)]
        title = (
            f"{label} gives {formatting.percent_number(vote.p_up)} % for {vote.symbol}, "
            f"{formatting.signed(distance_from_base_rate(vote) * 100, 1)} points from its base rate"
        )
    return VoteCell(
        id=f"vote-{formatting.slug(vote.symbol)}-{formatting.slug(vote.agent)}",
        agent=vote.agent,
        label=label,
        icon=icon,
        word=word,
        tone=tone,
        percent=percent,
        bar=DivergingBar.of(distance_from_base_rate(vote), FULL_BAR_PROBABILITY),
        cap=cap,
        abstention_reason=abstention_reason,
        title=title,
    )


def waiting_cell(symbol: str, agent: str) -> VoteCell:
    """Return the cell of a vote that has not been cast yet."""
    return VoteCell(
        id=f"vote-{formatting.slug(symbol)}-{formatting.slug(agent)}",
        agent=agent,
        label=formatting.agent_label(agent),
        icon="clock",
        word="Waiting",
        tone="none",
        percent="",
        bar=DivergingBar(50, 0),
        cap="",
        abstention_reason="no vote yet",
        title="no vote yet",
    )


def tally(votes: Sequence[Vote]) -> VoteTally:
    tones = [
        formatting.tone(distance_from_base_rate(vote), NEUTRAL_BAND)
        for vote in votes
        if vote.p_up is not None
    ]
    return VoteTally(
        tones.count("up"), tones.count("flat"), tones.count("down"), len(votes) - len(tones)
    )


_DIRECTIONS = {
    "up": ("Up", "arrow-up", "up"),
    "down": ("Down", "arrow-down", "down"),
    "flat": ("Even", "minus", "flat"),
}
