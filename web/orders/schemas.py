"""Request and response schemas of orders and fills."""

from dataclasses import dataclass
from datetime import datetime

from domain.trading.orders import OrderSource, OrderStatus, OrderType, Side, TimeInForce
from web.schemas import ApiRequest, ApiResponse


class TicketIn(ApiRequest, frozen=True, kw_only=True):
    """What to trade: a `quantity` in units, or a `value` in the account's currency.

    `side` is buy or sell; `kind` market, limit, stop, stop limit, trailing stop or take profit;
    `term` day, gtc, ioc or fok. A kind needs its prices: `limit`, `stop`, `trail` (an amount) or
    `trail_share` (a fraction of the price). `stop_loss` and `take_profit` are the exits of a
    bracket.
    """

    symbol: str
    side: str
    kind: str = "market"
    quantity: float | None = None
    value: float | None = None
    limit: float | None = None
    stop: float | None = None
    trail: float | None = None
    trail_share: float | None = None
    term: str = "day"
    reduce_only: bool = False
    stop_loss: float | None = None
    take_profit: float | None = None
    note: str = ""


class OrderIn(ApiRequest, frozen=True, kw_only=True):
    """Confirms a preview: its `ticket` and `quote` as they were returned. `key` identifies this
    request for ever: sent again, it returns the same order. The header Idempotency-Key may carry it
    instead."""

    ticket: TicketIn
    quote: str
    key: str | None = None


class AmendmentIn(ApiRequest, frozen=True, kw_only=True):
    """New terms of an open order; a field left out stays unchanged. `quantity` is the total,
    including what has already filled."""

    quantity: float | None = None
    limit: float | None = None
    stop: float | None = None
    trail: float | None = None
    trail_share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTicket:
    """The terms of an order. `quantity` is in units; prices are in the account's currency.

    `trail` is an amount and `trail_share` a fraction of the price; a trailing stop has one of them.
    `stop_loss` and `take_profit` make it a bracket: the prices of two exits that cancel each other.
    """

    symbol: str
    side: Side
    kind: OrderType
    quantity: float
    limit: float | None
    stop: float | None
    trail: float | None
    trail_share: float | None
    term: TimeInForce
    reduce_only: bool
    stop_loss: float | None
    take_profit: float | None
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedOrder:
    """An accepted order. `quantity`, `filled` and `left` are positive units; `average` is the mean
    price of its fills and `fees` what was paid in addition, in the account's currency.

    `key` is unique in its account: the same request again is the same order. Orders of one `group`
    cancel each other when one fills; an order with a `parent` is held until the parent has filled.
    It may trade in bars that open at `placed_at` or later; a day order's session ends at
    `expires_at`, null before its first bar. `best` is the most favourable price a trailing stop has
    seen. `why` says why it was placed or, once it has ended, why it ended.
    """

    id: str
    key: str
    symbol: str
    side: Side
    kind: OrderType
    quantity: float
    term: TimeInForce
    source: OrderSource
    placed_at: datetime
    expires_at: datetime | None
    status: OrderStatus
    limit: float | None
    stop: float | None
    trail: float | None
    trail_share: float | None
    best: float | None
    triggered: bool
    reduce_only: bool
    group: str | None
    parent: str | None
    receipt: str | None
    note: str
    filled: float
    left: float
    average: float | None
    fees: float
    why: str


@dataclass(frozen=True, slots=True)
class PublishedCheck:
    """One rule that a ticket was checked against: whether it passes, and the reason in words."""

    name: str
    passed: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewOut(ApiResponse):
    """What the order would do: see the fields of a preview. `quote` confirms `ticket` until
    `expires_at`; it is null where a check failed. `weight` is null where there is no equity or a
    position has no price."""

    ticket: PublishedTicket
    price: float
    priced_at: datetime
    costs: float
    value: float
    weight: float | None
    checks: tuple[PublishedCheck, ...]
    assumptions: tuple[str, ...]
    quote: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class OrderLineOut:
    """An order in its current state: `number` is that of the entry that placed it."""

    number: int
    updated_at: datetime
    order: PublishedOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderOut(ApiResponse):
    order: PublishedOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersOut(ApiResponse):
    """`next` continues the list (`?before=`); null at its end."""

    orders: tuple[OrderLineOut, ...]
    next: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelledOut(ApiResponse):
    orders: tuple[PublishedOrder, ...]


@dataclass(frozen=True, slots=True)
class FillOut:
    """`units` is negative for a sale; `commission` and `slippage` are in the account's currency.
    `charged` is the part of the slippage that no price within the bar's range could include;
    `moment` says what triggered the fill."""

    number: int
    at: datetime
    order: str
    symbol: str
    units: float
    price: float
    commission: float
    slippage: float
    charged: float
    moment: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FillsOut(ApiResponse):
    fills: tuple[FillOut, ...]
    next: int | None
