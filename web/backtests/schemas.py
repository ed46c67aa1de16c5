"""What the API takes and answers of backtests."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from web.schemas import ApiResponse


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultOut:
    """A kept backtest in one line; `headline` maps a metric to its value and interval."""

    id: str
    made_at: datetime
    label: str
    market: str
    simulated: bool
    start: str
    end: str
    symbols: tuple[str, ...]
    agents: tuple[str, ...]
    headline: dict[str, dict[str, float | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOut:
    """`state` is running, failed, cancelled or done; `total` is 0 while it is unknown."""

    id: str
    label: str
    what: str
    done: int
    total: int
    seconds_left: float | None
    error: str | None
    state: str
    result_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestsOut(ApiResponse):
    results: tuple[ResultOut, ...]
    jobs: tuple[JobOut, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestOut(ApiResponse):
    """`result` is the whole of the kept `result.json`."""

    result: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestIn:
    """A backtest to start. Defaults: the watchlist, its newest five years, every agent.

    `volume_cap` is a share of a bar's volume, `walk_forward` the bars of each yearly refit.
    """

    symbols: list[str] | None = None
    start: str | None = None
    end: str | None = None
    agents: list[str] | None = None
    capital: float | None = None
    half_spread_bps: float | None = None
    commission_bps: float | None = None
    impact: float | None = None
    volume_cap: float | None = None
    weighting: str | None = None
    calibrated: bool | None = None
    walk_forward: int | None = None
    delay: int | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedOut(ApiResponse):
    job: str
