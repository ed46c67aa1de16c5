"""Downloads the bars that make a symbol's stored history complete and consistently adjusted.

Only the bars since the last stored one are downloaded, and those of the week before, to check that
they are unchanged. A dividend or a split changes the adjustment of past bars: then everything is
downloaded again, and stored bars older than the provider's history are rescaled by the same
factors. Reads the store and calls the provider; the caller writes (`market/feed.py`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from domain.symbols import calendar_of
from domain.timeframe import Timeframe
from market.calendars import bar_closes, last_close
from market.provider import Provider
from market.store import MarketDataStore

OVERLAP = timedelta(days=7)
"""How much of the stored history is downloaded again."""

TOLERANCE = 1e-5
"""Relative difference above which a price counts as changed: providers' rounding is smaller."""

PUBLICATION_DELAY = timedelta(minutes=30)
"""A provider without a newer bar this long after a close is taken to have none."""

_PRICES = ["open", "high", "low", "close"]
_SCALED = [*_PRICES, "adj_close"]


@dataclass(frozen=True, slots=True, eq=False)
class Download:
    """Facts to store; `replace` where they supersede stored ones."""

    frame: pd.DataFrame
    replace: bool = False


def are_bars_due(
    store: MarketDataStore,
    market: str,
    symbol: str,
    timeframe: Timeframe,
    now: datetime,
    last_fetched_at: datetime | None,
) -> bool:
    """Whether a bar that is not stored must have closed by `now`.

    `last_fetched_at` is the time of the last successful fetch.
    """
    span = store.span(market, symbol, timeframe)
    if span is None:
        return True
    calendar = calendar_of(symbol)
    newest = last_close(calendar, timeframe, now)
    if last_fetched_at is not None and last_fetched_at >= newest + PUBLICATION_DELAY:
        return False
    return not bar_closes(calendar, pd.DatetimeIndex([span[1]]), timeframe)[0] >= newest


def download_bars(
    provider: Provider,
    store: MarketDataStore,
    symbol: str,
    timeframe: Timeframe,
    since: datetime,
    now: datetime,
) -> Download:
    """Download the missing and changed bars among those that closed by `now`.

    A new history begins at `since`; a stored one that begins later is downloaded again from
    `since`. Raises what the provider raises.
    """
    market = provider.name

    def fetch(start: datetime) -> pd.DataFrame:
        return _without_open_bar(
            provider.bars(symbol, timeframe, start, now), symbol, timeframe, now
        )

    span = store.span(market, symbol, timeframe)
    if span is None:
        return Download(fetch(since))
    first, last = span
    if since >= first:
        fresh = fetch(last - OVERLAP)
        changed = _first_change(store.bars(market, symbol, timeframe, last - OVERLAP), fresh)
        if changed is None:
            return Download(fresh[fresh["at"] > last])
        if changed == last:
            return Download(fresh[fresh["at"] >= last], replace=True)
    everything = fetch(min(first, since))
    stored = store.bars(market, symbol, timeframe)
    return Download(_with_older_bars(stored, everything), replace=True)


def _without_open_bar(
    bars: pd.DataFrame, symbol: str, timeframe: Timeframe, now: datetime
) -> pd.DataFrame:
    """`bars` without the one still open; a bar outside all sessions closes after its duration."""
    at = pd.DatetimeIndex(bars["at"])
    known = bar_closes(calendar_of(symbol), at, timeframe)
    known = known.where(known.notna(), at + timeframe.duration)
    return bars.loc[known <= pd.Timestamp(now)].reset_index(drop=True)


def _first_change(stored: pd.DataFrame, fresh: pd.DataFrame) -> datetime | None:
    """Opening instant of the first stored bar that differs from `fresh`, None where all agree.

    Where the two have no bar in common, agreement is unknown: return the first stored bar.
    """
    if fresh.empty:
        return None
    both = stored.merge(fresh, on="at", suffixes=("", "_now"))
    if both.empty:
        return _to_datetime(stored["at"].iloc[0])
    now = both[[f"{column}_now" for column in _SCALED]].to_numpy()
    differs = (abs(now / both[_SCALED].to_numpy() - 1.0) > TOLERANCE).any(axis=1)
    return _to_datetime(both["at"][differs].iloc[0]) if differs.any() else None


def _with_older_bars(stored: pd.DataFrame, fresh: pd.DataFrame) -> pd.DataFrame:
    """`fresh` preceded by older stored bars, rescaled by their ratio at the first common bar."""
    both = stored.merge(fresh, on="at", suffixes=("", "_now")).head(1)
    if both.empty:
        return fresh
    older = stored[stored["at"] < fresh["at"].iloc[0]].copy()
    factor = float(both["close_now"].iloc[0] / both["close"].iloc[0])
    older[_PRICES] *= factor
    older["volume"] /= factor
    older["adj_close"] *= float(both["adj_close_now"].iloc[0] / both["adj_close"].iloc[0])
    joined: pd.DataFrame = pd.concat([older, fresh], ignore_index=True)
    return joined


def _to_datetime(at: pd.Timestamp) -> datetime:
    return at.to_pydatetime()
