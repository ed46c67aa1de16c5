"""The overview's key figures."""

from collections.abc import Sequence
from datetime import datetime

from domain.decision import Action
from web import formatting
from web.components.amounts import Kpi
from web.live.latest_state import LatestState


def overview_kpis(symbols: Sequence[str], latest_state: LatestState) -> tuple[Kpi, ...]:
    """Sum up the newest decisions on `symbols`."""
    watched = [
        latest_state.decisions[symbol] for symbol in symbols if symbol in latest_state.decisions
    ]
    decisions = [recorded.decision for recorded in watched]
    edges = sorted(((d.edge, d.symbol) for d in decisions if d.edge is not None), reverse=True)
    buys = sum(d.action in (Action.BUY, Action.STRONG_BUY) for d in decisions)
    sells = sum(d.action in (Action.SELL, Action.STRONG_SELL) for d in decisions)
    blocked = sum(d.verdict.blocked for d in decisions)
    votes = [vote for decision in decisions for vote in decision.votes]
    given_votes = sum(vote.p_up is not None for vote in votes)
    best = edges[0] if edges and edges[0][0] > 0 else None
    worst = edges[-1] if edges and edges[-1][0] < 0 else None
    return (
        Kpi(
            "Decided", "vote", f"{len(decisions)} of {len(symbols)}",
            _when(latest_state.as_of),
        ),
        Kpi(
            "Buy · hold · sell", "scale", f"{buys} · {len(decisions) - buys - sells} · {sells}",
            f"{blocked} blocked by the gate" if blocked else "none blocked by the gate",
            "warn" if blocked else "",
        ),
        Kpi("Highest edge", "target", best[1] if best else "–", _edge_note(best, "above", edges)),
        Kpi(
            "Lowest edge", "arrow-down", worst[1] if worst else "–",
            _edge_note(worst, "below", edges),
        ),
        Kpi(
            "Votes cast", "layers", f"{given_votes} of {len(votes)}",
            "the others abstained" if given_votes < len(votes) else "nobody abstained",
        ),
    )  # fmt: skip


def _when(as_of: datetime | None) -> str:
    return f"bar of {formatting.instant(as_of)}" if as_of else "waiting for the first cycle"


def _edge_note(edge: tuple[float, str] | None, side: str, edges: Sequence[object]) -> str:
    if edge is None:
        return f"none {side} zero after cost" if edges else "no edge yet"
    return f"{formatting.signed(edge[0] * 100, 2)} points, net of cost"
