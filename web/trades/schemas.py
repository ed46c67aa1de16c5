"""What the API takes and answers of closed trades."""

from dataclasses import dataclass
from datetime import datetime

from web.schemas import ApiRequest, ApiResponse


class AnnotationIn(ApiRequest, frozen=True, kw_only=True):
    """A note and tags; a field left out stays unchanged."""

    note: str | None = None
    tags: list[str] | None = None


@dataclass(frozen=True, slots=True)
class RoundTripOut:
    """A closed round trip. `units` is negative for a short; `share` is the profit over the value at
    entry; `orders` are the opening and the closing one; `decision` is the receipt of the first."""

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
    """Totals of all round trips that match the filter, not only those shown. Null where no trip
    counts."""

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
    """Round trips, the last one to end first; `next` continues the list (`?skip=`)."""

    totals: TotalsOut
    trades: tuple[RoundTripOut, ...]
    next: int | None
