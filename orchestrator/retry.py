"""What goes wrong in an engine: shown while it lasts, told once, and tried ever more patiently.

Leaves out what to do about it; the engine tries again.
"""

import logging
from collections.abc import Callable

from domain.errors import ProviderError, QuorumError

FIRST_PAUSE, LONGEST_PAUSE = 2.0, 300.0
"""Seconds before a failed cycle is tried again; doubled each time up to the longest."""
TRIES = 5
"""Times a cycle is tried where waiting cannot help; then the engine goes on to the next bar. What
is late is waited for as often before it counts as an error."""

log = logging.getLogger(__name__)


class LateError(ProviderError):
    """What should have arrived may still come."""


class Trouble:
    """`error` is what last went wrong, None while all is well. `tell` is called with an error that
    is new and with None when all is well again. `tries` counts failures in a row."""

    def __init__(self, tell: Callable[[str | None], object], first_pause: float) -> None:
        self.error: str | None = None
        self.tries = 0
        self._tell = tell
        self._first_pause = first_pause
        self._told: set[str] = set()

    @property
    def pause(self) -> float:
        """Seconds to rest before the next try."""
        return min(self._first_pause * 2.0 ** min(self.tries, 16), LONGEST_PAUSE)

    def add(self, error: Exception) -> None:
        self.tries += 1
        if isinstance(error, LateError) and self.tries < TRIES:
            return
        self.error = _in_words(error)
        gist = "".join(letter for letter in self.error if not letter.isdigit())
        if gist not in self._told:  # the same error may carry other numbers at every try
            self._told.add(gist)
            self._tell(self.error)

    def over(self) -> None:
        """A cycle went well."""
        overcome, self.error, self.tries = self.error, None, 0
        self._told.clear()
        if overcome:
            self._tell(None)


def _in_words(error: Exception) -> str:
    if isinstance(error, QuorumError):
        return str(error)
    log.error("a cycle failed", exc_info=error)
    return f"{type(error).__name__}: {error}"
