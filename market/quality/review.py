"""Looks through the bars of symbols that were just stored: what is understood, what is doubted.

A split that prices and adjusted closes agree on is recognised: its correction is stored, so that
the bars before it are read in today's units. Everything else is only told.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from domain.timeframe import Timeframe
from market.corrections import Correction, CorrectionKind, to_frame
from market.quality.checks import describe_withheld
from market.quality.repair import propose_repairs
from market.series import read_series
from market.store import MarketDataStore


def review_bars(
    store: MarketDataStore,
    market: str,
    symbols: Sequence[str],
    timeframe: Timeframe,
    as_of: datetime,
) -> Iterator[str]:
    """Yield a sentence for each split that is recognised, and one for each symbol with bars that
    are left out."""
    for symbol in symbols:
        recognised: list[Correction] = []
        while True:
            [series] = read_series(store, market, [symbol], timeframe, as_of)
            bars = store.bars(market, symbol, timeframe)
            found = [
                proposal
                for proposal in propose_repairs(bars, series)
                if proposal.correction.kind is CorrectionKind.SPLIT
                and proposal.correction.adjusted_factor == 1.0
                and proposal.correction not in recognised
            ]
            if not found:
                break
            recognised += [proposal.correction for proposal in found]
            store.put_corrections(market, symbol, timeframe, to_frame(recognised))
            for proposal in found:
                yield (
                    f"{symbol}: {proposal.reason}, and are read as if they were (take it back with"
                    f" `quorum repair {symbol} --undo`)."
                )
        reasons = list(describe_withheld(series))
        if reasons:
            count = len(series.withheld.at)
            yield (
                f"{symbol}: {count} bars are left out: {reasons[-1]}. See `quorum repair {symbol}`."
            )
