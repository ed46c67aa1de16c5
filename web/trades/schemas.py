"""What the API takes and answers of closed trades."""

from dataclasses import dataclass
from datetime import datetime

from web.schemas import ApiRequest, ApiResponse


class AnnotationIn(ApiRequest, frozen=True, kw_only=True):
    """What is left out stays as it is."""

    note: str | None = None
    tags: list[str] | None = None


@dataclass(frozen=True, slots=True)
class RoundTripOut:
    """A closed round trip. `units` negative for a short; `share` is the profit over the value at
    entry; `orders` the opening and the closing one; `decision` the receipt behind the first."""

    id: str
    symbol: str
    opened_at: datetime
    closed_at: datetime
    units: float
    entry: float
    exit: float
    fees: float
    profit: float
    share: float
    orders: tuple[str, str]
    decision: str | None
    note: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TotalsOut:
    """Of all round trips the filter leaves, not only those shown. Null without one behind it."""

    count: int
    profit: float
    fees: float
    hit_rate: float | None
    mean: float | None
    ratio: float | None
    days: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeOut(ApiResponse):
    trade: RoundTripOut


@dataclass(frozen=True, slots=True, kw_only=True)
class TradesOut(ApiResponse):
    """The last one to end first; `next` continues the list (`?skip=`)."""

    totals: TotalsOut
    trades: tuple[RoundTripOut, ...]
    next: int | None
