"""Closed trades, their notes and tags."""

from typing import Annotated

from litestar import get, patch
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from domain.errors import NotFoundError
from domain.trading.lots import RoundTrip
from storage.accounts.blotter import SqlBlotter
from web.injection import Injected
from web.schemas import market_fields, to_schema
from web.services import ServedRun
from web.trades.pages import matching_round_trips
from web.trades.schemas import AnnotationIn, RoundTripOut, TotalsOut, TradeOut, TradesOut
from web.trades.trade_filter import parse_tags, parse_trade_filter
from web.trades.views import trade_totals

LimitParameter = Annotated[int, QueryParameter(ge=1, le=1000, description="At most so many.")]
SkipParameter = Annotated[int, QueryParameter(ge=0, description="Continue a list: its `next`.")]


@get("/trades", sync_to_thread=True)
def trades(
    served_run: Injected[ServedRun],
    blotter: Injected[SqlBlotter],
    symbol: FromQuery[str] = "",
    result: FromQuery[str] = "",
    tag: FromQuery[str] = "",
    since: FromQuery[str] = "",
    until: FromQuery[str] = "",
    skip: SkipParameter = 0,
    limit: LimitParameter = 100,
) -> TradesOut:
    """Return closed round trips, first in first out.

    `result` is `won` or `lost`; `since` and `until` are the days (2015-01-31) on which a trip
    ended, both included.
    """
    matching = matching_round_trips(
        blotter.round_trips(), parse_trade_filter(symbol, result, tag, since, until)
    )
    shown = matching[skip : skip + limit]
    return TradesOut(
        totals=to_schema(trade_totals(matching), TotalsOut),
        trades=tuple(map(_round_trip_out, shown)),
        next=skip + limit if len(matching) > skip + limit else None,
        **market_fields(served_run),
    )


@patch("/trades/{id:str}", sync_to_thread=True)
def annotate(
    served_run: Injected[ServedRun],
    blotter: Injected[SqlBlotter],
    id: FromPath[str],
    data: JSONBody[AnnotationIn],
) -> TradeOut:
    """Replace the note or the tags of a trade."""
    round_trip = _find_round_trip(blotter, id)
    note = round_trip.note if data.note is None else data.note.strip()
    tags = round_trip.tags if data.tags is None else parse_tags(data.tags)
    blotter.annotate(id, note, tags)
    return TradeOut(
        trade=_round_trip_out(_find_round_trip(blotter, id)), **market_fields(served_run)
    )


def _round_trip_out(round_trip: RoundTrip) -> RoundTripOut:
    return to_schema(round_trip, RoundTripOut, decision=round_trip.receipt)


def _find_round_trip(blotter: SqlBlotter, id: str) -> RoundTrip:
    found = next((trip for trip in blotter.round_trips() if trip.id == id), None)
    if found is None:
        raise NotFoundError(
            f"There is no closed trade {id[:40]!r}. GET /api/v1/trades lists those there are."
        )
    return found
