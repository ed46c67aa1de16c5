"""The watchlist by edge, key figures, the newest decisions, the agents' health."""

from dataclasses import dataclass
from typing import Any, ClassVar

from litestar import Response, get
from litestar.di import NamedDependency

from web.components import dashboard_views
from web.pages.responses import html_response
from web.render import Renderer
from web.services import AppServices
from web.shell import PageContext, WebRequest, build_shell, engine_view
from web.state.latest_state import LatestState
from web.state.recent_prices import RecentPrices
from web.views.amounts import Kpi
from web.views.decisions import DecisionCell
from web.views.symbol_rows import SymbolRow

TOPICS = ("ranking", "feed", "kpis", "agents", "progress")


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewPage(PageContext):
    template: ClassVar[str] = "pages/overview.html"
    progress: dashboard_views.ProgressView | None
    kpis: tuple[Kpi, ...]
    rows: tuple[SymbolRow, ...]
    feed: tuple[DecisionCell, ...]
    agents_health: tuple[dashboard_views.AgentHealthLine, ...]


@get("/", include_in_schema=False, sync_to_thread=True)
def overview(
    request: WebRequest,
    services: NamedDependency[AppServices],
    renderer: NamedDependency[Renderer],
    prices: NamedDependency[RecentPrices],
) -> Response[Any]:
    shell = build_shell(services, request, "Overview", topics=TOPICS)
    latest_state, status = LatestState(services), services.engine.status()
    return html_response(
        renderer,
        OverviewPage(
            shell=shell,
            engine=engine_view(status.state),
            progress=dashboard_views.progress_view(
                status, services.engine.progress(), not latest_state.decisions
            ),
            kpis=dashboard_views.overview_kpis(services, latest_state),
            rows=dashboard_views.rank_by_edge(
                dashboard_views.symbol_rows(services, latest_state, prices)
            ),
            feed=dashboard_views.decision_feed(latest_state),
            agents_health=dashboard_views.agent_health_lines(services.engine.health()),
        ),
    )
