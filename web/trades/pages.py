"""The trades journal: closed round trips, filtered by the URL, with notes and tags."""

from dataclasses import dataclass
from typing import Any, ClassVar

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Stream

from domain.trading.lots import RoundTrip
from orchestrator.account.service import AccountService
from storage.accounts.blotter import SqlBlotter
from storage.accounts.trade_notes import MAX_NOTE_LENGTH
from web.http.downloads import rows_as_csv
from web.http.forms import Form
from web.http.responses import html_response, safe_redirect_path, see_other
from web.injection import Injected
from web.render import Renderer
from web.services import ServedRun
from web.shell import PageContext, ShellBuilder, WebRequest
from web.trades.trade_filter import RESULTS, TradeFilter, parse_tags, parse_trade_filter
from web.trades.views import (
    CSV_COLUMNS,
    RoundTripLine,
    TradeTotalLine,
    csv_rows,
    round_trip_lines,
    trade_total_lines,
    trade_totals,
)

PATH = "/trades"
PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class TradeFilterOption:
    value: str
    label: str


@dataclass(frozen=True, slots=True)
class RoundTripsView:
    """The lines of one page; `older` and `all_url` are URLs, empty where there is no more;
    `csv_url` has every trip that matches the filter. `has_trades` says whether there are any trades
    at all."""

    lines: tuple[RoundTripLine, ...]
    totals: tuple[TradeTotalLine, ...]
    older: str
    all_url: str
    csv_url: str
    current_url: str
    has_trades: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TradesPage(PageContext):
    template: ClassVar[str] = "trades/trades.html"
    round_trips: RoundTripsView
    filter: TradeFilter
    results: tuple[TradeFilterOption, ...]
    symbols: tuple[str, ...]
    tags: tuple[str, ...]
    currency: str
    longest_note: int


@get(PATH, include_in_schema=False, sync_to_thread=True)
def trades(
    request: WebRequest,
    account_service: Injected[AccountService],
    blotter: Injected[SqlBlotter],
    shell_builder: Injected[ShellBuilder],
    renderer: Injected[Renderer],
    symbol: FromQuery[str] = "",
    result: FromQuery[str] = "",
    tag: FromQuery[str] = "",
    since: FromQuery[str] = "",
    until: FromQuery[str] = "",
    skip: FromQuery[int] = 0,
    show: FromQuery[str] = "",
) -> Response[Any]:
    chosen = parse_trade_filter(symbol, result, tag, since, until)
    shell = shell_builder.build(request, "Trades", topics=("trips",))
    round_trips = blotter.round_trips()
    currency = account_service.account().currency
    return html_response(
        renderer,
        TradesPage(
            shell=shell,
            round_trips=_round_trips_view(
                round_trips, chosen, max(skip, 0), show == "all", currency
            ),
            filter=chosen,
            results=tuple(TradeFilterOption(value, label) for value, label in RESULTS.items()),
            symbols=tuple(sorted({trip.symbol for trip in round_trips})),
            tags=tuple(sorted({tag for trip in round_trips for tag in trip.tags})),
            currency=currency,
            longest_note=MAX_NOTE_LENGTH,
        ),
    )


@get("/trades/trades.csv", include_in_schema=False, sync_to_thread=True)
def trades_file(
    served_run: Injected[ServedRun],
    blotter: Injected[SqlBlotter],
    symbol: FromQuery[str] = "",
    result: FromQuery[str] = "",
    tag: FromQuery[str] = "",
    since: FromQuery[str] = "",
    until: FromQuery[str] = "",
) -> Stream:
    matching = matching_round_trips(
        blotter.round_trips(), parse_trade_filter(symbol, result, tag, since, until)
    )
    filename = f"quorum-{served_run.market}-trades.csv"
    return Stream(
        rows_as_csv(CSV_COLUMNS, csv_rows(matching)),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{filename}"'},
    )


@post("/trades/{trip:str}", include_in_schema=False, sync_to_thread=True)
def annotate_trade(blotter: Injected[SqlBlotter], trip: FromPath[str], data: Form) -> Redirect:
    """Store the note and the tags, and go back to the journal with the same filter."""
    blotter.annotate(trip, data.get("note", "").strip(), parse_tags([data.get("tags", "")]))
    return see_other(safe_redirect_path(data.get("back", ""), PATH))


def matching_round_trips(
    round_trips: tuple[RoundTrip, ...], chosen: TradeFilter
) -> list[RoundTrip]:
    """Return the trips that match the filter, the last one to end first."""
    return [trip for trip in reversed(round_trips) if chosen.matches(trip)]


def _round_trips_view(
    round_trips: tuple[RoundTrip, ...],
    chosen: TradeFilter,
    skip: int,
    show_all: bool,
    currency: str,
) -> RoundTripsView:
    matching = matching_round_trips(round_trips, chosen)
    shown = matching if show_all else matching[skip : skip + PAGE_SIZE]
    more = len(matching) > skip + len(shown) and not show_all
    paged = {"show": "all"} if show_all else {"skip": str(skip)} if skip else {}
    return RoundTripsView(
        lines=round_trip_lines(shown),
        totals=trade_total_lines(trade_totals(matching), currency),
        older=chosen.url(PATH, skip=str(skip + PAGE_SIZE)) if more else "",
        all_url=chosen.url(PATH, show="all") if len(shown) < len(matching) else "",
        csv_url=chosen.url("/trades/trades.csv"),
        current_url=chosen.url(PATH, **paged),
        has_trades=bool(round_trips),
    )
