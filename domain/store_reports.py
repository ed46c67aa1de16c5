"""Reports of the market data store: the result of a write, and the last fetch of a source."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class WriteReport:
    """The result of a write, in rows: `added` were new, `unchanged` were stored already with the
    same figures, `conflicting` were stored already with different figures (kept, or overwritten
    where the caller chose to replace)."""

    added: int
    unchanged: int
    conflicting: int


@dataclass(frozen=True, slots=True)
class FetchStatus:
    """The last attempt to fetch a source, so that "no data" and "fetch failed" differ.

    `at` is the time of that attempt, `error` why it failed (None if it succeeded), and
    `succeeded_at` the time of the last attempt that succeeded (None if none has).
    """

    at: datetime
    error: str | None
    succeeded_at: datetime | None
