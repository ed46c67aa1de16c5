"""The matrix of symbols and agents, and why one symbol is decided as it is."""

from dataclasses import dataclass
from typing import Any, ClassVar

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from web.components import dashboard_views
from web.live.latest_state import Board
from web.pages.responses import html
from web.pages.symbol import known_symbol
from web.recent_prices import Prices
from web.render import Renderer
from web.services import House
from web.shell import PageContext, WebRequest, build_shell, engine_view
from web.views.decisions import DecisionCell
from web.views.symbol_rows import Row

TOPICS = ("votes", "why", "feed", "progress")


@dataclass(frozen=True, slots=True, kw_only=True)
class InsightsPage(PageContext):
    template: ClassVar[str] = "pages/insights.html"
    progress: dashboard_views.ProgressView | None
    agents: tuple[dashboard_views.AgentColumn, ...]
    rows: tuple[Row, ...]
    selected: str
    why: dashboard_views.Why
    feed: tuple[DecisionCell, ...]


@get("/insights", include_in_schema=False, sync_to_thread=True)
def insights(
    request: WebRequest,
    house: NamedDependency[House],
    renderer: NamedDependency[Renderer],
    prices: NamedDependency[Prices],
    symbol: FromQuery[str] = "",
) -> Response[Any]:
    symbols = house.watched()
    selected = known_symbol(house, symbol) if symbol else next(iter(symbols), "")
    shell = build_shell(house, request, "Insights", topics=TOPICS, symbol=selected)
    board, status = Board(house), house.engine.status()
    return html(
        renderer,
        InsightsPage(
            shell=shell,
            engine=engine_view(status.state),
            progress=dashboard_views.progress_view(
                status, house.engine.progress(), not board.latest
            ),
            agents=dashboard_views.columns(house.agents),
            rows=dashboard_views.rows(house, board, prices),
            selected=selected,
            why=dashboard_views.why(board, selected),
            feed=dashboard_views.feed(board),
        ),
    )
