"""What the API answers of one symbol."""

from dataclasses import dataclass
from datetime import datetime

from web.schemas import ApiResponse


@dataclass(frozen=True, slots=True)
class BarOut:
    """`at` is the bar's opening instant; prices are split-adjusted. `left_out` is true for a bar
    that nothing trades, marks or learns from."""

    at: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float
    adj_close: float
    left_out: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BarsOut(ApiResponse):
    symbol: str
    timeframe: str
    bars: tuple[BarOut, ...]


@dataclass(frozen=True, slots=True)
class NewsItemOut:
    known_at: datetime
    headline: str
    summary: str | None
    source: str | None
    url: str | None
    relevance: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsOut(ApiResponse):
    symbol: str
    news: tuple[NewsItemOut, ...]


@dataclass(frozen=True, slots=True)
class FilingOut:
    """`fiscal_quarter` 4 is the full year."""

    known_at: datetime
    fiscal_year: int
    fiscal_quarter: int
    revenue: float | None
    operating_income: float | None
    net_income: float | None
    shares: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FilingsOut(ApiResponse):
    symbol: str
    filings: tuple[FilingOut, ...]


@dataclass(frozen=True, slots=True)
class VotesPoint:
    """One bar: the committee's figures and each agent's p_up (null where it abstained)."""

    as_of: datetime
    action: str
    p_up: float | None
    base_rate: float | None
    edge: float | None
    target_weight: float
    price: float | None
    receipt: str
    agents: dict[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class VotesOut(ApiResponse):
    symbol: str
    votes: tuple[VotesPoint, ...]
