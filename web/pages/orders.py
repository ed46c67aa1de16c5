"""Open orders and what became of all others, one order by itself, and the files of both."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery
from litestar.response import Stream

from domain.canonical import to_json
from domain.errors import InputError
from domain.trading.orders import Amendment
from storage.accounts.blotter import FillLine, OrderLine
from web.account.components import guard_of
from web.downloads import as_csv_rows
from web.number_input import NumberStyle, read_positive
from web.orders.order_filter import OrderFilter, order_filter
from web.pages.responses import html, ours, see_other
from web.render import Renderer
from web.services import House
from web.shell import PageContext, WebRequest, build_shell, engine_view
from web.views.orders import (
    MOST_OPEN,
    ORDERS,
    SOURCES,
    STATUSES,
    FillRow,
    OrderRow,
    fill_rows,
    order_rows,
    terms_of,
)
from web.views.trading_state import GuardView

LIVE, FILTERED = ("orders", "order-log", "guard"), ("order-pages", "guard")
"""Topics of the newest orders, and of pages that only they who look at them see."""
Form = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersPage(PageContext):
    """`open_orders` are the newest of `open_count`; `older` and `older_fills` the addresses of the
    next pages, empty on the last ones; `back` where one returns to after an order was amended or
    cancelled."""

    template: ClassVar[str] = "pages/orders.html"
    open_orders: tuple[OrderRow, ...]
    open_count: int
    orders: tuple[OrderRow, ...]
    fills: tuple[FillRow, ...]
    filter: OrderFilter
    statuses: tuple[Choice, ...]
    sources: tuple[Choice, ...]
    older: str
    older_fills: str
    orders_csv: str
    fills_csv: str
    back: str
    guard: GuardView


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPage(PageContext):
    """The one order is among the open ones or, once it has ended, among the others."""

    template: ClassVar[str] = "pages/order.html"
    title: str
    id: str
    open_orders: tuple[OrderRow, ...]
    open_count: int
    orders: tuple[OrderRow, ...]
    fills: tuple[FillRow, ...]
    back: str


@get("/orders", include_in_schema=False, sync_to_thread=True)
def orders(
    request: WebRequest,
    house: NamedDependency[House],
    renderer: NamedDependency[Renderer],
    symbol: FromQuery[str] = "",
    status: FromQuery[str] = "",
    source: FromQuery[str] = "",
    before: FromQuery[int | None] = None,
    fills_before: FromQuery[int | None] = None,
) -> Response[Any]:
    chosen = order_filter(symbol, status, source)
    newest = not chosen.narrow and before is None and fills_before is None
    shell = build_shell(house, request, "Orders", topics=LIVE if newest else FILTERED)
    blotter = house.blotter
    found = chosen.orders(blotter, ORDERS + 1, before)
    fills = chosen.fills(blotter, ORDERS + 1, fills_before)
    return html(
        renderer,
        OrdersPage(
            shell=shell,
            engine=engine_view(house.engine.state),
            open_orders=order_rows(blotter.orders(open_only=True, limit=MOST_OPEN)),
            open_count=len(house.floor.account().orders),
            orders=order_rows(found[:ORDERS]),
            fills=fill_rows(fills[:ORDERS]),
            filter=chosen,
            statuses=tuple(Choice(each.value, word) for each, (word, *_) in STATUSES.items()),
            sources=tuple(Choice(each.value, word) for each, word in SOURCES.items()),
            older=_older(chosen, found, "before"),
            older_fills=_older(chosen, fills, "fills_before"),
            orders_csv=chosen.url("/orders/orders.csv"),
            fills_csv=chosen.url("/orders/fills.csv"),
            back=chosen.url("/orders", before=before, fills_before=fills_before),
            guard=guard_of(house),
        ),
    )


@get("/orders/{id:str}", include_in_schema=False, sync_to_thread=True)
def order(
    request: WebRequest,
    house: NamedDependency[House],
    renderer: NamedDependency[Renderer],
    id: FromPath[str],
) -> Response[Any]:
    line = house.blotter.order(id)
    rows, is_open = order_rows([line]), line.order.open
    title = f"{rows[0].side} {rows[0].quantity} {line.order.symbol}, {terms_of(line.order)}"
    return html(
        renderer,
        OrderPage(
            shell=build_shell(house, request, title, topics=FILTERED),
            engine=engine_view(house.engine.state),
            title=title,
            id=line.order.id,
            open_orders=rows if is_open else (),
            open_count=int(is_open),
            orders=() if is_open else rows,
            fills=fill_rows(house.blotter.fills(order=line.order.id)),
            back=rows[0].url,
        ),
    )


@post("/orders/{id:str}/amend", include_in_schema=False, sync_to_thread=True)
def amend_order(
    house: NamedDependency[House],
    style: NamedDependency[NumberStyle],
    id: FromPath[str],
    data: Form,
) -> Response[Any]:
    house.floor.amend(id, amendment(data, style))
    return _back(data)


@post("/orders/{id:str}/cancel", include_in_schema=False, sync_to_thread=True)
def cancel_order(house: NamedDependency[House], id: FromPath[str], data: Form) -> Response[Any]:
    house.floor.cancel(id)
    return _back(data)


@post("/orders/cancel", include_in_schema=False, sync_to_thread=True)
def cancel_orders(house: NamedDependency[House], data: Form) -> Response[Any]:
    if data.get("sure") != "yes":
        raise InputError("Cancelling was not confirmed. Use the dialog on the orders' page.")
    house.floor.cancel_all()
    return _back(data)


@get("/orders/orders.csv", include_in_schema=False, sync_to_thread=True)
def orders_csv(
    house: NamedDependency[House],
    symbol: FromQuery[str] = "",
    status: FromQuery[str] = "",
    source: FromQuery[str] = "",
) -> Stream:
    found = order_filter(symbol, status, source).all_orders(house.blotter)
    return _file("quorum-orders.csv", ORDER_COLUMNS, map(_order_cells, found))


@get("/orders/fills.csv", include_in_schema=False, sync_to_thread=True)
def fills_csv(house: NamedDependency[House], symbol: FromQuery[str] = "") -> Stream:
    found = order_filter(symbol).all_fills(house.blotter)
    return _file("quorum-fills.csv", FILL_COLUMNS, map(_fill_cells, found))


def amendment(data: Mapping[str, str], style: NumberStyle) -> Amendment:
    """What a form changes; what is empty or was not sent stays as it is.

    Raises InputError for what is no positive number.
    """
    terms = {
        name: read_positive(name.replace("_", " ").capitalize(), data[name], style)
        for name in ("quantity", "limit", "stop", "trail", "trail_share")
        if data.get(name, "").strip()
    }
    if "trail_share" in terms:
        terms["trail_share"] /= 100
    return Amendment(**terms)


ORDER_COLUMNS = (
    "number", "id", "placed_at", "updated_at", "symbol", "side", "kind", "quantity", "limit",
    "stop", "trail", "trail_share", "term", "expires_at", "reduce_only", "status", "filled",
    "average", "fees", "source", "receipt", "parent", "group", "note", "why",
)  # fmt: skip
FILL_COLUMNS = (
    "number", "at", "order", "symbol", "units", "price", "commission", "slippage", "moment",
    "source",
)  # fmt: skip


def _order_cells(line: OrderLine) -> Iterable[object]:
    own = {"number": line.number, "updated_at": line.updated_at}
    return (
        _cell(own[name] if name in own else getattr(line.order, name)) for name in ORDER_COLUMNS
    )


def _fill_cells(line: FillLine) -> Iterable[object]:
    return (_cell(getattr(line, name)) for name in FILL_COLUMNS)


def _cell(value: object) -> object:
    """Instants and words as the API spells them."""
    return value if isinstance(value, int | float) else to_json(value)


def _file(name: str, columns: Sequence[str], lines: Iterable[Iterable[object]]) -> Stream:
    return Stream(
        as_csv_rows(columns, lines),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _older(chosen: OrderFilter, found: Sequence[OrderLine] | Sequence[FillLine], name: str) -> str:
    """Address of the page after the first `ORDERS` of `found`; empty where there is none."""
    return chosen.url("/orders", **{name: found[ORDERS - 1].number}) if len(found) > ORDERS else ""


def _back(data: Mapping[str, str]) -> Response[Any]:
    return see_other(ours(data.get("back", ""), "/orders"))
