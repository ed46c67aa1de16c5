"""The orders that the automatic mode would place, cached until something changes.

They are computed from the market's bars.
"""

from threading import Lock

from domain.trading.orders import Order
from orchestrator.account.service import AccountService
from storage.journal.sql_journal import SqlJournal


class SuggestionCache:
    """Keeps the suggestions until the journal has a new event: every change of an account and every
    decision is one. Safe to use from several threads."""

    def __init__(self, journal: SqlJournal, account_service: AccountService) -> None:
        self._journal, self._account_service = journal, account_service
        self._lock = Lock()
        self._cached: tuple[int, tuple[Order, ...]] = (-1, ())

    def current(self) -> tuple[Order, ...]:
        seq = self._journal.last_seq()
        with self._lock:
            if self._cached[0] != seq:
                self._cached = (seq, self._account_service.suggestions())
            return self._cached[1]
