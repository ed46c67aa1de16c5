"""What the library answers besides frames: how a put went, and when one last looked."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class WriteReport:
    """What a put did, in rows: `added` were new, `unchanged` were stored already with the same
    figures, `conflicting` were stored already with others (the stored ones were kept, or
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
