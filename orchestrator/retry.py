"""Errors of the engine: shown while they last, reported once, retried after longer and longer
pauses.

Leaves out the retry itself, which is the engine's.
"""

import logging
from collections.abc import Callable

from domain.errors import ProviderError, QuorumError

FIRST_PAUSE, MAX_PAUSE = 2.0, 300.0
"""Seconds before a failed cycle is tried again: the first pause, doubled each time up to the
longest."""
MAX_TRIES = 5
"""Most tries of a cycle where waiting cannot help; then the engine goes on to the next bar. Late
bars are waited for this many times before that counts as an error."""

log = logging.getLogger(__name__)


class BarsLateError(ProviderError):
    """Bars that should have arrived are late and may still arrive."""


class RetryState:
    """The failures since the last success. `error` is the last one in words, None while all is
    well. `on_change` is called with each new error, and with None when all is well again. `tries`
    counts failures in a row."""

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
        if pattern not in self._reported:  # its numbers may differ at every try
            self._reported.add(pattern)
            self._on_change(self.error)

    def record_success(self) -> None:
        """Record that a cycle succeeded."""
        previous, self.error, self.tries = self.error, None, 0
        self._reported.clear()
        if previous:
            self._on_change(None)


def _describe(error: Exception) -> str:
    if isinstance(error, QuorumError):
        return str(error)
    log.error("a cycle failed", exc_info=error)
    return f"{type(error).__name__}: {error}"
