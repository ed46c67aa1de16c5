"""Recent closes for sparklines and day changes, cached while their bar is the latest one."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from market.series import read_series
from market.store import MarketDataStore
from web.services import ServedRun

_RECENT_BARS = 60
_CACHE_SIZE = 2_000


@dataclass(frozen=True, slots=True)
class RecentCloses:
    """Up to 60 closes known by an instant, oldest first, and the change of the last one (a
    fraction)."""

    closes: tuple[float, ...]

    @property
    def change(self) -> float | None:
        return self.closes[-1] / self.closes[-2] - 1 if len(self.closes) > 1 else None


class RecentPrices:
    """Reads the store once per symbol and bar. Safe to use from several threads."""

    def __init__(self, served_run: ServedRun, store: MarketDataStore) -> None:
        self._served_run, self._store = served_run, store
        self._lock = Lock()
        self._cache: OrderedDict[tuple[str, datetime], RecentCloses] = OrderedDict()

    def recent(self, symbol: str, as_of: datetime) -> RecentCloses:
        key = (symbol, as_of)
        with self._lock:
            if key in self._cache:
                return self._cache[key]
        recent = self._read(symbol, as_of)
        with self._lock:
            self._cache[key] = recent
            if len(self._cache) > _CACHE_SIZE:
                self._cache.popitem(last=False)
        return recent

    def _read(self, symbol: str, as_of: datetime) -> RecentCloses:
        market, timeframe = self._served_run.market, self._served_run.timeframe
        since = as_of - timeframe.duration * _RECENT_BARS * 2 - timedelta(days=7)
        [series] = read_series(self._store, market, [symbol], timeframe, as_of, since)
        return RecentCloses(tuple(series.close[-_RECENT_BARS:].tolist()))
