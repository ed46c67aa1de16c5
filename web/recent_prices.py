"""Recent closes for sparklines and day changes, kept as long as their bar is the latest one."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from web.services import House

_BARS = 60
_KEPT = 2_000


@dataclass(frozen=True, slots=True)
class Recent:
    """Up to 60 closes known by an instant, oldest first, and the last one's change (a fraction)."""

    closes: tuple[float, ...]

    @property
    def change(self) -> float | None:
        return self.closes[-1] / self.closes[-2] - 1 if len(self.closes) > 1 else None


class Prices:
    """Reads the library once per symbol and bar. Safe to use from several threads."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._lock = Lock()
        self._kept: OrderedDict[tuple[str, datetime], Recent] = OrderedDict()

    def recent(self, symbol: str, as_of: datetime) -> Recent:
        key = (symbol, as_of)
        with self._lock:
            if key in self._kept:
                return self._kept[key]
        recent = self._read(symbol, as_of)
        with self._lock:
            self._kept[key] = recent
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return recent

    def _read(self, symbol: str, as_of: datetime) -> Recent:
        house = self._house
        span = house.timeframe.duration * _BARS * 2 + timedelta(days=7)
        frame = house.library.bars(house.market, symbol, house.timeframe, as_of - span, as_of)
        closes = frame["adj_close"].dropna().tail(_BARS)
        return Recent(tuple(float(close) for close in closes))
