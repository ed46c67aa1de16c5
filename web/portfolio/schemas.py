"""Response schemas of the paper account."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from web.schemas import ApiRequest, ApiResponse


@dataclass(frozen=True, slots=True)
class LimitUse:
    """How much of a risk limit is used: fractions of equity, or a count. `used` is null while
    unknown, `limit` is null where there is none."""

    name: str
    used: float | None
    limit: float | None


@dataclass(frozen=True, slots=True)
class TradingStateOut:
    """`standing` is the trading state: active, reducing or halted. `until` is the day on which it
    ends by itself, null where trading must be resumed by hand."""

    standing: str
    reason: str
    by: str
    since: datetime | None
    until: date | None
    high: float
    losses: int
    limits: tuple[LimitUse, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOut(ApiResponse):
    """Amounts are in `currency`; `exposure`, `net`, `drawdown` and `day_share` are fractions of
    equity, null where a price is missing or no bar was processed yet. `drawdown` is what the
    drawdown limit measures, since that limit last started again; `/equity` has the drawdown since
    the account began. `number` is that of the last entry of the log (`/audit`)."""

    currency: str
    opened_at: datetime
    mode: str
    profile: str
    equity: float | None
    day_change: float | None
    day_share: float | None
    cash: float
    realised: float
    unrealised: float | None
    fees: float
    dividends: float
    borrowing: float
    deposited: float
    profit: float | None
    exposure: float | None
    net: float | None
    drawdown: float | None
    open_orders: int
    guard: TradingStateOut
    number: int


@dataclass(frozen=True, slots=True)
class PositionOut:
    """`units` is negative for a short; `cost` is the average price per unit with fees; `change` the
    unrealised profit over the cost; `exits` the ids of its open stop and profit orders."""

    symbol: str
    units: float
    cost: float
    last: float | None
    priced_at: datetime | None
    value: float | None
    unrealised: float | None
    change: float | None
    weight: float | None
    realised: float
    opened_at: datetime
    exits: tuple[str, ...]
    lots: tuple["LotOut", ...]


@dataclass(frozen=True, slots=True)
class LotOut:
    """A tax lot, first in first out. `fees` are per unit and not part of the price; `decision` is
    the receipt of the decision behind it."""

    opened_at: datetime
    units: float
    price: float
    fees: float
    order: str
    decision: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionsOut(ApiResponse):
    positions: tuple[PositionOut, ...]


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """The account at the close of a row of bars. `growth` (1 at the start) and `drawdown` exclude
    deposits and withdrawals; `held` is what the same money would be worth in the benchmark."""

    at: datetime
    equity: float | None
    exposure: float | None
    growth: float | None
    drawdown: float | None
    held: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EquityOut(ApiResponse):
    """`benchmark` is null where none is stored."""

    benchmark: str | None
    points: tuple[EquityPoint, ...]


@dataclass(frozen=True, slots=True)
class SuggestionOut:
    """An order that the mode `auto` would place now; `decision` is the receipt of its decision."""

    symbol: str
    side: str
    quantity: float
    why: str
    decision: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestionsOut(ApiResponse):
    suggestions: tuple[SuggestionOut, ...]


class MoneyIn(ApiRequest, frozen=True, kw_only=True):
    amount: float
    note: str = ""


class ResetIn(ApiRequest, frozen=True, kw_only=True):
    capital: float
    note: str = ""


class ModeIn(ApiRequest, frozen=True, kw_only=True):
    """`observe`, `suggest` or `auto`."""

    mode: str


class ProfileIn(ApiRequest, frozen=True, kw_only=True):
    """`conservative`, `balanced` or `aggressive`."""

    profile: str


class StopIn(ApiRequest, frozen=True, kw_only=True):
    """`flatten` also closes every position, at the next open."""

    reason: str = ""
    flatten: bool = False


@dataclass(frozen=True, slots=True)
class EntryOut:
    """One entry of the log. `digest` is the SHA-256 of it and of the digest before it; `at` is
    market time, `recorded_at` the time of the clock."""

    number: int
    at: datetime
    recorded_at: datetime
    kind: str
    body: Any
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditOut(ApiResponse):
    """`next` continues the list (`?after=`); null at its end."""

    entries: tuple[EntryOut, ...]
    next: int | None
