"""What the API takes and answers of the engine and the watchlist."""

from dataclasses import dataclass
from datetime import datetime

from web.schemas import ApiResponse


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressOut:
    what: str
    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusOut(ApiResponse):
    """`cursor` is the id of the newest event; `as_of` the close of the newest bar decided on.

    `reason` is why the engine is halted, `error` the last error (null once it is resolved), `last`
    and `next` the closes before and after the engine's clock, `finished` is true when there are no
    more bars, `missing` lists the symbols without a single bar, `seconds` is the time of the last
    cycle by stage.
    """

    version: str
    state: str
    reason: str | None
    error: str | None
    progress: ProgressOut | None
    last: datetime | None
    next: datetime | None
    finished: bool
    missing: tuple[str, ...]
    seconds: dict[str, float]
    as_of: datetime | None
    cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchlistOut(ApiResponse):
    """`notes` are remarks by symbol, such as that its exchange's calendar is unknown."""

    symbols: tuple[str, ...]
    notes: dict[str, str]


@dataclass(frozen=True, slots=True)
class SymbolIn:
    symbol: str


@dataclass(frozen=True, slots=True)
class SymbolsIn:
    symbols: list[str]
