"""What the API takes and answers on orders and fills."""

from dataclasses import dataclass
from datetime import datetime

from domain.trading.orders import Order, PreTradeCheck, Ticket
from web.api.schemas import ApiRequest, ApiResponse


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
    """Confirms a preview: its `ticket` and `quote` as they were answered. `key` names this request
    for ever: sent again, it is the same order. It may be the header Idempotency-Key instead."""

    ticket: TicketIn
    quote: str
    key: str | None = None


class AmendmentIn(ApiRequest, frozen=True, kw_only=True):
    """New terms of an open order; what is left out stays. `quantity` is the whole of it, with what
    has filled already."""

    quantity: float | None = None
    limit: float | None = None
    stop: float | None = None
    trail: float | None = None
    trail_share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewOut(ApiResponse):
    """What the order would do: see the fields of a preview. `quote` confirms `ticket` until
    `expires_at`; it is null where a check failed, and `weight` where there is no equity or
    something held has no price."""

    ticket: Ticket
    price: float
    priced_at: datetime
    costs: float
    value: float
    weight: float | None
    checks: tuple[PreTradeCheck, ...]
    assumptions: tuple[str, ...]
    quote: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class OrderLineOut:
    """An order as it stands: `number` is that of the entry that placed it."""

    number: int
    updated_at: datetime
    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderOut(ApiResponse):
    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersOut(ApiResponse):
    """`next` continues the list (`?before=`); null at its end."""

    orders: tuple[OrderLineOut, ...]
    next: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelledOut(ApiResponse):
    orders: tuple[Order, ...]


@dataclass(frozen=True, slots=True)
class FillOut:
    """`units` negative for a sale; `commission` and `slippage` in the account's currency, of which
    `charged` is the part that no price within the bar's range could take; `moment` says how the bar
    was met."""

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
