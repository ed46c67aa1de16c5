"""The watchlist by edge, key figures, the newest decisions, the agents' health."""

from dataclasses import dataclass
from typing import Any, ClassVar

from litestar import Response, get
from litestar.di import NamedDependency

from web.components import dashboard_views
from web.live.latest_state import Board
from web.pages.responses import html
from web.recent_prices import Prices
from web.render import Renderer
from web.services import House
from web.shell import PageContext, WebRequest, build_shell, engine_view
from web.views.decisions import DecisionCell
from web.views.symbol_rows import Row

TOPICS = ("ranking", "feed", "kpis", "agents", "progress")


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewPage(PageContext):
    template: ClassVar[str] = "pages/overview.html"
    progress: dashboard_views.ProgressView | None
    kpis: tuple[dashboard_views.Kpi, ...]
    rows: tuple[Row, ...]
    feed: tuple[DecisionCell, ...]
    agents_health: tuple[dashboard_views.AgentLine, ...]


@get("/", include_in_schema=False, sync_to_thread=True)
def overview(
    request: WebRequest,
    house: NamedDependency[House],
    renderer: NamedDependency[Renderer],
    prices: NamedDependency[Prices],
) -> Response[Any]:
    shell = build_shell(house, request, "Overview", topics=TOPICS)
    board, status = Board(house), house.engine.status()
    return html(
        renderer,
        OverviewPage(
            shell=shell,
            engine=engine_view(status.state),
            progress=dashboard_views.progress_view(
                status, house.engine.progress(), not board.latest
            ),
            kpis=dashboard_views.kpis(house, board),
            rows=dashboard_views.ranked(dashboard_views.rows(house, board, prices)),
            feed=dashboard_views.feed(board),
            agents_health=dashboard_views.agent_lines(house.engine.health()),
        ),
    )
