"""What to download so that a symbol's stored bars are complete and of one scale.

Only the bars since the last stored one are asked for, and a week before, to see whether they are
still the same. A dividend or a split re-adjusts the past: then everything is downloaded again, and
what lies further back than the provider reaches is rescaled by the same factors. It reads the
store and asks the provider; storing is the caller's (`market/feed.py`).
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
"""How much of what is stored is asked for again."""

TOLERANCE = 1e-5
"""Relative difference above which a price has changed: providers round below it."""

PUBLICATION_DELAY = timedelta(minutes=30)
"""A provider that has no newer bar this long after a close has none at all."""

_PRICES = ["open", "high", "low", "close"]
_SCALED = [*_PRICES, "adj_close"]


@dataclass(frozen=True, slots=True, eq=False)
class Download:
    """Facts to be stored; `replace` where they supersede stored ones."""

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

    `last_fetched_at` is when the provider was last asked successfully.
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
    """The bars that are missing or have changed, of those that closed by `now`.

    `since` is where a history begins that is not stored yet; a stored one is extended to an
    earlier `since` by downloading it again. Raises what the provider raises.
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
    """Without the bar that is still running; one outside all sessions ends after its duration."""
    at = pd.DatetimeIndex(bars["at"])
    known = bar_closes(calendar_of(symbol), at, timeframe)
    known = known.where(known.notna(), at + timeframe.duration)
    return bars.loc[known <= pd.Timestamp(now)].reset_index(drop=True)


def _first_change(stored: pd.DataFrame, fresh: pd.DataFrame) -> datetime | None:
    """The first stored bar that the provider now gives differently, None where all agree.

    Where the two have no bar in common, nothing says that they agree: the first stored one.
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
    """`fresh` and before it the older stored bars, brought to its scale where they meet."""
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
