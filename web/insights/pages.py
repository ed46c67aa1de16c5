"""The matrix of symbols and agents, and why one symbol was decided as it was."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from litestar import Response, get
from litestar.params import FromQuery

from storage.journal.decision_records import SqlDecisionRecords
from web import formatting
from web.components.decision_cells import DecisionCell, decision_feed
from web.components.engine_status import ProgressView, progress_view
from web.components.known_symbols import KnownSymbols
from web.components.symbol_rows import SymbolRow, SymbolRows
from web.components.why import SymbolExplanation, explain_symbol
from web.http.responses import html_response
from web.injection import Injected
from web.live.latest_state import LatestState
from web.render import Renderer
from web.services import EngineControl, ServedRun, WatchedSymbols
from web.shell import PageContext, ShellBuilder, WebRequest

TOPICS = ("votes", "why", "feed", "progress")


@dataclass(frozen=True, slots=True)
class AgentColumn:
    label: str
    icon: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InsightsPage(PageContext):
    template: ClassVar[str] = "insights/insights.html"
    progress: ProgressView | None
    agents: tuple[AgentColumn, ...]
    rows: tuple[SymbolRow, ...]
    selected: str
    why: SymbolExplanation
    feed: tuple[DecisionCell, ...]


@get("/insights", include_in_schema=False, sync_to_thread=True)
def insights(
    request: WebRequest,
    served_run: Injected[ServedRun],
    records: Injected[SqlDecisionRecords],
    engine: Injected[EngineControl],
    watched_symbols: Injected[WatchedSymbols],
    known_symbols: Injected[KnownSymbols],
    symbol_rows: Injected[SymbolRows],
    shell_builder: Injected[ShellBuilder],
    renderer: Injected[Renderer],
    symbol: FromQuery[str] = "",
) -> Response[Any]:
    selected = known_symbols.require(symbol) if symbol else next(iter(watched_symbols()), "")
    shell = shell_builder.build(request, "Insights", topics=TOPICS, symbol=selected)
    latest_state = LatestState(served_run, records)
    return html_response(
        renderer,
        InsightsPage(
            shell=shell,
            progress=progress_view(engine.status(), engine.progress(), not latest_state.decisions),
            agents=_agent_columns(served_run.agents),
            rows=symbol_rows.watched(latest_state),
            selected=selected,
            why=explain_symbol(latest_state, selected),
            feed=decision_feed(latest_state),
        ),
    )


def _agent_columns(agents: Sequence[str]) -> tuple[AgentColumn, ...]:
    return tuple(AgentColumn(formatting.agent_label(a), formatting.agent_icon(a)) for a in agents)
