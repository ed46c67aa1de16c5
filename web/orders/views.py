"""Orders and fills as lists draw them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from domain.stored_names import stored_fields
from domain.trading.orders import Order, OrderSource, OrderStatus, OrderType, Side, Ticket
from storage.accounts.blotter import BlotterFill, BlotterOrder
from web import formatting
from web.components.amounts import UNKNOWN, format_quantity, money, percent
from web.number_input import write_number

SIDES = {Side.BUY: ("Buy", "arrow-up", "up"), Side.SELL: ("Sell", "arrow-down", "down")}
STATUSES = {
    OrderStatus.SUBMITTED: ("Submitted", "clock", "none"),
    OrderStatus.ACCEPTED: ("Held", "lock", "none"),
    OrderStatus.WORKING: ("Working", "clock", "flat"),
    OrderStatus.PARTIALLY_FILLED: ("Partly filled", "layers", "warn"),
    OrderStatus.PENDING_CANCEL: ("Cancel requested", "ban", "warn"),
    OrderStatus.FILLED: ("Filled", "circle-check", "up"),
    OrderStatus.CANCELLED: ("Cancelled", "ban", "none"),
    OrderStatus.EXPIRED: ("Expired", "history", "none"),
    OrderStatus.REJECTED: ("Rejected", "circle-x", "down"),
}
"""Word, icon and tone of each status."""
SOURCES = {
    OrderSource.MANUAL: "By hand",
    OrderSource.COMMITTEE: "Committee",
    OrderSource.EXIT: "Exit",
    OrderSource.EMERGENCY_STOP: "Emergency stop",
}
TIME_IN_FORCE_TEXT = {
    "day": "today",
    "gtc": "good till cancelled",
    "ioc": "immediate or cancel",
    "fok": "fill or kill",
}
PAGE_SIZE, MAX_OPEN_ORDERS = 50, 100
"""Rows per page, and most open orders drawn."""
_AMENDABLE = (
    ("quantity", "Quantity"), ("limit", "Limit"), ("stop", "Stop"), ("trail", "Trails by"),
    ("trail_share", "Trails by, %"),
)  # fmt: skip
_CODE_LENGTH = 8
"""Characters of an id that a page shows."""


@dataclass(frozen=True, slots=True)
class AmendableField:
    """A term of an open order that can be amended: `value` as it would be typed."""

    name: str
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class OrderRow:
    """`order_type` includes its prices, `progress` is the percentage that has filled (0 to 100),
    `decision_url` links to the committee's decision behind it and `parent_url` to the order it
    waits for ('' where there is none). `edits` are empty once it has ended, and where it follows
    the committee's decisions."""

    id: str
    slug: str
    code: str
    url: str
    symbol: str
    side: str
    side_icon: str
    side_tone: str
    order_type: str
    time_in_force: str
    reduce_only: bool
    quantity: str
    filled: str
    progress: float
    average: str
    fees: str
    status: str
    status_icon: str
    status_tone: str
    source: str
    decision_url: str
    parent_url: str
    note: str
    reason: str
    submitted_at: datetime
    updated_at: datetime
    edits: tuple[AmendableField, ...]


@dataclass(frozen=True, slots=True)
class FillRow:
    """`order_url` links to the order it belongs to."""

    number: int
    at: datetime
    symbol: str
    side: str
    side_icon: str
    side_tone: str
    quantity: str
    price: str
    value: str
    commission: str
    slippage: str
    trigger: str
    source: str
    order_url: str
    code: str


def order_rows(lines: Sequence[BlotterOrder]) -> tuple[OrderRow, ...]:
    return tuple(map(order_row, lines))


def order_row(line: BlotterOrder) -> OrderRow:
    order = line.order
    side, side_icon, side_tone = SIDES[order.side]
    status, status_icon, status_tone = STATUSES[order.status]
    return OrderRow(
        id=order.id,
        slug=formatting.slug(order.id),
        code=_short_id(order.id),
        url=_order_url(order.id),
        symbol=order.symbol,
        side=side,
        side_icon=side_icon,
        side_tone=side_tone,
        order_type=describe_order_type(order),
        time_in_force=TIME_IN_FORCE_TEXT[order.time_in_force],
        reduce_only=order.reduce_only,
        quantity=format_quantity(order.quantity),
        filled=format_quantity(order.filled),
        progress=round(100 * order.filled / order.quantity, 1),
        average=UNKNOWN if order.average_price is None else formatting.price(order.average_price),
        fees=money(order.fees),
        status=status,
        status_icon=status_icon,
        status_tone=status_tone,
        source=SOURCES[order.source],
        decision_url=f"/decisions/{quote(order.receipt, safe='')}" if order.receipt else "",
        parent_url=_order_url(order.parent)
        if order.parent and order.status is OrderStatus.ACCEPTED
        else "",
        note=formatting.single_line(order.note),
        reason=formatting.single_line(order.reason),
        submitted_at=order.submitted_at,
        updated_at=line.updated_at,
        edits=_amendable_fields(order)
        if order.is_open and order.source is OrderSource.MANUAL
        else (),
    )


def fill_rows(fills: Sequence[BlotterFill]) -> tuple[FillRow, ...]:
    return tuple(map(_fill_row, fills))


def describe_order_type(order: Order | Ticket) -> str:
    """Describe the type: `market`, `limit 182.50`, `stop 170.00, limit 169.00`, `trailing stop by 3
    %`."""
    prices = {"stop": order.stop_price, "limit": order.limit_price}
    prices_text = [f"{name} {formatting.price(value)}" for name, value in prices.items() if value]
    match order.order_type:
        case OrderType.TRAILING_STOP:
            return f"trailing stop by {_trail_text(order)}"
        case OrderType.TAKE_PROFIT:
            return f"take profit, {', '.join(prices_text)}"
        case _:
            return ", ".join(prices_text) or order.order_type.value


def _trail_text(order: Order | Ticket) -> str:
    if order.trail_fraction is not None:
        return percent(order.trail_fraction, 2)
    return UNKNOWN if order.trail_amount is None else formatting.price(order.trail_amount)


def _amendable_fields(order: Order) -> tuple[AmendableField, ...]:
    values = {name: getattr(order, field) for field, name in stored_fields(Order)}
    if order.trail_fraction is not None:
        values["trail_share"] = order.trail_fraction * 100
    return tuple(
        AmendableField(name, label, write_number(values[name], 12))
        for name, label in _AMENDABLE
        if values[name] is not None
    )


def _fill_row(fill: BlotterFill) -> FillRow:
    side, icon, tone = SIDES[Side.BUY if fill.units > 0 else Side.SELL]
    return FillRow(
        number=fill.number,
        at=fill.at,
        symbol=fill.symbol,
        side=side,
        side_icon=icon,
        side_tone=tone,
        quantity=format_quantity(abs(fill.units)),
        price=formatting.price(fill.price),
        value=money(abs(fill.units) * fill.price),
        commission=money(fill.commission),
        slippage=money(fill.slippage),
        trigger=fill.moment,
        source=SOURCES[fill.source],
        order_url=_order_url(fill.order),
        code=_short_id(fill.order),
    )


def _order_url(id: str) -> str:
    return f"/orders/{quote(id, safe='')}"


def _short_id(id: str) -> str:
    return id[-_CODE_LENGTH:]
