"""One symbol: chart, decisions over time, why, quality of its data, news and filings."""

from dataclasses import dataclass
from typing import Any, ClassVar

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from domain.decision import QualityVerdict
from domain.errors import UnknownSymbolError
from domain.symbols import asset_class, calendar_of, parse_symbol
from web.components import dashboard_views
from web.components.symbol_details import (
    FilingLine,
    NewsLine,
    fetch_error,
    filing_lines,
    history_lines,
    news_lines,
)
from web.pages.responses import html_response, see_other
from web.render import Renderer
from web.services import AppServices
from web.shell import PageContext, WebRequest, build_shell, engine_view
from web.state.latest_state import LatestState
from web.state.recent_prices import RecentPrices
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
    why: dashboard_views.SymbolExplanation
    verdict: QualityVerdict | None
    history: tuple[DecisionCell, ...]
    news: tuple[NewsLine, ...]
    filings: tuple[FilingLine, ...]
    news_failure: str
    filings_failure: str
    has_bars: bool


@get("/symbols", include_in_schema=False, sync_to_thread=True)
def find_symbol(q: FromQuery[str] = "") -> Response[Any]:
    return see_other(f"/symbols/{parse_symbol(q)}" if q.strip() else "/")


@get("/symbols/{symbol:str}", include_in_schema=False, sync_to_thread=True)
def symbol_page(
    request: WebRequest,
    services: NamedDependency[AppServices],
    renderer: NamedDependency[Renderer],
    prices: NamedDependency[RecentPrices],
    symbol: FromPath[str],
) -> Response[Any]:
    name = known_symbol(services, symbol)
    shell = build_shell(services, request, name, topics=TOPICS, symbol=name)
    latest_state = LatestState(services)
    recorded = latest_state.decisions.get(name)
    row = dashboard_views.symbol_row(services, latest_state, prices, name)
    verdict = recorded.decision.verdict if recorded else None
    return html_response(
        renderer,
        SymbolPage(
            shell=shell,
            engine=engine_view(services.engine.state),
            symbol=name,
            slug=row.slug,
            kind=row.kind,
            calendar=_calendar_text(calendar_of(name)),
            timeframe=services.timeframe.value,
            price=row.price,
            decision=row.decision,
            why=dashboard_views.explain_symbol(latest_state, name),
            verdict=verdict,
            history=history_lines(services, name),
            news=news_lines(services, latest_state, name),
            filings=filing_lines(services, latest_state, name),
            news_failure=fetch_error(services, name, "news"),
            filings_failure=fetch_error(services, name, "filings"),
            has_bars=_has_bars(services, name),
        ),
    )


def known_symbol(services: AppServices, text: str) -> str:
    """The symbol that `text` spells.

    Raises UnknownSymbolError if it is neither watched nor decided on and has no bars.
    """
    name = parse_symbol(text)
    if name in services.watched_symbols() or _has_bars(services, name):
        return name
    if services.records.history(services.market, services.run, name, 1):
        return name
    raise UnknownSymbolError(
        f"Nothing is stored for {name} ({asset_class(name).value}) in the {services.market} "
        "market. Add it to the watchlist, or import its bars with `quorum import`."
    )


def _has_bars(services: AppServices, symbol: str) -> bool:
    return services.store.span(services.market, symbol, services.timeframe) is not None


def _calendar_text(calendar: str) -> str:
    return "trades around the clock" if calendar == "24/7" else f"trades by the {calendar} calendar"
