"""The matrix of symbols and agents, and why one symbol is decided as it is."""

from dataclasses import dataclass
from typing import Any, ClassVar

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from web import parts
from web.board import Board
from web.house import House
from web.pages.reply import html
from web.pages.symbol import known_symbol
from web.prices import Prices
from web.render import Renderer
from web.shell import PageContext, WebRequest, build_shell, engine_view
from web.views.decisions import DecisionCell
from web.views.rows import Row

TOPICS = ("votes", "why", "feed", "progress")


@dataclass(frozen=True, slots=True, kw_only=True)
class InsightsPage(PageContext):
    template: ClassVar[str] = "pages/insights.html"
    progress: parts.ProgressView | None
    agents: tuple[parts.AgentColumn, ...]
    rows: tuple[Row, ...]
    selected: str
    why: parts.Why
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
            progress=parts.progress_view(status, house.engine.progress(), not board.latest),
            agents=parts.columns(house.agents),
            rows=parts.rows(house, board, prices),
            selected=selected,
            why=parts.why(board, selected),
            feed=parts.feed(board),
        ),
    )
