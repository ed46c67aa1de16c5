"""Looks through the bars of symbols that were just stored: what is understood, what is doubted.

A split that prices and adjusted closes agree on is recognised: its correction is stored, so that
the bars before it are read in today's units. Everything else is only told.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial

from domain.instants import to_datetime
from domain.timeframe import Timeframe
from market.corrections import from_frame, to_frame
from market.quality.checks import describe_withheld
from market.quality.repair import propose_repairs
from market.series import BarSeries, build_symbol_series
from market.store import MarketDataStore


def review_bars(
    store: MarketDataStore,
    market: str,
    symbols: Sequence[str],
    timeframe: Timeframe,
    as_of: datetime,
) -> Iterator[str]:
    """Yield a sentence for each split that is recognised, and for each reason for which bars of a
    symbol are left out."""
    for symbol in symbols:
        bars = store.bars(market, symbol, timeframe)
        in_force = from_frame(store.read_many(market, [symbol], f"corrections {timeframe}"))
        build = partial(build_symbol_series, bars, symbol, timeframe, as_of)
        splits = propose_repairs(bars, build, in_force, agreed_splits_only=True)
        recognised = [split.correction for split in splits]
        if recognised:
            store.put_corrections(market, symbol, timeframe, to_frame(recognised))
        for split in splits:
            yield (
                f"{symbol}: {split.reason}, and are read as if they were (take it back with"
                f" `quorum repair {symbol} --undo`)."
            )
        series = build([*in_force, *recognised])
        for count, words in _left_out(series):
            yield f"{symbol}: {count} bars are left out: {words}."


def _left_out(series: BarSeries) -> Iterator[tuple[int, str]]:
    """Yield how many bars of `series` nothing reads, and why."""
    if count := len(series.off_hours):
        first = to_datetime(series.off_hours[0])
        hours = "outside the sessions of"
        yield count, f"they open {hours} {series.calendar}, the first at {first:%Y-%m-%d %H:%M} UTC"
    reasons = list(describe_withheld(series))
    if reasons:
        words = f"{reasons[-1]}. See `quorum repair {series.symbol}`"
        yield len(series.withheld.at), words
