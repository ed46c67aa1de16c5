"""A paper account and its events.

An account is the fold of its entries (`trading/account/ledger.py`): only an entry changes it, and
entries are only appended. Anything else that is stored, for speed, can be rebuilt from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from domain.trading.orders import Order, OrderStatus


class TradingMode(StrEnum):
    """What the committee's decisions lead to: nothing, suggestions, or orders."""

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
    """The state of the circuit breakers. `reason`, `by` and `since` describe the last change of the
    trading state, and `until` the first day on which trading resumes automatically (None: a person
    must resume it).

    `peak_equity` is the highest equity since the last reset, `day_equity` the equity before `day`
    began, `losses` the number of positions in a row that were closed at a loss. While `flattening`,
    all positions are being closed.
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
    """An open position. `quantity` is in units, negative when short; `average_cost` the average
    price of a unit with fees, `realised` the profit taken since it was opened, in currency."""

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
    """A paper account. `entry_count` is the number of its last entry. `orders` are the open ones by
    id; `order_count` counts all orders so far. `realised`, `fees`, `dividends`, `borrowing` and
    `deposited` are sums in currency since it was opened or reset."""

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
    """The account starts again with `capital`, no positions and all sums at zero. Open orders were
    cancelled before."""

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
    """A fill. `quantity` is in units, negative for sales; `price` per unit, within the bar's range;
    `commission` in currency, and so is `slippage`: spread and impact against the price without
    them. `residual_slippage` is the part of `slippage` that would move the price out of the range;
    it is taken from the cash in addition. `trigger` says what caused the fill: open, stop,
    limit."""

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
        """Commission and residual slippage, in currency: what is paid on top of the price."""
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
    """The account has processed a row of bars: `closes` of the symbols that had a bar, the equity
    at these closes, the breakers' state, and by order the best price of each trailing stop."""

    closes: Mapping[str, float]
    equity: float
    risk: RiskState
    best_prices: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class TradingStateChanged:
    """A person, or a failed reconciliation, changed the trading state."""

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
    """An entry of an account's log. `number` counts from 1. `at` is its market time: the close of a
    bar, the open of a bar for a fill at the open, or the instant at which a person acted."""

    number: int
    at: datetime
    event: AccountEvent
