"""Orders: preview, place, amend and cancel them, and list orders and fills."""

import math
from typing import Annotated

from litestar import delete, get, patch, post
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter

from domain.errors import InputError
from domain.symbols import parse_symbol
from domain.trading.orders import (
    Amendment,
    Order,
    OrderType,
    Side,
    Ticket,
    TimeInForce,
    with_exact_quantities,
)
from orchestrator.account.service import AccountService
from storage.accounts.blotter import BlotterFill, BlotterOrder, SqlBlotter
from web.injection import Injected
from web.orders.order_filter import parse_order_filter
from web.orders.schemas import (
    AmendmentIn,
    CancelledOut,
    FillOut,
    FillsOut,
    OrderIn,
    OrderLineOut,
    OrderOut,
    OrdersOut,
    PreviewOut,
    PublishedCheck,
    PublishedOrder,
    PublishedTicket,
    TicketIn,
)
from web.orders.ticket_form import enum_parser, quantity_for_value
from web.schemas import market_fields, to_schema
from web.services import ServedRun

LimitParameter = Annotated[int, QueryParameter(ge=1, le=500, description="At most so many.")]
BeforeParameter = Annotated[
    int | None, QueryParameter(ge=1, description="Continue a list: its `next`, an entry's number.")
]
IdempotencyKeyHeader = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        description="Names this request for ever: sent again, it is the same order. The body's "
        "`key` does the same.",
    ),
]


@post("/orders/preview", sync_to_thread=True, status_code=200)
def preview(
    served_run: Injected[ServedRun],
    account_service: Injected[AccountService],
    data: JSONBody[TicketIn],
) -> PreviewOut:
    """Preview an order: what it would do, every rule it was checked against and, where all pass, a
    quote that confirms it for 15 seconds."""
    found = account_service.preview(_parse_ticket(account_service, data))
    return to_schema(
        found,
        PreviewOut,
        ticket=to_schema(found.ticket, PublishedTicket),
        checks=tuple(to_schema(check, PublishedCheck) for check in found.checks),
        weight=None if math.isnan(found.weight) else found.weight,
        **market_fields(served_run),
    )


@post("/orders", sync_to_thread=True, status_code=201)
def place(
    served_run: Injected[ServedRun],
    account_service: Injected[AccountService],
    data: JSONBody[OrderIn],
    key: IdempotencyKeyHeader = None,
) -> OrderOut:
    """Place a previewed order: the preview's `ticket` and `quote`, under a key of the caller's. The
    same key with the same ticket again returns the same order."""
    keys = {name for name in (key, data.key) if name}
    if len(keys) > 1:
        raise InputError("The header Idempotency-Key and `key` are two different keys. Give one.")
    if not keys:
        raise InputError(
            "An order needs a key that is its own, such as a UUID, so that it is placed once "
            "however often it is sent. Give one as the header Idempotency-Key or as `key`."
        )
    ticket = _parse_ticket(account_service, data.ticket)
    placed = account_service.place(ticket, confirmation_token=data.quote, key=keys.pop())
    return _order_out(served_run, placed)


@get("/orders", sync_to_thread=True)
def orders(
    served_run: Injected[ServedRun],
    blotter: Injected[SqlBlotter],
    limit: LimitParameter = 100,
    before: BeforeParameter = None,
    symbol: FromQuery[str] = "",
    status: FromQuery[str] = "",
    source: FromQuery[str] = "",
    open: FromQuery[bool] = False,
) -> OrdersOut:
    """Return orders, newest first; `open` leaves out those that have ended."""
    chosen = parse_order_filter(symbol, status, source)
    found = chosen.orders(blotter, limit + 1, before, open_only=open)
    return OrdersOut(
        orders=tuple(map(_order_line_out, found[:limit])),
        next=found[limit - 1].number if len(found) > limit else None,
        **market_fields(served_run),
    )


@delete("/orders", sync_to_thread=True, status_code=200)
def cancel_all(
    served_run: Injected[ServedRun], account_service: Injected[AccountService]
) -> CancelledOut:
    """Cancel every open order, exits included."""
    ended = account_service.cancel_all()
    return CancelledOut(
        orders=tuple(to_schema(order, PublishedOrder) for order in ended),
        **market_fields(served_run),
    )


@get("/orders/{id:str}", sync_to_thread=True)
def order(
    served_run: Injected[ServedRun], blotter: Injected[SqlBlotter], id: FromPath[str]
) -> OrderOut:
    return _order_out(served_run, blotter.order(id).order)


@patch("/orders/{id:str}", sync_to_thread=True)
def amend(
    served_run: Injected[ServedRun],
    account_service: Injected[AccountService],
    id: FromPath[str],
    data: JSONBody[AmendmentIn],
) -> OrderOut:
    """Amend an open order; the new terms trade from the next bar on."""
    amendment = Amendment(
        quantity=data.quantity,
        limit_price=data.limit,
        stop_price=data.stop,
        trail_amount=data.trail,
        trail_fraction=data.trail_share,
    )
    return _order_out(served_run, account_service.amend(id, amendment))


@delete("/orders/{id:str}", sync_to_thread=True, status_code=200)
def cancel(
    served_run: Injected[ServedRun],
    account_service: Injected[AccountService],
    id: FromPath[str],
) -> OrderOut:
    """Cancel an open order and the exits that wait for it; a cancelled order stays as it is."""
    ended = account_service.cancel(id)
    return _order_out(served_run, ended)


@get("/fills", sync_to_thread=True)
def fills(
    served_run: Injected[ServedRun],
    blotter: Injected[SqlBlotter],
    limit: LimitParameter = 100,
    before: BeforeParameter = None,
    symbol: FromQuery[str] = "",
    order: FromQuery[str] = "",
) -> FillsOut:
    """Return fills, newest first; `order` is the id of the order they belong to."""
    name = parse_symbol(symbol) if symbol else None
    found = blotter.fills(order=order or None, symbol=name, before=before, limit=limit + 1)
    return FillsOut(
        fills=tuple(map(_fill_out, found[:limit])),
        next=found[limit - 1].number if len(found) > limit else None,
        **market_fields(served_run),
    )


def _parse_ticket(account_service: AccountService, data: TicketIn) -> Ticket:
    """Parse a ticket. Raises InputError with what was refused and what would be accepted."""
    symbol, quantity = parse_symbol(data.symbol), data.quantity
    if (quantity is None) == (data.value is None):
        raise InputError("An order is of a quantity or of a value. Give one of them.")
    if quantity is None:
        quantity = quantity_for_value(
            account_service, symbol, data.value or 0.0, data.limit or data.stop
        )
    return Ticket(
        symbol=symbol,
        side=enum_parser(Side)("side", data.side),
        order_type=enum_parser(OrderType)("kind", data.kind),
        quantity=quantity,
        limit_price=data.limit,
        stop_price=data.stop,
        trail_amount=data.trail,
        trail_fraction=data.trail_share,
        time_in_force=enum_parser(TimeInForce)("term", data.term),
        reduce_only=data.reduce_only,
        stop_loss=data.stop_loss,
        take_profit=data.take_profit,
        note=data.note,
    )


def _order_out(served_run: ServedRun, order: Order) -> OrderOut:
    published = to_schema(with_exact_quantities(order), PublishedOrder)
    return OrderOut(order=published, **market_fields(served_run))


def _order_line_out(line: BlotterOrder) -> OrderLineOut:
    order = to_schema(with_exact_quantities(line.order), PublishedOrder)
    return to_schema(line, OrderLineOut, order=order)


def _fill_out(fill: BlotterFill) -> FillOut:
    return to_schema(fill, FillOut)
