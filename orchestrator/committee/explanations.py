"""The committee's sentences: the reasons for a decision, and why a limit applied."""

from collections import Counter
from collections.abc import Mapping, Sequence

from agents.registry import required_to_open
from domain.decision import Action, QualityVerdict, Vote
from domain.sectors import sector_of
from domain.symbols import asset_class
from domain.votes import Reason
from orchestrator.committee.pooling import CommitteeSettings
from trading.sizing.correlation import CORRELATION_THRESHOLD

BASE_RATE = "base rate"
"""The evidence that every vote starts with. It is no agent's own, so it is never named as a reason.
"""
MAX_NAMED = 3
"""Most reasons named in a sentence."""


def explain_decision(
    action: Action,
    p_up: float | None,
    base_rate: float | None,
    edge: float | None,
    verdict: QualityVerdict,
    votes: Sequence[Vote],
    settings: CommitteeSettings,
    horizon: int,
    symbol: str,
) -> str:
    """Explain a decision in one plain sentence: the action, the odds over `horizon` bars, the
    strongest evidence, and what could not be checked."""
    if verdict.blocked:
        return f"Held as it is: {verdict.findings[0].rstrip('.')}."
    if p_up is None or edge is None:
        voted = sum(vote.weight > 0.0 for vote in votes)
        return (
            f"Nothing is opened: {voted} of {len(votes)} agents voted and "
            f"{settings.quorum} are needed{_abstention_text(votes)}."
        )
    odds = _odds_text(action, p_up, base_rate, edge, settings, horizon)
    return f"{odds}{_evidence_text(votes)}{_missing_sector(action, symbol, settings)}."


def explain_limit(
    name: str,
    caps: Mapping[str, float],
    settings: CommitteeSettings,
    symbol: str,
    companions: Sequence[str],
) -> str:
    """Explain what the limit called `name` demands of `symbol`. `caps` are the agents' caps on it,
    `companions` the other symbols with a target that are correlated with it."""
    sizing = settings.sizing
    if name == "cap":
        agent = min(caps, key=lambda name: caps[name])
        if caps[agent] == 0.0:
            return f"the {agent} agent vetoes any holding"
        return f"the {agent} agent accepts at most {caps[agent]:.1%} of equity"
    required = " or ".join(required_to_open())
    others = f": {', '.join(companions[:MAX_NAMED])}" if companions else ""
    others += " and others" if len(companions) > MAX_NAMED else ""
    return {
        "not bought": f"it is of a class that is voted on and not bought ({asset_class(symbol)})",
        "probability": (
            f"a gain must have a chance of {settings.minimum_probability:.0%} for anything new"
        ),
        "position limit": f"no symbol may take more than {sizing.position_limit:.0%} of equity",
        "risk missing": f"the {required} agent gave no forecast, so exposure may only shrink",
        "sector limit": (
            f"{sector_of(symbol, sizing.sectors)} may take {sizing.sector_limit:.0%} of equity"
        ),
        "correlation limit": (
            f"what moves together (a correlation above {CORRELATION_THRESHOLD:g}{others}) "
            f"may take {sizing.correlated_limit:.0%} of equity"
        ),
        "gross limit": f"all symbols together may take {sizing.gross_limit:.0%} of equity",
        "net limit": f"all symbols together may take {sizing.net_limit:.0%} of equity net",
    }[name]


def strongest_evidence(
    votes: Sequence[Vote], count: int = MAX_NAMED
) -> list[tuple[str, Reason, float]]:
    """Return (agent, reason, weighted log-odds) of the strongest evidence, strongest first, without
    the base rate."""
    evidence = [
        (vote.agent, reason, vote.weight * reason.log_odds)
        for vote in votes
        for reason in vote.reasons
        if reason.name != BASE_RATE and reason.log_odds != 0.0
    ]
    return sorted(evidence, key=lambda entry: -abs(entry[2]))[:count]


def _odds_text(
    action: Action,
    p_up: float,
    base_rate: float | None,
    edge: float,
    settings: CommitteeSettings,
    horizon: int,
) -> str:
    base = "" if base_rate is None else f" against a usual {base_rate:.1%}"
    chance = f"the chance of a gain over {horizon} bars is {p_up:.1%}{base}"
    points = f"{100 * edge:+.2f}"
    if action is Action.HOLD:
        threshold = settings.buy_edge if edge >= 0.0 else settings.sell_edge
        remaining = "nothing" if float(points) == 0.0 else f"{points} points"
        return (
            f"Hold: {chance}, and costs leave {remaining} of that "
            f"where {100 * threshold:.1f} points are needed"
        )
    return f"{action.value.capitalize()}: {chance}, {points} points after costs"


def _abstention_text(votes: Sequence[Vote]) -> str:
    """Return the commonest reason for abstaining, as the end of a sentence."""
    reasons = Counter(vote.abstained_because for vote in votes if vote.abstained_because)
    return "".join(f"; {count} said: {reason}" for reason, count in reasons.most_common(1))


def _missing_sector(action: Action, symbol: str, settings: CommitteeSettings) -> str:
    sizing = settings.sizing
    buys = action in (Action.BUY, Action.STRONG_BUY)
    if not buys or sizing.sector_limit == 1.0 or sector_of(symbol, sizing.sectors) is not None:
        return ""
    return "; its sector is not known, so no sector limit applies"


def _evidence_text(votes: Sequence[Vote]) -> str:
    named = strongest_evidence(votes)
    if not named:
        return ""
    return "; strongest: " + ", ".join(_evidence_phrase(*entry) for entry in named)


def _evidence_phrase(agent: str, reason: Reason, weighted: float) -> str:
    direction = "for" if weighted > 0.0 else "against"
    return f"{reason.name}{_value_text(reason)} ({agent}, {direction})"


def _value_text(reason: Reason) -> str:
    if reason.value is None:
        return ""
    space = "" if reason.unit in ("", "%", "x") else " "
    return f" {reason.value:.4g}{space}{reason.unit}"
