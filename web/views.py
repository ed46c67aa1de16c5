"""Votes and decisions as they are drawn: frozen, already worded, the same for page and stream.

Promises that an abstention never looks like a neutral vote: it has its own word, icon and tone.
A vote leans against the symbol's own base rate, its first term, not against one half, so that a
rising market does not make every agent look bullish.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import exp

from domain.decision import Decision, Limit, Vote
from domain.symbols import asset_class
from domain.votes import Reason
from storage.records import Recorded
from web import present
from web.prices import Recent

EVEN = 0.005
"""Closer to the base rate than half a point is drawn as even."""

NOTHING = 0.00005
"""An edge that is shown as 0.00 points is drawn as none."""

FULL_BAR = 0.06
"""Distance from the base rate, in probability, at which a bar is full."""

FULL_TERM = 0.2
"""Log-odds at which the bar of a single term is full."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar that grows from the middle of a field of 100 units."""

    x: float
    width: float

    @classmethod
    def of(cls, value: float, full: float) -> "Bar":
        width = round(min(abs(value) / full, 1.0) * 50, 1)
        return cls(50 if value >= 0 else round(50 - width, 1), width)


@dataclass(frozen=True, slots=True)
class VoteCell:
    """One agent on one symbol. `percent` is empty and `because` given where it abstains."""

    id: str
    agent: str
    label: str
    icon: str
    word: str
    tone: str
    percent: str
    bar: Bar
    cap: str
    because: str
    title: str


@dataclass(frozen=True, slots=True)
class Tally:
    up: int
    even: int
    down: int
    silent: int


@dataclass(frozen=True, slots=True)
class DecisionCell:
    """A decision in a row or a list. `gross` is the edge before cost, by which ties are ranked."""

    id: str
    symbol: str
    url: str
    word: str
    icon: str
    tone: str
    blocked: bool
    percent: str
    base: str
    edge: str
    edge_value: float | None
    gross: float
    edge_tone: str
    edge_bar: Bar
    rank: int | None
    weight: str
    price: str
    tally: Tally
    why: str
    as_of: datetime


@dataclass(frozen=True, slots=True)
class PriceCell:
    id: str
    price: str
    change: str
    tone: str
    icon: str


@dataclass(frozen=True, slots=True)
class Row:
    """A symbol of the matrix. `decision` is None until its first one."""

    symbol: str
    slug: str
    kind: str
    price: PriceCell
    votes: tuple[VoteCell, ...]
    decision: DecisionCell | None
    spark: str
    spark_tone: str


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


@dataclass(frozen=True, slots=True)
class LimitLine:
    name: str
    before: str
    after: str
    why: str


def sigmoid(log_odds: float) -> float:
    return 1 / (1 + exp(-log_odds))


def lean(vote: Vote) -> float:
    """How far the vote stands from the base rate it starts from; 0 for an abstention."""
    if vote.p_up is None:
        return 0.0
    base = next((sigmoid(r.log_odds) for r in vote.reasons if r.name == "base rate"), 0.5)
    return vote.p_up - base


def vote_cell(vote: Vote) -> VoteCell:
    label = present.agent_label(vote.agent)
    cap = "" if vote.cap >= 1 else ("veto" if vote.cap == 0 else f"≤{vote.cap * 100:.0f}%")
    if vote.p_up is None:
        because = present.line(vote.abstained_because or "no reason given", 160)
        word, icon, tone, percent, title = "No view", "circle-dashed", "none", "", because
    else:
        because, percent = "", f"{vote.p_up * 100:.0f}"
        word, icon, tone = _LEANS[present.tone(lean(vote), EVEN)]
        title = (
            f"{label} gives {present.percent(vote.p_up)} % for {vote.symbol}, "
            f"{present.signed(lean(vote) * 100, 1)} points from its base rate"
        )
    return VoteCell(
        id=f"vote-{present.slug(vote.symbol)}-{present.slug(vote.agent)}",
        agent=vote.agent,
        label=label,
        icon=icon,
        word=word,
        tone=tone,
        percent=percent,
        bar=Bar.of(lean(vote), FULL_BAR),
        cap=cap,
        because=because,
        title=title,
    )


def waiting_cell(symbol: str, agent: str) -> VoteCell:
    """The place of a vote that has not been cast yet."""
    return VoteCell(
        id=f"vote-{present.slug(symbol)}-{present.slug(agent)}",
        agent=agent,
        label=present.agent_label(agent),
        icon="clock",
        word="Waiting",
        tone="none",
        percent="",
        bar=Bar(50, 0),
        cap="",
        because="no vote yet",
        title="no vote yet",
    )


def decision_cell(recorded: Recorded) -> DecisionCell:
    decision = recorded.decision
    word, icon, tone = _stance(decision)
    edge = decision.edge or 0.0
    return DecisionCell(
        id=f"decision-{present.slug(decision.symbol)}",
        symbol=decision.symbol,
        url=f"/decisions/{decision.receipt}",
        word=word,
        icon=icon,
        tone=tone,
        blocked=decision.verdict.blocked,
        percent="" if decision.p_up is None else present.percent(decision.p_up),
        base="" if decision.base_rate is None else present.percent(decision.base_rate),
        edge="" if decision.edge is None else present.signed(edge * 100, 2),
        edge_value=decision.edge,
        gross=(decision.p_up or 0.0) - (decision.base_rate or 0.0),
        edge_tone=present.tone(edge, NOTHING),
        edge_bar=Bar.of(edge, FULL_BAR / 3),
        rank=decision.rank,
        weight=present.percent(decision.target_weight),
        price="" if decision.price is None else present.price(decision.price),
        tally=tally(decision.votes),
        why=present.line(decision.why, 400),
        as_of=recorded.as_of,
    )


def tally(votes: Sequence[Vote]) -> Tally:
    tones = [present.tone(lean(vote), EVEN) for vote in votes if vote.p_up is not None]
    return Tally(
        tones.count("up"), tones.count("flat"), tones.count("down"), len(votes) - len(tones)
    )


def price_cell(symbol: str, price: float | None, change: float | None) -> PriceCell:
    tone = present.tone(change or 0.0)
    return PriceCell(
        id=f"px-{present.slug(symbol)}",
        price="" if price is None else present.price(price),
        change="" if change is None else f"{present.signed(change * 100)} %",
        tone=tone,
        icon={"up": "arrow-up", "down": "arrow-down", "flat": "minus"}[tone],
    )


def row(
    symbol: str, agents: Sequence[str], recorded: Recorded | None, recent: Recent | None
) -> Row:
    """The matrix row of a symbol; agents that have not voted on it are shown as waiting."""
    votes = {vote.agent: vote for vote in recorded.decision.votes} if recorded else {}
    names = [*agents, *(name for name in votes if name not in agents)]
    closes = recent.closes if recent else ()
    price = recorded.decision.price if recorded else None
    return Row(
        symbol=symbol,
        slug=present.slug(symbol),
        kind=asset_class(symbol).value,
        price=price_cell(symbol, price, recent.change if recent else None),
        votes=tuple(
            vote_cell(votes[name]) if name in votes else waiting_cell(symbol, name)
            for name in names
        ),
        decision=decision_cell(recorded) if recorded else None,
        spark=spark(closes),
        spark_tone=present.tone(closes[-1] - closes[0]) if closes else "flat",
    )


def agent_sums(decision: Decision, most: int | None = None) -> tuple[AgentSum, ...]:
    """Every agent's terms; of more than `most`, the base rate and the largest others."""
    return tuple(_agent_sum(vote, most) for vote in decision.votes)


def limit_lines(limits: Sequence[Limit]) -> tuple[LimitLine, ...]:
    return tuple(
        LimitLine(
            limit.name,
            f"{present.percent(limit.before)} %",
            f"{present.percent(limit.after)} %",
            present.line(limit.why),
        )
        for limit in limits
    )


def spark(closes: Sequence[float]) -> str:
    """Points of a polyline in a field of 100 x 28, empty for fewer than two closes."""
    if len(closes) < 2:
        return ""
    low, high = min(closes), max(closes)
    height = (high - low) or 1.0
    step = 100 / (len(closes) - 1)
    return " ".join(
        f"{i * step:.1f},{26 - (close - low) / height * 24:.1f}" for i, close in enumerate(closes)
    )


_LEANS = {
    "up": ("Up", "arrow-up", "up"),
    "down": ("Down", "arrow-down", "down"),
    "flat": ("Even", "minus", "flat"),
}


def _stance(decision: Decision) -> tuple[str, str, str]:
    if decision.verdict.blocked:
        return "Blocked", "ban", "warn"
    if decision.p_up is None:
        return "No quorum", "circle-dashed", "none"
    return present.ACTIONS[decision.action]


def _agent_sum(vote: Vote, most: int | None) -> AgentSum:
    shown, hidden = _split(vote.reasons, most)
    log_odds = vote.log_odds or 0.0
    return AgentSum(
        cell=vote_cell(vote),
        agent_icon=present.agent_icon(vote.agent),
        version=present.line(vote.version, 60),
        weight=present.percent(vote.weight),
        log_odds=present.signed(log_odds, 3),
        share=present.signed(log_odds * vote.weight, 4),
        terms=tuple(_term(reason, vote.weight) for reason in shown),
        rest=len(hidden),
        rest_log_odds=present.signed(sum(r.log_odds for r in hidden), 3),
        quantile="" if vote.quantile_5 is None else f"{present.percent(vote.quantile_5)} %",
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
        name=present.line(reason.name),
        value=present.observed(reason.value, reason.unit),
        log_odds=present.signed(reason.log_odds, 3),
        share=present.signed(reason.log_odds * weight, 4),
        tone=present.tone(reason.log_odds, 0.0005),
        bar=Bar.of(reason.log_odds, FULL_TERM),
    )
