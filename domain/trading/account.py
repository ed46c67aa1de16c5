"""A paper account and everything that can happen to one.

An account is the fold of its entries (`trading/account/ledger.py`): nothing changes it but an
entry, and entries are only ever added. What else is stored, for speed, can be rebuilt from
them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from domain.trading.orders import Order, OrderStatus


class TradingMode(StrEnum):
    """What becomes of the committee's decisions: nothing, suggestions, or orders."""

    OBSERVE = "observe"
    SUGGEST = "suggest"
    AUTO = "auto"


class TradingState(StrEnum):
    """What the account may do: trade, only shrink its positions, or nothing at all."""

    ACTIVE = "active"
    REDUCING = "reducing"
    HALTED = "halted"


@dataclass(frozen=True, slots=True)
class RiskState:
    """The breakers' memory. `reason`, `by` and `since` describe the last change of the trading
    state, and `until` the first day on which it goes back by itself (None: somebody must do it).

    `peak_equity` is the highest equity since the last reset, `day_equity` the equity before `day`
    began, `losses` how many positions in a row were closed at a loss. While `flattening`, all
    positions are closed.
    """

    trading_state: TradingState = TradingState.ACTIVE
    reason: str = ""
    by: str = ""
    since: datetime | None = None
    until: date | None = None
    peak_equity: float = 0.0
    day: date | None = None
    day_equity: float = 0.0
    losses: int = 0
    flattening: bool = False


@dataclass(frozen=True, slots=True)
class Position:
    """`quantity` in units, negative when short; `average_cost` the average price a unit with fees,
    `realised` the profit taken since it was opened, in currency."""

    quantity: float
    average_cost: float
    realised: float
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class LastBar:
    """The last bar of a symbol that the account has seen: its closing instant and price, as
    traded; `traded_at` is the last fill."""

    at: datetime
    close: float
    traded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """`entry_count` is the number of the last entry. `orders` are the open ones by id;
    `order_count` counts all there ever were. `realised`, `fees`, `dividends`, `borrowing` and
    `deposited` are sums in currency since it was opened."""

    opened_at: datetime
    currency: str
    mode: TradingMode
    profile: str
    cash: float = 0.0
    deposited: float = 0.0
    realised: float = 0.0
    fees: float = 0.0
    dividends: float = 0.0
    borrowing: float = 0.0
    positions: Mapping[str, Position] = field(default_factory=dict)
    last_bars: Mapping[str, LastBar] = field(default_factory=dict)
    orders: Mapping[str, Order] = field(default_factory=dict)
    order_count: int = 0
    risk: RiskState = RiskState()
    entry_count: int = 0


@dataclass(frozen=True, slots=True)
class AccountOpened:
    currency: str
    mode: TradingMode
    profile: str


@dataclass(frozen=True, slots=True)
class CashTransferred:
    """A deposit, or a withdrawal where `amount` is negative."""

    amount: float
    note: str


@dataclass(frozen=True, slots=True)
class AccountReset:
    """The account starts again with `capital`: it has no positions, and all sums start again. Open
    orders were cancelled before it."""

    capital: float
    note: str


@dataclass(frozen=True, slots=True)
class OrderSubmitted:
    order: Order


@dataclass(frozen=True, slots=True)
class OrderUpdated:
    """An order's new terms, or its activation: the whole order as it is now."""

    order: Order


@dataclass(frozen=True, slots=True)
class OrderClosed:
    """`status` is CANCELLED, EXPIRED or REJECTED."""

    order_id: str
    status: OrderStatus
    reason: str


@dataclass(frozen=True, slots=True)
class OrderFilled:
    """`quantity` in units, negative for sales; `price` what was paid or got a unit, within the
    bar's range; `commission` in currency, and so is `slippage`: spread and impact against the price
    without them. The part of it that no price within the range could hold is `residual_slippage`,
    taken from the cash on top of the price. `trigger` says what made it fill: open, stop, limit."""

    order_id: str
    symbol: str
    quantity: float
    price: float
    commission: float
    slippage: float
    trigger: str
    residual_slippage: float = 0.0

    @property
    def total_fees(self) -> float:
        """What was paid on top of the price."""
        return self.commission + self.residual_slippage


@dataclass(frozen=True, slots=True)
class SplitApplied:
    """`ratio` new units for an old one."""

    symbol: str
    ratio: float


@dataclass(frozen=True, slots=True)
class DividendPaid:
    symbol: str
    per_unit: float
    cash: float


@dataclass(frozen=True, slots=True)
class BorrowFeeCharged:
    symbol: str
    cash: float


@dataclass(frozen=True, slots=True)
class BarClosed:
    """The account has processed a row of bars: `closes` of the symbols that had one, the equity at
    them, the breakers' state, and the best prices that trailing stops have seen, by order."""

    closes: Mapping[str, float]
    equity: float
    risk: RiskState
    best_prices: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class TradingStateChanged:
    """Somebody, or a failed reconciliation, changed the trading state."""

    risk: RiskState


@dataclass(frozen=True, slots=True)
class AccountSettingsChanged:
    mode: TradingMode
    profile: str
    by: str


AccountEvent = (
    AccountOpened
    | CashTransferred
    | AccountReset
    | OrderSubmitted
    | OrderUpdated
    | OrderClosed
    | OrderFilled
    | SplitApplied
    | DividendPaid
    | BorrowFeeCharged
    | BarClosed
    | TradingStateChanged
    | AccountSettingsChanged
)


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """Number `number` of an account's entries, counted from 1. `at` is the time of the market it
    belongs to: a bar's close, its open for a fill there, or the instant somebody acted."""

    number: int
    at: datetime
    event: AccountEvent
