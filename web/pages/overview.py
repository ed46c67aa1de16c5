"""The watchlist by edge, key figures, the newest decisions, the agents' health."""

from dataclasses import dataclass
from typing import Any, ClassVar

from litestar import Response, get
from litestar.di import NamedDependency

from web import parts
from web.board import Board
from web.house import House
from web.pages.reply import html
from web.prices import Prices
from web.render import Renderer
from web.shell import PageContext, WebRequest, build_shell, engine_view
from web.views.decisions import DecisionCell
from web.views.rows import Row

TOPICS = ("ranking", "feed", "kpis", "agents", "progress")


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewPage(PageContext):
    template: ClassVar[str] = "pages/overview.html"
    progress: parts.ProgressView | None
    kpis: tuple[parts.Kpi, ...]
    rows: tuple[Row, ...]
    feed: tuple[DecisionCell, ...]
    agents_health: tuple[parts.AgentLine, ...]


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
            progress=parts.progress_view(status, house.engine.progress(), not board.latest),
            kpis=parts.kpis(house, board),
            rows=parts.ranked(parts.rows(house, board, prices)),
            feed=parts.feed(board),
            agents_health=parts.agent_lines(house.engine.health()),
        ),
    )
