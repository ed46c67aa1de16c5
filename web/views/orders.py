"""Orders and fills as they are drawn in lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from domain.trading.orders import Kind, Order, Side, Source, Status, Ticket
from storage.accounts.blotter import FillLine, OrderLine
from web import formatting
from web.number_input import write_number
from web.views.amounts import UNKNOWN, money, percent, units_of

SIDES = {Side.BUY: ("Buy", "arrow-up", "up"), Side.SELL: ("Sell", "arrow-down", "down")}
STATUSES = {
    Status.HELD: ("Held", "lock", "none"),
    Status.WORKING: ("Working", "clock", "flat"),
    Status.PARTIAL: ("Partly filled", "layers", "warn"),
    Status.FILLED: ("Filled", "circle-check", "up"),
    Status.CANCELLED: ("Cancelled", "ban", "none"),
    Status.EXPIRED: ("Expired", "history", "none"),
    Status.REJECTED: ("Rejected", "circle-x", "down"),
}
"""Word, icon and tone of each status."""
SOURCES = {
    Source.MANUAL: "By hand",
    Source.COMMITTEE: "Committee",
    Source.EXIT: "Exit",
    Source.STOP: "Emergency stop",
}
TERMS = {"day": "today", "gtc": "until cancelled", "ioc": "at once or not", "fok": "whole or not"}
ORDERS, MOST_OPEN = 50, 100
"""Lines of a page, and open ones that are drawn at most."""
_EDITABLE = (
    ("quantity", "Quantity"), ("limit", "Limit"), ("stop", "Stop"), ("trail", "Trails by"),
    ("trail_share", "Trails by, %"),
)  # fmt: skip
_CODE = 8
"""Characters of an id that are shown."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A term of an open order that can be amended: `value` as it would be typed."""

    name: str
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class OrderRow:
    """`terms` are its prices in words, `progress` how much of it has filled (0 to 100), `decision`
    the address of the committee's decision behind it and `parent` that of the order it waits for
    ('' where there is none), `edits` empty once it has ended, and where it follows the committee's
    decisions."""

    id: str
    slug: str
    code: str
    url: str
    symbol: str
    side: str
    side_icon: str
    side_tone: str
    terms: str
    term: str
    reduces: bool
    quantity: str
    filled: str
    progress: float
    average: str
    fees: str
    status: str
    status_icon: str
    status_tone: str
    source: str
    decision: str
    parent: str
    note: str
    why: str
    placed_at: datetime
    updated_at: datetime
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class FillRow:
    """`order` is the address of the order it belongs to."""

    number: int
    at: datetime
    symbol: str
    side: str
    side_icon: str
    side_tone: str
    units: str
    price: str
    value: str
    commission: str
    slippage: str
    moment: str
    source: str
    order: str
    code: str


def order_rows(lines: Sequence[OrderLine]) -> tuple[OrderRow, ...]:
    return tuple(map(order_row, lines))


def order_row(line: OrderLine) -> OrderRow:
    order = line.order
    side, side_icon, side_tone = SIDES[order.side]
    status, status_icon, status_tone = STATUSES[order.status]
    return OrderRow(
        id=order.id,
        slug=formatting.slug(order.id),
        code=_code(order.id),
        url=_url(order.id),
        symbol=order.symbol,
        side=side,
        side_icon=side_icon,
        side_tone=side_tone,
        terms=terms_of(order),
        term=TERMS[order.term],
        reduces=order.reduce_only,
        quantity=units_of(order.quantity),
        filled=units_of(order.filled),
        progress=round(100 * order.filled / order.quantity, 1),
        average=UNKNOWN if order.average is None else formatting.price(order.average),
        fees=money(order.fees),
        status=status,
        status_icon=status_icon,
        status_tone=status_tone,
        source=SOURCES[order.source],
        decision=f"/decisions/{quote(order.receipt, safe='')}" if order.receipt else "",
        parent=_url(order.parent) if order.parent and order.status is Status.HELD else "",
        note=formatting.line(order.note),
        why=formatting.line(order.why),
        placed_at=order.placed_at,
        updated_at=line.updated_at,
        edits=_edits(order) if order.open and order.source is Source.MANUAL else (),
    )


def fill_rows(lines: Sequence[FillLine]) -> tuple[FillRow, ...]:
    return tuple(map(_fill_row, lines))


def terms_of(order: Order | Ticket) -> str:
    """`market`, `limit 182.50`, `stop 170.00, limit 169.00`, `trailing stop by 3 %`."""
    prices = {"stop": order.stop, "limit": order.limit}
    named = [f"{name} {formatting.price(value)}" for name, value in prices.items() if value]
    match order.kind:
        case Kind.TRAILING_STOP:
            return f"trailing stop by {_trail(order)}"
        case Kind.TAKE_PROFIT:
            return f"take profit, {', '.join(named)}"
        case _:
            return ", ".join(named) or order.kind.value


def _trail(order: Order | Ticket) -> str:
    if order.trail_share is not None:
        return percent(order.trail_share, 2)
    return UNKNOWN if order.trail is None else formatting.price(order.trail)


def _edits(order: Order) -> tuple[Edit, ...]:
    values = {name: getattr(order, name) for name, _ in _EDITABLE}
    if order.trail_share is not None:
        values["trail_share"] = order.trail_share * 100
    return tuple(
        Edit(name, label, write_number(values[name], 12))
        for name, label in _EDITABLE
        if values[name] is not None
    )


def _fill_row(line: FillLine) -> FillRow:
    side, icon, tone = SIDES[Side.BUY if line.units > 0 else Side.SELL]
    return FillRow(
        number=line.number,
        at=line.at,
        symbol=line.symbol,
        side=side,
        side_icon=icon,
        side_tone=tone,
        units=units_of(abs(line.units)),
        price=formatting.price(line.price),
        value=money(abs(line.units) * line.price),
        commission=money(line.commission),
        slippage=money(line.slippage),
        moment=line.moment,
        source=SOURCES[line.source],
        order=_url(line.order),
        code=_code(line.order),
    )


def _url(id: str) -> str:
    return f"/orders/{quote(id, safe='')}"


def _code(id: str) -> str:
    return id[-_CODE:]
