"""What auto mode would place, kept while nothing happens: it is read from the market's bars."""

from threading import Lock

from domain.trading.orders import Order
from web.services import House


class Suggested:
    """Every change of an account and every decision is an event of the journal, so that none since
    means none of both. Safe to use from several threads."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._lock = Lock()
        self._kept: tuple[int, tuple[Order, ...]] = (-1, ())

    def now(self) -> tuple[Order, ...]:
        seq = self._house.journal.last_seq()
        with self._lock:
            if self._kept[0] != seq:
                self._kept = (seq, self._house.floor.suggestions())
            return self._kept[1]
