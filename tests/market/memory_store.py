"""A store in dictionaries: the protocol of `market/store.py` at its smallest.

Tests write into it as a provider's feed would; `transaction` restores everything when its block
raises.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import pandas as pd

from domain.store_reports import FetchStatus, WriteReport
from domain.timeframe import Timeframe
from market.corrections import CORRECTION_COLUMNS
from market.provider import (
    ACTION_COLUMNS,
    BAR_COLUMNS,
    EARNINGS_COLUMNS,
    FILING_COLUMNS,
    NEWS_COLUMNS,
)

_COLUMNS = {
    "bars": BAR_COLUMNS,
    "news": NEWS_COLUMNS,
    "filings": FILING_COLUMNS,
    "earnings": EARNINGS_COLUMNS,
    "actions": ACTION_COLUMNS,
    "corrections": CORRECTION_COLUMNS,
}
_IDENTITIES = {
    "bars": ["at"],
    "news": ["known_at", "headline", "source"],
    "filings": ["known_at", "fiscal_year", "fiscal_quarter"],
    "earnings": ["known_at"],
    "actions": ["at", "kind"],
    "corrections": ["last", "kind"],
}
_TEXT = {"symbol", "headline", "summary", "source", "url", "kind"}
_Key = tuple[str, str, str]


class MemoryMarketDataStore:
    def __init__(self) -> None:
        self._frames: dict[_Key, pd.DataFrame] = {}
        self._fetches: dict[_Key, FetchStatus] = {}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        frames, fetches = dict(self._frames), dict(self._fetches)
        try:
            yield
        except BaseException:
            self._frames, self._fetches = frames, fetches
            raise

    def symbols(self, market: str, timeframe: Timeframe | None = None) -> list[str]:
        prefix = f"bars {timeframe}" if timeframe else "bars "
        return sorted({s for m, s, what in self._frames if m == market and what.startswith(prefix)})

    def span(
        self, market: str, symbol: str, timeframe: Timeframe
    ) -> tuple[datetime, datetime] | None:
        at = self.bars(market, symbol, timeframe)["at"]
        if at.empty:
            return None
        return at.iloc[0].to_pydatetime(), at.iloc[-1].to_pydatetime()

    def read_many(self, market, symbols, source, start=None, end=None):
        frames = [self._read((market, symbol, source), start, end) for symbol in symbols]
        codes = [code for code, frame in enumerate(frames) for _ in range(len(frame))]
        facts = pd.concat([_empty(source.split()[0]), *frames], ignore_index=True)
        return facts.assign(symbol=pd.Categorical.from_codes(codes, list(symbols)))

    def bars(self, market, symbol, timeframe, start=None, end=None):
        return self._read((market, symbol, f"bars {timeframe}"), start, end)

    def put_bars(self, market, symbol, timeframe, frame, replace=False):
        return self._put((market, symbol, f"bars {timeframe}"), frame, replace)

    def news(self, market, symbol, start=None, end=None):
        return self._read((market, symbol, "news"), start, end)

    def put_news(self, market, symbol, frame, replace=False):
        return self._put((market, symbol, "news"), frame, replace)

    def filings(self, market, symbol, start=None, end=None):
        return self._read((market, symbol, "filings"), start, end)

    def put_filings(self, market, symbol, frame, replace=False):
        return self._put((market, symbol, "filings"), frame, replace)

    def put_earnings(self, market, symbol, frame, replace=False):
        return self._put((market, symbol, "earnings"), frame, replace)

    def put_actions(self, market, symbol, frame, replace=False):
        return self._put((market, symbol, "actions"), frame, replace)

    def put_corrections(self, market, symbol, timeframe, frame):
        return self._put((market, symbol, f"corrections {timeframe}"), frame, replace=True)

    def last_fetch(self, market: str, symbol: str, source: str) -> FetchStatus | None:
        return self._fetches.get((market, symbol, source))

    def last_fetches(
        self, market: str, symbols: Sequence[str], source: str
    ) -> dict[str, FetchStatus]:
        return {s: fetch for s in symbols if (fetch := self.last_fetch(market, s, source))}

    def record_fetch(
        self, market: str, symbol: str, source: str, at: datetime, error: str | None = None
    ) -> None:
        before = self.last_fetch(market, symbol, source)
        succeeded = at if error is None else (before.succeeded_at if before else None)
        self._fetches[market, symbol, source] = FetchStatus(at, error, succeeded)

    def _read(self, key: _Key, start: datetime | None, end: datetime | None) -> pd.DataFrame:
        kind = key[2].split()[0]
        frame = self._frames.get(key, _empty(kind))
        at = frame[_IDENTITIES[kind][0]]
        selected = pd.Series(True, index=frame.index)
        if start is not None:
            selected &= at >= start
        if end is not None:
            selected &= at < end
        return frame[selected].reset_index(drop=True)

    def _put(self, key: _Key, frame: pd.DataFrame, replace: bool) -> WriteReport:
        kind = key[2].split()[0]
        identity = _IDENTITIES[kind]
        new = frame[_COLUMNS[kind]].astype(_empty(kind).dtypes.to_dict())
        old = self._frames.get(key, _empty(kind))
        both = new.merge(old, on=identity, suffixes=("", "_old"))
        figures = [c for c in _COLUMNS[kind] if c not in identity]
        same = pd.Series(True, index=both.index)
        for column in figures:
            was = both[f"{column}_old"]
            same &= (both[column] == was) | (both[column].isna() & was.isna())
        order = [new, old] if replace else [old, new]
        self._frames[key] = (
            pd.concat(order).drop_duplicates(identity).sort_values(identity, ignore_index=True)
        )
        return WriteReport(len(new) - len(both), int(same.sum()), int((~same).sum()))


def _empty(kind: str) -> pd.DataFrame:
    return pd.DataFrame({column: pd.Series(dtype=_dtype(column)) for column in _COLUMNS[kind]})


def _dtype(column: str) -> str:
    if column in {"at", "known_at", "first", "last"}:
        return "datetime64[us, UTC]"
    if column.startswith("fiscal_"):
        return "int64"
    return "str" if column in _TEXT else "float64"


def daily_bars(dates: pd.DatetimeIndex, close: object, **columns: object) -> pd.DataFrame:
    """Bars of `BAR_COLUMNS` with all four prices at `close`, unless `columns` say otherwise."""
    bars = pd.DataFrame({"at": dates, "open": close, "high": close, "low": close, "close": close})
    bars["volume"] = 1_000_000.0
    bars["adj_close"] = bars["close"]
    bars = bars.assign(**columns)
    bars["at"] = pd.DatetimeIndex(dates).tz_localize(UTC).as_unit("us")
    return bars[BAR_COLUMNS]
