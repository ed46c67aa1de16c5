"""Orders: a look at one before it is placed, placing, amending, cancelling, and all that filled."""

import math
from dataclasses import fields as dataclass_fields
from typing import Annotated

import msgspec
from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter

from domain.errors import InputError
from domain.symbols import parse_symbol
from domain.trading.orders import Amendment, Kind, Order, Preview, Side, Term, Ticket
from storage.accounts.blotter import FillLine, OrderLine
from web.api.order_schemas import (
    AmendmentIn,
    CancelledOut,
    FillOut,
    FillsOut,
    OrderIn,
    OrderLineOut,
    OrderOut,
    OrdersOut,
    PreviewOut,
    TicketIn,
)
from web.api.schemas import about
from web.orders.order_filter import order_filter
from web.orders.ticket_form import choice, units_worth
from web.services import House

Limit = Annotated[int, QueryParameter(ge=1, le=500, description="At most so many.")]
Before = Annotated[
    int | None, QueryParameter(ge=1, description="Continue a list: its `next`, an entry's number.")
]
Key = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        description="Names this request for ever: sent again, it is the same order. The body's "
        "`key` does the same.",
    ),
]


@post("/orders/preview", sync_to_thread=True, status_code=200)
def preview(house: NamedDependency[House], data: JSONBody[TicketIn]) -> PreviewOut:
    """What an order would do, every rule it was held against and, where all pass, a quote that
    confirms it for 15 seconds."""
    found = house.floor.preview(_ticket(house, data))
    told = {field.name: getattr(found, field.name) for field in dataclass_fields(Preview)}
    told["weight"] = None if math.isnan(found.weight) else found.weight
    return PreviewOut(**told, **about(house))


@post("/orders", sync_to_thread=True, status_code=201)
def place(house: NamedDependency[House], data: JSONBody[OrderIn], key: Key = None) -> OrderOut:
    """Places what was previewed: the preview's `ticket` and `quote`, under a key of your own. The
    same key with the same ticket again is answered with the same order."""
    named = {name for name in (key, data.key) if name}
    if len(named) > 1:
        raise InputError("The header Idempotency-Key and `key` are two different keys. Give one.")
    if not named:
        raise InputError(
            "An order needs a key that is its own, such as a UUID, so that it is placed once "
            "however often it is sent. Give one as the header Idempotency-Key or as `key`."
        )
    ticket = _ticket(house, data.ticket)
    placed = house.floor.place(ticket, quote=data.quote, key=named.pop())
    return _order(house, placed)


@get("/orders", sync_to_thread=True)
def orders(
    house: NamedDependency[House],
    limit: Limit = 100,
    before: Before = None,
    symbol: FromQuery[str] = "",
    status: FromQuery[str] = "",
    source: FromQuery[str] = "",
    open: FromQuery[bool] = False,
) -> OrdersOut:
    """Orders, newest first; `open` leaves out those that have ended."""
    chosen = order_filter(symbol, status, source)
    found = chosen.orders(house.blotter, limit + 1, before, open_only=open)
    return OrdersOut(
        orders=tuple(map(_line, found[:limit])),
        next=found[limit - 1].number if len(found) > limit else None,
        **about(house),
    )


@delete("/orders", sync_to_thread=True, status_code=200)
def cancel_all(house: NamedDependency[House]) -> CancelledOut:
    """Cancels every open order, exits included."""
    ended = house.floor.cancel_all()
    return CancelledOut(orders=ended, **about(house))


@get("/orders/{id:str}", sync_to_thread=True)
def order(house: NamedDependency[House], id: FromPath[str]) -> OrderOut:
    return _order(house, house.blotter.order(id).order)


@patch("/orders/{id:str}", sync_to_thread=True)
def amend(
    house: NamedDependency[House], id: FromPath[str], data: JSONBody[AmendmentIn]
) -> OrderOut:
    """New terms of an open order, which trade from the next bar on."""
    amended = house.floor.amend(id, Amendment(**msgspec.structs.asdict(data)))
    return _order(house, amended)


@delete("/orders/{id:str}", sync_to_thread=True, status_code=200)
def cancel(house: NamedDependency[House], id: FromPath[str]) -> OrderOut:
    """Cancels an open order and the exits that wait for it; a cancelled one stays so."""
    ended = house.floor.cancel(id)
    return _order(house, ended)


@get("/fills", sync_to_thread=True)
def fills(
    house: NamedDependency[House],
    limit: Limit = 100,
    before: Before = None,
    symbol: FromQuery[str] = "",
    order: FromQuery[str] = "",
) -> FillsOut:
    """Fills, newest first; `order` is the id of the order they belong to."""
    name = parse_symbol(symbol) if symbol else None
    found = house.blotter.fills(order=order or None, symbol=name, before=before, limit=limit + 1)
    return FillsOut(
        fills=tuple(map(_fill, found[:limit])),
        next=found[limit - 1].number if len(found) > limit else None,
        **about(house),
    )


def _ticket(house: House, data: TicketIn) -> Ticket:
    """Raises InputError naming what was refused and what would be accepted."""
    symbol, quantity = parse_symbol(data.symbol), data.quantity
    if (quantity is None) == (data.value is None):
        raise InputError("An order is of a quantity or of a value. Give one of them.")
    if quantity is None:
        quantity = units_worth(house, symbol, data.value or 0.0, data.limit or data.stop)
    return Ticket(
        symbol=symbol,
        side=choice(Side)("side", data.side),
        kind=choice(Kind)("kind", data.kind),
        quantity=quantity,
        limit=data.limit,
        stop=data.stop,
        trail=data.trail,
        trail_share=data.trail_share,
        term=choice(Term)("term", data.term),
        reduce_only=data.reduce_only,
        stop_loss=data.stop_loss,
        take_profit=data.take_profit,
        note=data.note,
    )


def _order(house: House, order: Order) -> OrderOut:
    return OrderOut(order=order, **about(house))


def _line(line: OrderLine) -> OrderLineOut:
    return OrderLineOut(line.number, line.updated_at, line.order)


def _fill(line: FillLine) -> FillOut:
    return FillOut(**{field.name: getattr(line, field.name) for field in dataclass_fields(FillOut)})
