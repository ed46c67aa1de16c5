"""The trades journal: closed round trips, filtered by their address, with notes and tags."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery
from litestar.response import Redirect, Stream

from domain.trading.lots import Trip
from storage.accounts.trade_notes import MOST_WORDS
from web.account.trade_filter import RESULTS, Filter, asked, tags_in
from web.downloads import as_csv_rows
from web.pages.responses import html, ours, see_other
from web.render import Renderer
from web.services import House
from web.shell import PageContext, WebRequest, build_shell, engine_view
from web.views.trades import (
    CSV_HEAD,
    TotalLine,
    TripLine,
    csv_lines,
    total_lines,
    totals,
    trip_lines,
)

HERE = "/trades"
PAGE = 100
Form = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str


@dataclass(frozen=True, slots=True)
class TripsView:
    """Lines of one page; `older` and `all` are addresses, empty where there is no more; `csv` has
    every trip the filter leaves. `any` says that there are trips at all."""

    lines: tuple[TripLine, ...]
    totals: tuple[TotalLine, ...]
    older: str
    all: str
    csv: str
    here: str
    any: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TradesPage(PageContext):
    template: ClassVar[str] = "pages/trades.html"
    trips: TripsView
    filter: Filter
    results: tuple[Choice, ...]
    symbols: tuple[str, ...]
    tags: tuple[str, ...]
    currency: str
    longest_note: int


@get(HERE, include_in_schema=False, sync_to_thread=True)
def trades(
    request: WebRequest,
    house: NamedDependency[House],
    renderer: NamedDependency[Renderer],
    symbol: FromQuery[str] = "",
    result: FromQuery[str] = "",
    tag: FromQuery[str] = "",
    since: FromQuery[str] = "",
    until: FromQuery[str] = "",
    skip: FromQuery[int] = 0,
    show: FromQuery[str] = "",
) -> Response[Any]:
    chosen = asked(symbol, result, tag, since, until)
    shell = build_shell(house, request, "Trades", topics=("trips",))
    every = house.blotter.trips()
    currency = house.floor.account().currency
    return html(
        renderer,
        TradesPage(
            shell=shell,
            engine=engine_view(house.engine.state),
            trips=_view(every, chosen, max(skip, 0), show == "all", currency),
            filter=chosen,
            results=tuple(Choice(value, label) for value, label in RESULTS.items()),
            symbols=tuple(sorted({trip.symbol for trip in every})),
            tags=tuple(sorted({tag for trip in every for tag in trip.tags})),
            currency=currency,
            longest_note=MOST_WORDS,
        ),
    )


@get("/trades/trades.csv", include_in_schema=False, sync_to_thread=True)
def trades_file(
    house: NamedDependency[House],
    symbol: FromQuery[str] = "",
    result: FromQuery[str] = "",
    tag: FromQuery[str] = "",
    since: FromQuery[str] = "",
    until: FromQuery[str] = "",
) -> Stream:
    kept = newest(house.blotter.trips(), asked(symbol, result, tag, since, until))
    saved = f"quorum-{house.market}-trades.csv"
    return Stream(
        as_csv_rows(CSV_HEAD, csv_lines(kept)),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{saved}"'},
    )


@post("/trades/{trip:str}", include_in_schema=False, sync_to_thread=True)
def annotate_trade(house: NamedDependency[House], trip: FromPath[str], data: Form) -> Redirect:
    """Keeps the note and the tags, and goes back to the journal as it was filtered."""
    house.blotter.annotate(trip, data.get("note", "").strip(), tags_in([data.get("tags", "")]))
    return see_other(ours(data.get("back", ""), HERE))


def newest(trips: tuple[Trip, ...], chosen: Filter) -> list[Trip]:
    """Those that the filter keeps, the last one to end first."""
    return [trip for trip in reversed(trips) if chosen.keeps(trip)]


def _view(
    every: tuple[Trip, ...], chosen: Filter, skip: int, whole: bool, currency: str
) -> TripsView:
    kept = newest(every, chosen)
    shown = kept if whole else kept[skip : skip + PAGE]
    more = len(kept) > skip + len(shown) and not whole
    paged = {"show": "all"} if whole else {"skip": str(skip)} if skip else {}
    return TripsView(
        lines=trip_lines(shown),
        totals=total_lines(totals(kept), currency),
        older=chosen.address(HERE, skip=str(skip + PAGE)) if more else "",
        all=chosen.address(HERE, show="all") if len(shown) < len(kept) else "",
        csv=chosen.address("/trades/trades.csv"),
        here=chosen.address(HERE, **paged),
        any=bool(every),
    )
