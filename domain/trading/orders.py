"""Orders and their life: tickets, previews, orders, amendments, fills.

Promises that an order is in exactly one status at a time and changes it only as `TRANSITIONS`
allows, through the functions at the end of this module. Leaves out which orders may be placed
(`trading/orders/tickets.py`) and how an order is matched with a bar (`trading/kernels/`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from domain.errors import VerificationError


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        return 1 if self is Side.BUY else -1


class OrderType(StrEnum):
    """A take-profit is a limit order that only reduces a position; a bracket is a parent order and
    two exits."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop limit"
    TRAILING_STOP = "trailing stop"
    TAKE_PROFIT = "take profit"


class TimeInForce(StrEnum):
    """How long an order stays open: to the end of its next session (DAY), until cancelled (GTC), or
    for the next open only, in part (IOC) or whole (FOK)."""

    DAY = "day"
    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"


class OrderSource(StrEnum):
    MANUAL = "manual"
    COMMITTEE = "committee"
    EXIT = "exit"
    EMERGENCY_STOP = "emergency stop"


class OrderStatus(StrEnum):
    """The status of an order; the values are stored and published.

    The paper broker responds at once, so its orders are never SUBMITTED or PENDING_CANCEL: these
    two are for brokers that respond later.
    """

    SUBMITTED = "submitted"
    """Sent to the broker, which has not responded."""
    ACCEPTED = "held"
    """Accepted by the broker and not in the market yet: an exit that waits for its parent to
    fill."""
    WORKING = "working"
    """In the market; nothing has filled."""
    PARTIALLY_FILLED = "partially filled"
    """In the market with the remaining quantity."""
    PENDING_CANCEL = "pending cancel"
    """Cancellation requested; the broker has not responded, and the order may still fill."""
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    """The order's session, or the single open that it was for, has passed."""
    REJECTED = "rejected"
    """Refused by the broker, or by the rules when it would have filled."""


_FILLS = frozenset({OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED})
_LAPSES = frozenset({OrderStatus.CANCELLED, OrderStatus.EXPIRED})

TRANSITIONS: Mapping[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.SUBMITTED: frozenset(
        {
            OrderStatus.ACCEPTED,
            OrderStatus.WORKING,
            OrderStatus.PENDING_CANCEL,
            OrderStatus.REJECTED,
            *_FILLS,
            *_LAPSES,
        }
    ),
    OrderStatus.ACCEPTED: frozenset(
        {OrderStatus.WORKING, OrderStatus.PENDING_CANCEL, OrderStatus.CANCELLED}
    ),
    OrderStatus.WORKING: frozenset(
        {OrderStatus.PENDING_CANCEL, OrderStatus.REJECTED, *_FILLS, *_LAPSES}
    ),
    OrderStatus.PARTIALLY_FILLED: frozenset({OrderStatus.PENDING_CANCEL, *_FILLS, *_LAPSES}),
    OrderStatus.PENDING_CANCEL: frozenset(
        {OrderStatus.ACCEPTED, OrderStatus.WORKING, *_FILLS, *_LAPSES}
    ),
    OrderStatus.FILLED: frozenset(),
    OrderStatus.CANCELLED: frozenset(),
    OrderStatus.EXPIRED: frozenset(),
    OrderStatus.REJECTED: frozenset(),
}
"""By status, the statuses that may follow; none once an order has ended. A cancellation that the
broker refuses restores the status before it."""

OPEN_STATUSES = frozenset(status for status, following in TRANSITIONS.items() if following)
"""The statuses in which an order may still fill or be cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A request to trade, not checked yet. `quantity` in units; prices in the account's currency.

    A trailing stop has either `trail_amount`, in currency, or `trail_fraction`, a fraction of the
    price. `stop_loss` and `take_profit` make a bracket: the prices of two exits, of which one
    cancels the other.
    """

    symbol: str
    side: Side
    order_type: OrderType = OrderType.MARKET
    quantity: float
    limit_price: float | None = None
    stop_price: float | None = None
    trail_amount: float | None = None
    trail_fraction: float | None = None
    time_in_force: TimeInForce = TimeInForce.DAY
    reduce_only: bool = False
    stop_loss: float | None = None
    take_profit: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order of an account. `quantity`, `filled` and `remaining` are in units, positive;
    `average_price` is the mean price of its fills and `fees` the sum of their fees, in currency.

    `key` is unique in its account: a repeated request gives the same order. Orders of one `group`
    cancel each other when one fills; an order with a `parent` waits until the parent has filled. An
    order may trade in bars that open at `submitted_at` or later; the session of a day order ends at
    `expires_at`, None before its first bar. `best_price` is the most favourable price since a
    trailing stop was placed. `reason` says why the order was placed or, once it has ended, why it
    ended.

    Both `filled` and `remaining` are stored: `quantity - filled` would differ in its last bit from
    the `remaining` of the compiled loops, which subtract each fill.
    """

    id: str
    key: str
    symbol: str
    side: Side
    order_type: OrderType
    quantity: float
    time_in_force: TimeInForce
    source: OrderSource
    submitted_at: datetime
    expires_at: datetime | None = None
    status: OrderStatus = OrderStatus.WORKING
    limit_price: float | None = None
    stop_price: float | None = None
    trail_amount: float | None = None
    trail_fraction: float | None = None
    best_price: float | None = None
    triggered: bool = False
    reduce_only: bool = False
    group: str | None = None
    parent: str | None = None
    receipt: str | None = None
    note: str = ""
    filled: float = 0.0
    remaining: float = math.nan
    average_price: float | None = None
    fees: float = 0.0
    reason: str = ""

    def __post_init__(self) -> None:
        """Set `remaining` of a new order to its quantity."""
        if math.isnan(self.remaining):
            object.__setattr__(self, "remaining", self.quantity)

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATUSES


@dataclass(frozen=True, slots=True)
class Amendment:
    """New terms of an open order; None leaves a term unchanged. `quantity` is the total, including
    what has filled already."""

    quantity: float | None = None
    limit_price: float | None = None
    stop_price: float | None = None
    trail_amount: float | None = None
    trail_fraction: float | None = None


@dataclass(frozen=True, slots=True)
class PreTradeCheck:
    """The result of one rule on a ticket: whether it passes, and why, in words."""

    name: str
    passed: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPreview:
    """The expected effect of an order. `price` is the last close, known at `priced_at`; `costs` the
    expected commission, spread and impact in currency; `value` the amount taken from the cash
    (negative: added to it). `weight` is the symbol's share of equity afterwards, NaN where equity
    is zero or unknown. `assumptions` say in words how the order would fill. `confirmation_token`
    confirms it until `expires_at`; it is None where a check failed."""

    ticket: Ticket
    price: float
    priced_at: datetime
    costs: float
    value: float
    weight: float
    checks: tuple[PreTradeCheck, ...]
    assumptions: tuple[str, ...]
    confirmation_token: str | None
    expires_at: datetime


DUST = 1e-9
"""Quantities up to this, in units, are rounding errors of sums: far below the smallest lot. The
compiled loops use the same value (`trading/kernels/`)."""


def exact_quantity(quantity: float) -> float:
    """The quantity as it is shown and published: the decimal, without the rounding errors of sums
    (`DUST`) and without a negative zero."""
    return round(quantity, 9) + 0.0


def with_exact_quantities(order: Order) -> Order:
    """The order as it is published, each of its quantities by `exact_quantity`."""
    return replace(
        order,
        quantity=exact_quantity(order.quantity),
        filled=exact_quantity(order.filled),
        remaining=exact_quantity(order.remaining),
    )


def transition(order: Order, status: OrderStatus, reason: str | None = None) -> Order:
    """The order with the new `status`; a `reason` of None leaves the present one.

    Raises VerificationError where `TRANSITIONS` do not allow it.
    """
    status = _require_transition(order, status)
    return replace(order, status=status, reason=order.reason if reason is None else reason)


def _require_transition(order: Order, status: OrderStatus) -> OrderStatus:
    if status not in TRANSITIONS[order.status]:
        allowed = ", ".join(sorted(TRANSITIONS[order.status])) or "nowhere: it has ended"
        raise VerificationError(
            f"Order {order.id} of {order.symbol} is {order.status} and cannot become {status}. "
            f"From there it may go to: {allowed}."
        )
    return status


def apply_fill(order: Order, quantity: float, price: float, fees: float) -> Order:
    """The order after a fill of `quantity` units (positive) at `price`, with `fees` in currency.

    Raises VerificationError for more than remained, and for an order that may not fill.
    """
    if not DUST < quantity <= order.remaining + DUST:
        raise VerificationError(
            f"Order {order.id} of {order.symbol} has {order.remaining} units left and cannot fill "
            f"{quantity}."
        )
    filled, remaining = order.filled + quantity, order.remaining - quantity
    spent = quantity * price + (order.average_price or 0.0) * order.filled
    complete = remaining <= DUST
    return replace(
        order,
        status=_require_transition(
            order, OrderStatus.FILLED if complete else OrderStatus.PARTIALLY_FILLED
        ),
        filled=filled,
        remaining=0.0 if complete else remaining,
        average_price=spent / filled,
        fees=order.fees + fees,
    )


def resize(order: Order, quantity: float) -> Order:
    """The order with another total `quantity`, which includes what has filled."""
    return replace(order, quantity=quantity, remaining=quantity - order.filled)


def adjust_for_split(order: Order, ratio: float) -> Order:
    """The order after a split of `ratio` new units for an old one: the same value in new units."""
    return replace(
        order,
        quantity=order.quantity * ratio,
        filled=order.filled * ratio,
        remaining=order.remaining * ratio,
        limit_price=_divide(order.limit_price, ratio),
        stop_price=_divide(order.stop_price, ratio),
        trail_amount=_divide(order.trail_amount, ratio),
        best_price=_divide(order.best_price, ratio),
        average_price=_divide(order.average_price, ratio),
    )


def _divide(price: float | None, ratio: float) -> float | None:
    return None if price is None else price / ratio
