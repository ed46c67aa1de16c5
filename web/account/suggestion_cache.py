"""What the automatic mode would place, kept while nothing happens.

It is read from the market's bars.
"""

from threading import Lock

from domain.trading.orders import Order
from web.services import AppServices


class SuggestionCache:
    """Every change of an account and every decision is an event of the journal, so that none since
    means none of both. Safe to use from several threads."""

    def __init__(self, services: AppServices) -> None:
        self._services = services
        self._lock = Lock()
        self._cached: tuple[int, tuple[Order, ...]] = (-1, ())

    def current(self) -> tuple[Order, ...]:
        seq = self._services.journal.last_seq()
        with self._lock:
            if self._cached[0] != seq:
                self._cached = (seq, self._services.account_service.suggestions())
            return self._cached[1]
