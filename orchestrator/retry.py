"""Errors of an engine: shown while they last, reported once, retried after longer pauses.

Leaves out what to do about it; the engine tries again.
"""

import logging
from collections.abc import Callable

from domain.errors import ProviderError, QuorumError

FIRST_PAUSE, MAX_PAUSE = 2.0, 300.0
"""Seconds before a failed cycle is tried again; doubled each time up to the longest."""
MAX_TRIES = 5
"""Times a cycle is tried where waiting cannot help; then the engine goes on to the next bar. What
is late is waited for as often before it counts as an error."""

log = logging.getLogger(__name__)


class BarsLateError(ProviderError):
    """What should have arrived may still come."""


class RetryState:
    """`error` is what last went wrong, None while all is well. `on_change` is called with an error
    that is new and with None when all is well again. `tries` counts failures in a row."""

    def __init__(self, on_change: Callable[[str | None], object], first_pause: float) -> None:
        self.error: str | None = None
        self.tries = 0
        self._on_change = on_change
        self._first_pause = first_pause
        self._reported: set[str] = set()

    @property
    def pause(self) -> float:
        """Seconds before the next try."""
        return min(self._first_pause * 2.0 ** min(self.tries, 16), MAX_PAUSE)

    def record_failure(self, error: Exception) -> None:
        self.tries += 1
        if isinstance(error, BarsLateError) and self.tries < MAX_TRIES:
            return
        self.error = _describe(error)
        pattern = "".join(letter for letter in self.error if not letter.isdigit())
        if pattern not in self._reported:  # the same error may carry other numbers at every try
            self._reported.add(pattern)
            self._on_change(self.error)

    def record_success(self) -> None:
        """A cycle went well."""
        previous, self.error, self.tries = self.error, None, 0
        self._reported.clear()
        if previous:
            self._on_change(None)


def _describe(error: Exception) -> str:
    if isinstance(error, QuorumError):
        return str(error)
    log.error("a cycle failed", exc_info=error)
    return f"{type(error).__name__}: {error}"
