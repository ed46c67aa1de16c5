"""The matrix of symbols and agents, and why one symbol is decided as it is."""

from dataclasses import dataclass
from typing import Any, ClassVar

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from web.components import dashboard_views
from web.pages.responses import html_response
from web.pages.symbol import known_symbol
from web.render import Renderer
from web.services import AppServices
from web.shell import PageContext, WebRequest, build_shell, engine_view
from web.state.latest_state import LatestState
from web.state.recent_prices import RecentPrices
from web.views.decisions import DecisionCell
from web.views.symbol_rows import SymbolRow

TOPICS = ("votes", "why", "feed", "progress")


@dataclass(frozen=True, slots=True, kw_only=True)
class InsightsPage(PageContext):
    template: ClassVar[str] = "pages/insights.html"
    progress: dashboard_views.ProgressView | None
    agents: tuple[dashboard_views.AgentColumn, ...]
    rows: tuple[SymbolRow, ...]
    selected: str
    why: dashboard_views.SymbolExplanation
    feed: tuple[DecisionCell, ...]


@get("/insights", include_in_schema=False, sync_to_thread=True)
def insights(
    request: WebRequest,
    services: NamedDependency[AppServices],
    renderer: NamedDependency[Renderer],
    prices: NamedDependency[RecentPrices],
    symbol: FromQuery[str] = "",
) -> Response[Any]:
    symbols = services.watched_symbols()
    selected = known_symbol(services, symbol) if symbol else next(iter(symbols), "")
    shell = build_shell(services, request, "Insights", topics=TOPICS, symbol=selected)
    latest_state, status = LatestState(services), services.engine.status()
    return html_response(
        renderer,
        InsightsPage(
            shell=shell,
            engine=engine_view(status.state),
            progress=dashboard_views.progress_view(
                status, services.engine.progress(), not latest_state.decisions
            ),
            agents=dashboard_views.agent_columns(services.agents),
            rows=dashboard_views.symbol_rows(services, latest_state, prices),
            selected=selected,
            why=dashboard_views.explain_symbol(latest_state, selected),
            feed=dashboard_views.decision_feed(latest_state),
        ),
    )
