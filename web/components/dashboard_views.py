"""The parts that pages and stream share: rows, key figures, the why panel, agents, progress."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.decision import Action
from domain.events import EngineState
from orchestrator.status import EngineStatus
from orchestrator.team.base import AgentHealth
from web import formatting
from web.services import AppServices, CycleProgress
from web.shell import engine_view
from web.state.latest_state import LatestState
from web.state.recent_prices import RecentPrices
from web.views.amounts import Kpi
from web.views.decisions import DecisionCell, decision_cell
from web.views.symbol_rows import SymbolRow, build_symbol_row
from web.views.vote_breakdown import AgentContribution, agent_contributions

MAX_REASON_LENGTH, MAX_ERROR_LENGTH = 200, 600
MAX_NAMED_SYMBOLS = 8
"""Symbols named before the others are counted."""
MAX_TERMS = 6
"""Terms of an agent shown beside the matrix; the decision's own page shows all."""


@dataclass(frozen=True, slots=True)
class AgentColumn:
    label: str
    icon: str


@dataclass(frozen=True, slots=True)
class SymbolExplanation:
    """`decision` is None until the symbol's first one."""

    symbol: str
    slug: str
    decision: DecisionCell | None
    agents: tuple[AgentContribution, ...]


@dataclass(frozen=True, slots=True)
class AgentHealthLine:
    label: str
    icon: str
    version: str
    word: str
    state_icon: str
    tone: str
    note: str


@dataclass(frozen=True, slots=True)
class ProgressView:
    """`is_error` says that this is not progress but what prevents it, `is_transient` that it comes
    and goes with every bar and so must move nothing on the page."""

    title: str
    what: str
    done: int = 0
    total: int = 0
    is_error: bool = False
    is_transient: bool = False


@dataclass(frozen=True, slots=True)
class EngineFact:
    label: str
    text: str
    at: datetime | None = None


def agent_columns(agents: Sequence[str]) -> tuple[AgentColumn, ...]:
    return tuple(AgentColumn(formatting.agent_label(a), formatting.agent_icon(a)) for a in agents)


def symbol_row(
    services: AppServices, latest_state: LatestState, prices: RecentPrices, symbol: str
) -> SymbolRow:
    recorded = latest_state.decisions.get(symbol)
    recent = prices.recent(symbol, recorded.as_of) if recorded else None
    return build_symbol_row(symbol, services.agents, recorded, recent)


def symbol_rows(
    services: AppServices, latest_state: LatestState, prices: RecentPrices
) -> tuple[SymbolRow, ...]:
    """One a symbol of the watchlist, in its order."""
    return tuple(symbol_row(services, latest_state, prices, s) for s in services.watched_symbols())


def rank_by_edge(lines: Sequence[SymbolRow]) -> tuple[SymbolRow, ...]:
    """By edge, the highest first, and by the edge before cost where costs leave nothing; symbols
    without one at the end. A cycle ranks the symbols of one calendar; this is the order over all of
    them."""
    return tuple(sorted(lines, key=_edge_sort_key))


def decision_feed(latest_state: LatestState) -> tuple[DecisionCell, ...]:
    return tuple(decision_cell(recorded) for recorded in latest_state.feed)


def explain_symbol(latest_state: LatestState, symbol: str) -> SymbolExplanation:
    recorded = latest_state.decisions.get(symbol)
    return SymbolExplanation(
        symbol=symbol,
        slug=formatting.slug(symbol),
        decision=decision_cell(recorded) if recorded else None,
        agents=agent_contributions(recorded.decision, MAX_TERMS) if recorded else (),
    )


def overview_kpis(services: AppServices, latest_state: LatestState) -> tuple[Kpi, ...]:
    watched = [
        latest_state.decisions[s] for s in services.watched_symbols() if s in latest_state.decisions
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
            "Decided", "vote", f"{len(decisions)} of {len(services.watched_symbols())}",
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


def agent_health_lines(health: Sequence[AgentHealth]) -> tuple[AgentHealthLine, ...]:
    return tuple(_agent_line(agent) for agent in health)


def engine_facts(status: EngineStatus) -> tuple[EngineFact, ...]:
    """What there is to say of the engine beside its state."""
    missing = ", ".join(
        formatting.single_line(symbol, 24) for symbol in status.missing[:MAX_NAMED_SYMBOLS]
    )
    more = (
        f" and {len(status.missing) - MAX_NAMED_SYMBOLS} more"
        if len(status.missing) > MAX_NAMED_SYMBOLS
        else ""
    )
    facts = (
        EngineFact("Why", formatting.single_line(status.reason or "", MAX_REASON_LENGTH)),
        EngineFact("Clock stands at", "" if status.last else "none yet", status.last),
        EngineFact("Next bar", _next_bar(status), status.next),
        EngineFact("Symbols without a bar", missing + more),
        EngineFact("Last cycle took", _format_stage_times(status.seconds)),
    )
    return tuple(fact for fact in facts if fact.text or fact.at)


def progress_view(
    status: EngineStatus, progress: CycleProgress | None, first: bool
) -> ProgressView | None:
    """The progress card; before the first decision it stays even while nothing is reported, and
    while something is wrong it says what, and what helps."""
    state = status.state
    if status.error is not None:
        title = "The engine cannot go on and keeps trying"
        return ProgressView(
            title, formatting.single_line(status.error, MAX_ERROR_LENGTH), is_error=True
        )
    if progress is not None:
        title = "Getting ready for the first decision" if first else "A cycle is under way"
        what = formatting.single_line(progress.what)
        return ProgressView(title, what, progress.done, progress.total, is_transient=not first)
    if first:
        what = engine_view(state).meaning if state is not EngineState.RUNNING else "Starting"
        return ProgressView("Waiting for the first decision", what)
    return None


def _next_bar(status: EngineStatus) -> str:
    if status.finished:
        return "none: everything has been played" if status.last else "none is awaited"
    return "" if status.next else "not known yet"


def _format_stage_times(seconds: Mapping[str, float]) -> str:
    """`820 ms: panel 400 ms, vote 260 ms`; empty before the first cycle."""
    stages = ", ".join(f"{stage} {1000 * taken:,.0f} ms" for stage, taken in seconds.items())
    return f"{1000 * sum(seconds.values()):,.0f} ms: {stages}" if stages else ""


_STATES = {
    "ready": ("Ready", "circle-check", "up"),
    "starting": ("Starting", "clock", "flat"),
    "restarting": ("Restarting", "refresh-cw", "warn"),
    "failing": ("Failing", "circle-alert", "down"),
}


def _agent_line(agent: AgentHealth) -> AgentHealthLine:
    word, icon, tone = _STATES[agent.state]
    notes = [
        f"answered in {agent.seconds * 1000:,.0f} ms" if agent.seconds is not None else "",
        f"process {agent.pid}" if agent.pid else "",
        _restarts(agent.restarts),
        formatting.single_line(agent.failure, 200) if agent.failure else "",
    ]
    return AgentHealthLine(
        label=formatting.agent_label(agent.agent),
        icon=formatting.agent_icon(agent.agent),
        version=formatting.single_line(agent.version or "", 60),
        word=word,
        state_icon=icon,
        tone=tone,
        note=" · ".join(note for note in notes if note) or "has not been asked yet",
    )


def _restarts(count: int) -> str:
    return {0: "", 1: "restarted once"}.get(count, f"restarted {count} times")


def _edge_sort_key(line: SymbolRow) -> tuple[bool, float, float]:
    decision = line.decision
    if decision is None or decision.edge_value is None:
        return True, 0.0, 0.0
    return False, -decision.edge_value, -decision.gross_edge


def _when(as_of: datetime | None) -> str:
    return f"bar of {formatting.instant(as_of)}" if as_of else "waiting for the first cycle"


def _edge_note(edge: tuple[float, str] | None, side: str, edges: Sequence[object]) -> str:
    if edge is None:
        return f"none {side} zero after cost" if edges else "no edge yet"
    return f"{formatting.signed(edge[0] * 100, 2)} points, net of cost"
