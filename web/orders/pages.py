"""Open and past orders, one order in detail, and CSV files of orders and fills."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from domain.canonical import to_json
from domain.stored_names import stored_fields
from domain.trading.orders import Amendment
from orchestrator.account.service import AccountService
from storage.accounts.blotter import BlotterFill, BlotterOrder, SqlBlotter
from web.components.trading_state import TradingStateReader, TradingStateView
from web.http.downloads import rows_as_csv
from web.http.forms import Form, require_confirmation
from web.http.responses import html_response, safe_redirect_path, see_other
from web.injection import Injected
from web.number_input import NumberStyle, read_positive
from web.orders.order_filter import OrderFilter, parse_order_filter
from web.orders.views import (
    MAX_OPEN_ORDERS,
    PAGE_SIZE,
    SOURCES,
    STATUSES,
    FillRow,
    OrderRow,
    describe_order_type,
    fill_rows,
    order_rows,
)
from web.render import Renderer
from web.shell import PageContext, ShellBuilder, WebRequest

NEWEST_TOPICS, FILTERED_TOPICS = ("orders", "order-log", "guard"), ("order-pages", "guard")
"""Topics of the newest orders, and of pages that depend on the request."""


@dataclass(frozen=True, slots=True)
class OrderFilterOption:
    value: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersPage(PageContext):
    """`open_orders` are the newest of `open_count`; `older` and `older_fills` are the URLs of the
    next pages, empty on the last ones; `back` is where to return after an order was amended or
    cancelled."""

    template: ClassVar[str] = "orders/orders.html"
    open_orders: tuple[OrderRow, ...]
    open_count: int
    orders: tuple[OrderRow, ...]
    fills: tuple[FillRow, ...]
    filter: OrderFilter
    statuses: tuple[OrderFilterOption, ...]
    sources: tuple[OrderFilterOption, ...]
    older: str
    older_fills: str
    orders_csv: str
    fills_csv: str
    back: str
    trading_state: TradingStateView


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPage(PageContext):
    """The order is among the open ones or, once it has ended, among the others."""

    template: ClassVar[str] = "orders/order.html"
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
    account_service: Injected[AccountService],
    blotter: Injected[SqlBlotter],
    trading_state_reader: Injected[TradingStateReader],
    shell_builder: Injected[ShellBuilder],
    renderer: Injected[Renderer],
    symbol: FromQuery[str] = "",
    status: FromQuery[str] = "",
    source: FromQuery[str] = "",
    before: FromQuery[int | None] = None,
    fills_before: FromQuery[int | None] = None,
) -> Response[Any]:
    chosen = parse_order_filter(symbol, status, source)
    newest = not chosen.is_active and before is None and fills_before is None
    shell = shell_builder.build(
        request, "Orders", topics=NEWEST_TOPICS if newest else FILTERED_TOPICS
    )
    blotter = blotter
    found = chosen.orders(blotter, PAGE_SIZE + 1, before)
    fills = chosen.fills(blotter, PAGE_SIZE + 1, fills_before)
    return html_response(
        renderer,
        OrdersPage(
            shell=shell,
            open_orders=order_rows(blotter.orders(open_only=True, limit=MAX_OPEN_ORDERS)),
            open_count=len(account_service.account().orders),
            orders=order_rows(found[:PAGE_SIZE]),
            fills=fill_rows(fills[:PAGE_SIZE]),
            filter=chosen,
            statuses=tuple(
                OrderFilterOption(each.value, word) for each, (word, *_) in STATUSES.items()
            ),
            sources=tuple(OrderFilterOption(each.value, word) for each, word in SOURCES.items()),
            older=_older_url(chosen, found, "before"),
            older_fills=_older_url(chosen, fills, "fills_before"),
            orders_csv=chosen.url("/orders/orders.csv"),
            fills_csv=chosen.url("/orders/fills.csv"),
            back=chosen.url("/orders", before=before, fills_before=fills_before),
            trading_state=trading_state_reader.read(),
        ),
    )


@get("/orders/{id:str}", include_in_schema=False, sync_to_thread=True)
def order(
    request: WebRequest,
    blotter: Injected[SqlBlotter],
    shell_builder: Injected[ShellBuilder],
    renderer: Injected[Renderer],
    id: FromPath[str],
) -> Response[Any]:
    line = blotter.order(id)
    rows, is_open = order_rows([line]), line.order.is_open
    title = (
        f"{rows[0].side} {rows[0].quantity} {line.order.symbol}, {describe_order_type(line.order)}"
    )
    return html_response(
        renderer,
        OrderPage(
            shell=shell_builder.build(request, title, topics=FILTERED_TOPICS),
            title=title,
            id=line.order.id,
            open_orders=rows if is_open else (),
            open_count=int(is_open),
            orders=() if is_open else rows,
            fills=fill_rows(blotter.fills(order=line.order.id)),
            back=rows[0].url,
        ),
    )


@post("/orders/{id:str}/amend", include_in_schema=False, sync_to_thread=True)
def amend_order(
    account_service: Injected[AccountService],
    style: NamedDependency[NumberStyle],
    id: FromPath[str],
    data: Form,
) -> Response[Any]:
    account_service.amend(id, parse_amendment(data, style))
    return _redirect_back(data)


@post("/orders/{id:str}/cancel", include_in_schema=False, sync_to_thread=True)
def cancel_order(
    account_service: Injected[AccountService], id: FromPath[str], data: Form
) -> Response[Any]:
    account_service.cancel(id)
    return _redirect_back(data)


@post("/orders/cancel", include_in_schema=False, sync_to_thread=True)
def cancel_orders(account_service: Injected[AccountService], data: Form) -> Response[Any]:
    require_confirmation(data, "Cancelling", "the orders' page")
    account_service.cancel_all()
    return _redirect_back(data)


@get("/orders/orders.csv", include_in_schema=False, sync_to_thread=True)
def orders_csv(
    blotter: Injected[SqlBlotter],
    symbol: FromQuery[str] = "",
    status: FromQuery[str] = "",
    source: FromQuery[str] = "",
) -> Stream:
    found = parse_order_filter(symbol, status, source).all_orders(blotter)
    return _csv_response("quorum-orders.csv", ORDER_COLUMNS, map(_order_csv_row, found))


@get("/orders/fills.csv", include_in_schema=False, sync_to_thread=True)
def fills_csv(blotter: Injected[SqlBlotter], symbol: FromQuery[str] = "") -> Stream:
    found = parse_order_filter(symbol).all_fills(blotter)
    return _csv_response("quorum-fills.csv", FILL_COLUMNS, map(_fill_csv_row, found))


def parse_amendment(data: Mapping[str, str], style: NumberStyle) -> Amendment:
    """Parse an amendment; fields that are empty or missing stay unchanged.

    Raises InputError for anything but a positive number.
    """
    terms = {
        field: read_positive(name.replace("_", " ").capitalize(), data[name], style)
        for field, name in stored_fields(Amendment)
        if data.get(name, "").strip()
    }
    if "trail_fraction" in terms:
        terms["trail_fraction"] /= 100
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


def _order_csv_row(line: BlotterOrder) -> Iterable[object]:
    """Return an order's CSV row, with names and values as the API spells them."""
    cells = {**to_json(line), **to_json(line.order)}
    return (cells[name] for name in ORDER_COLUMNS)


def _fill_csv_row(fill: BlotterFill) -> Iterable[object]:
    cells = to_json(fill)
    return (cells[name] for name in FILL_COLUMNS)


def _csv_response(name: str, columns: Sequence[str], lines: Iterable[Iterable[object]]) -> Stream:
    return Stream(
        rows_as_csv(columns, lines),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _older_url(
    chosen: OrderFilter, found: Sequence[BlotterOrder] | Sequence[BlotterFill], name: str
) -> str:
    """Return the URL of the page after the first `PAGE_SIZE` of `found`; empty where there is
    none."""
    return (
        chosen.url("/orders", **{name: found[PAGE_SIZE - 1].number})
        if len(found) > PAGE_SIZE
        else ""
    )


def _redirect_back(data: Mapping[str, str]) -> Response[Any]:
    return see_other(safe_redirect_path(data.get("back", ""), "/orders"))
