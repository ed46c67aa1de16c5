"""One symbol: chart, decisions over time, why, quality of its data, news and filings."""

from dataclasses import dataclass
from typing import Any, ClassVar

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from domain.decision import Verdict
from domain.errors import UnknownSymbolError
from domain.symbols import asset_class, calendar_of, parse_symbol
from web.components import dashboard_views
from web.live.latest_state import Board
from web.pages.responses import html, see_other
from web.recent_prices import Prices
from web.render import Renderer
from web.services import House
from web.shell import PageContext, WebRequest, build_shell, engine_view
from web.symbol_details import (
    FilingLine,
    NewsLine,
    failure,
    filing_lines,
    history_lines,
    news_lines,
)
from web.views.decisions import DecisionCell
from web.views.symbol_rows import PriceCell

TOPICS = ("standing", "why", "chart", "prices", "facts")


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolPage(PageContext):
    template: ClassVar[str] = "pages/symbol.html"
    symbol: str
    slug: str
    kind: str
    calendar: str
    timeframe: str
    price: PriceCell
    decision: DecisionCell | None
    why: dashboard_views.Why
    verdict: Verdict | None
    history: tuple[DecisionCell, ...]
    news: tuple[NewsLine, ...]
    filings: tuple[FilingLine, ...]
    news_failure: str
    filings_failure: str
    has_bars: bool


@get("/symbols", include_in_schema=False, sync_to_thread=True)
def find(q: FromQuery[str] = "") -> Response[Any]:
    return see_other(f"/symbols/{parse_symbol(q)}" if q.strip() else "/")


@get("/symbols/{symbol:str}", include_in_schema=False, sync_to_thread=True)
def symbol_page(
    request: WebRequest,
    house: NamedDependency[House],
    renderer: NamedDependency[Renderer],
    prices: NamedDependency[Prices],
    symbol: FromPath[str],
) -> Response[Any]:
    name = known_symbol(house, symbol)
    shell = build_shell(house, request, name, topics=TOPICS, symbol=name)
    board = Board(house)
    recorded = board.latest.get(name)
    row = dashboard_views.symbol_row(house, board, prices, name)
    verdict = recorded.decision.verdict if recorded else None
    return html(
        renderer,
        SymbolPage(
            shell=shell,
            engine=engine_view(house.engine.state),
            symbol=name,
            slug=row.slug,
            kind=row.kind,
            calendar=_hours(calendar_of(name)),
            timeframe=house.timeframe.value,
            price=row.price,
            decision=row.decision,
            why=dashboard_views.why(board, name),
            verdict=verdict,
            history=history_lines(house, name),
            news=news_lines(house, board, name),
            filings=filing_lines(house, board, name),
            news_failure=failure(house, name, "news"),
            filings_failure=failure(house, name, "filings"),
            has_bars=_has_bars(house, name),
        ),
    )


def known_symbol(house: House, text: str) -> str:
    """The symbol that `text` spells.

    Raises UnknownSymbolError if it is neither watched nor decided on and has no bars.
    """
    name = parse_symbol(text)
    if name in house.watched() or _has_bars(house, name):
        return name
    if house.records.history(house.market, house.run, name, 1):
        return name
    raise UnknownSymbolError(
        f"Nothing is stored for {name} ({asset_class(name).value}) in the {house.market} "
        "market. Add it to the watchlist, or import its bars with `quorum import`."
    )


def _has_bars(house: House, symbol: str) -> bool:
    return house.library.span(house.market, symbol, house.timeframe) is not None


def _hours(calendar: str) -> str:
    return "trades around the clock" if calendar == "24/7" else f"trades by the {calendar} calendar"
