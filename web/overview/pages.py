"""The watchlist by edge, key figures, the newest decisions, the agents' health."""

from dataclasses import dataclass
from typing import Any, ClassVar

from litestar import Response, get
from litestar.di import NamedDependency

from storage.journal.decision_records import SqlDecisionRecords
from web.components.amounts import Kpi
from web.components.decision_cells import DecisionCell, decision_feed
from web.components.engine_status import (
    AgentHealthLine,
    ProgressView,
    agent_health_lines,
    progress_view,
)
from web.components.symbol_rows import SymbolRow, SymbolRows, rank_by_edge
from web.live.latest_state import LatestState
from web.overview.views import overview_kpis
from web.render import Renderer
from web.responses import html_response
from web.services import EngineControl, ServedRun, WatchedSymbols
from web.shell import PageContext, ShellBuilder, WebRequest

TOPICS = ("ranking", "feed", "kpis", "agents", "progress")


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewPage(PageContext):
    template: ClassVar[str] = "overview/overview.html"
    progress: ProgressView | None
    kpis: tuple[Kpi, ...]
    rows: tuple[SymbolRow, ...]
    feed: tuple[DecisionCell, ...]
    agents_health: tuple[AgentHealthLine, ...]


@get("/", include_in_schema=False, sync_to_thread=True)
def overview(
    request: WebRequest,
    served_run: NamedDependency[ServedRun],
    records: NamedDependency[SqlDecisionRecords],
    engine: NamedDependency[EngineControl],
    watched_symbols: NamedDependency[WatchedSymbols],
    symbol_rows: NamedDependency[SymbolRows],
    shell_builder: NamedDependency[ShellBuilder],
    renderer: NamedDependency[Renderer],
) -> Response[Any]:
    shell = shell_builder.build(request, "Overview", topics=TOPICS)
    latest_state = LatestState(served_run, records)
    return html_response(
        renderer,
        OverviewPage(
            shell=shell,
            progress=progress_view(engine.status(), engine.progress(), not latest_state.decisions),
            kpis=overview_kpis(watched_symbols(), latest_state),
            rows=rank_by_edge(symbol_rows.watched(latest_state)),
            feed=decision_feed(latest_state),
            agents_health=agent_health_lines(engine.health()),
        ),
    )
