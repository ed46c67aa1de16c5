"""What the market data store answers besides rows: how a write went, and the last fetch."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class WriteReport:
    """What a write did, in rows: `added` were new, `unchanged` were stored already with the same
    figures, `conflicting` were stored already with others (the stored ones stayed, or were
    overwritten where the caller asked to replace)."""

    added: int
    unchanged: int
    conflicting: int


@dataclass(frozen=True, slots=True)
class FetchStatus:
    """The last attempt to fetch something, so that "nothing there" and "could not look" differ.

    `at` is that attempt, `error` why it failed (None if it succeeded), and `succeeded_at` the last
    attempt that succeeded (None if none ever did).
    """

    at: datetime
    error: str | None
    succeeded_at: datetime | None
