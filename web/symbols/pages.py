"""One symbol: chart, past decisions, why, data quality, news and filings."""

from dataclasses import dataclass
from typing import Any, ClassVar

from litestar import Response, get
from litestar.params import FromPath, FromQuery

from domain.decision import QualityVerdict
from domain.symbols import calendar_of, parse_symbol
from storage.journal.decision_records import SqlDecisionRecords
from web.components.decision_cells import DecisionCell
from web.components.known_symbols import KnownSymbols
from web.components.symbol_rows import PriceCell, SymbolRows
from web.components.why import SymbolExplanation, explain_symbol
from web.http.responses import html_response, see_other
from web.injection import Injected
from web.live.latest_state import LatestState
from web.render import Renderer
from web.services import ServedRun
from web.shell import PageContext, ShellBuilder, WebRequest
from web.symbols.symbol_details import FilingLine, NewsLine, SymbolDetails

TOPICS = ("standing", "why", "chart", "prices", "facts")


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolPage(PageContext):
    template: ClassVar[str] = "symbols/symbol.html"
    symbol: str
    slug: str
    kind: str
    calendar: str
    timeframe: str
    price: PriceCell
    decision: DecisionCell | None
    why: SymbolExplanation
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
    served_run: Injected[ServedRun],
    records: Injected[SqlDecisionRecords],
    known_symbols: Injected[KnownSymbols],
    symbol_details: Injected[SymbolDetails],
    symbol_rows: Injected[SymbolRows],
    shell_builder: Injected[ShellBuilder],
    renderer: Injected[Renderer],
    symbol: FromPath[str],
) -> Response[Any]:
    name = known_symbols.require(symbol)
    shell = shell_builder.build(request, name, topics=TOPICS, symbol=name)
    latest_state = LatestState(served_run, records)
    recorded = latest_state.decisions.get(name)
    row = symbol_rows.row(latest_state, name)
    return html_response(
        renderer,
        SymbolPage(
            shell=shell,
            symbol=name,
            slug=row.slug,
            kind=row.kind,
            calendar=_calendar_text(calendar_of(name)),
            timeframe=served_run.timeframe.value,
            price=row.price,
            decision=row.decision,
            why=explain_symbol(latest_state, name),
            verdict=recorded.decision.verdict if recorded else None,
            history=symbol_details.history(name),
            news=symbol_details.news(latest_state, name),
            filings=symbol_details.filings(latest_state, name),
            news_failure=symbol_details.fetch_error(name, "news"),
            filings_failure=symbol_details.fetch_error(name, "filings"),
            has_bars=known_symbols.has_bars(name),
        ),
    )


def _calendar_text(calendar: str) -> str:
    return "trades around the clock" if calendar == "24/7" else f"trades by the {calendar} calendar"
