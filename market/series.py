"""Sorted bars of each symbol with their closing times: the step from a stored frame to a panel.

Unusable bars (a price missing, zero or negative), bars outside every session and bars in doubt are
left out and recorded for the quality gate; nothing is repaired. Everything that trades, marks, pays
or learns reads bars that have passed here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise, starmap

import numpy as np
import pandas as pd

from domain.instants import Times, to_datetime64, to_datetime64_array
from domain.panel import Bools, Floats
from domain.symbols import AssetClass, asset_class, calendar_of
from domain.timeframe import Timeframe
from market import calendars
from market.bar_filter import PASSED, BarVerdicts, Codes, judge_bars
from market.corrections import Correction, apply_corrections, from_frame
from market.store import MarketDataStore


@dataclass(frozen=True, slots=True, eq=False)
class WithheldBars:
    """The W bars in doubt, in order: when they closed (`at`), why (`code`, of
    `market/bar_filter.py`), how large the flaw is (`size`, a fraction), and when the first
    bar of the unbroken run closed (`since`); all (W,)."""

    at: Times
    code: Codes
    size: Floats
    since: Times


@dataclass(frozen=True, slots=True, eq=False)
class BarSeries:
    """T bars of one symbol that passed, by `known_at` (T,), strictly increasing, datetime64[us].

    `open` to `close` (T,) are adjusted for splits and dividends: the traded price times `factor`
    (T,). `volume` (T,) is as stored, zero where unknown. The rest are instants of flawed bars:
    `repeated` (a second bar at one time, of which the last was kept), `unordered` (stored after a
    later bar), `incomplete` (a price missing), `non_positive` (a price of zero or less, or a
    negative volume) and `off_hours` (opened outside every session; a daily bar at the end of its
    date). `withheld` are the bars in doubt.
    """

    symbol: str
    calendar: str
    timeframe: Timeframe
    known_at: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    factor: Floats
    repeated: Times
    unordered: Times
    incomplete: Times
    non_positive: Times
    off_hours: Times
    withheld: WithheldBars

    @property
    def closed_at(self) -> Times:
        """(T + W,) when the bars closed, those in doubt included."""
        if not len(self.withheld.at):
            return self.known_at
        return np.union1d(self.known_at, self.withheld.at)


def read_series(
    store: MarketDataStore,
    market: str,
    symbols: Sequence[str],
    timeframe: Timeframe,
    as_of: datetime,
    since: datetime | None = None,
) -> list[BarSeries]:
    """Read the series of distinct `symbols` of one calendar, in their order: the bars closed by
    `as_of`, judged from the first stored one, that opened at `since` or later."""
    bars, accepted = _read_corrected(store, market, symbols, timeframe, as_of)
    return build_series(bars, calendar_of(symbols[0]), timeframe, as_of, since, accepted)


def read_judged_bars(
    store: MarketDataStore, market: str, symbol: str, timeframe: Timeframe, as_of: datetime
) -> pd.DataFrame:
    """Read the stored bars of a symbol that had opened before `as_of`, corrected, as `BAR_COLUMNS`
    and `left_out`: whether nothing reads the bar because it is in doubt, unusable or outside a
    session."""
    bars, accepted = _read_corrected(store, market, [symbol], timeframe, as_of)
    calendar = calendar_of(symbol)
    [series] = build_series(bars, calendar, timeframe, as_of, accepted=accepted)
    closed_at = calendars.bar_closes_array(calendar, to_datetime64_array(bars["at"]), timeframe)
    is_closed = ~(closed_at > to_datetime64(as_of))
    left_out = is_closed & ~np.isin(closed_at, series.known_at)
    return bars.drop(columns="symbol").assign(left_out=left_out)


def build_symbol_series(
    bars: pd.DataFrame,
    symbol: str,
    timeframe: Timeframe,
    as_of: datetime,
    corrections: Sequence[Correction] = (),
) -> BarSeries:
    """Build the series of one symbol from its `bars` (`BAR_COLUMNS`), corrected."""
    corrected, accepted = apply_corrections(bars, corrections)
    named = corrected.assign(symbol=pd.Categorical([symbol] * len(bars), [symbol]))
    [series] = build_series(named, calendar_of(symbol), timeframe, as_of, accepted=accepted)
    return series


def build_series(
    bars: pd.DataFrame,
    calendar: str,
    timeframe: Timeframe,
    as_of: datetime,
    since: datetime | None = None,
    accepted: Bools | None = None,
) -> list[BarSeries]:
    """Build the series of each symbol from the `bars` closed by `as_of`, in the order of the
    categories of the column `symbol`.

    `bars` has that categorical and `BAR_COLUMNS`, sorted by symbol; a symbol's bars may be in any
    order. They are judged from the first on, whatever `since`, the first opening instant kept;
    `accepted` (B,) is True where a person has accepted the bar.
    """
    if accepted is None:
        accepted = np.zeros(len(bars), bool)
    opened = to_datetime64_array(bars["at"])
    known_at = calendars.bar_closes_array(calendar, opened, timeframe)
    figures = np.stack([bars[name].to_numpy(np.float64) for name in _COLUMNS])
    symbols, codes = bars["symbol"].cat.categories, bars["symbol"].cat.codes.to_numpy()
    ends = np.searchsorted(codes, np.arange(len(symbols) + 1))
    until = to_datetime64(as_of)
    first = None if since is None else to_datetime64(since)
    return [
        _series(
            symbol,
            calendar,
            timeframe,
            opened[of],
            known_at[of],
            figures[:, of],
            accepted[of],
            first,
            until,
        )
        for symbol, of in zip(symbols, starmap(slice, pairwise(ends.tolist())), strict=True)
    ]


def _series(
    symbol: str,
    calendar: str,
    timeframe: Timeframe,
    opened: Times,
    known_at: Times,
    figures: Floats,
    accepted: Bools,
    first: np.datetime64 | None,
    until: np.datetime64,
) -> BarSeries:
    timed = known_at <= until
    length = np.timedelta64(0 if timeframe.intraday else timeframe.duration, "us")
    off_hours = opened[np.isnat(known_at) & (opened <= until)] + length
    order, unordered = _in_order(opened)
    order = order[timed[order]]
    last = np.append(known_at[order][1:] != known_at[order][:-1], True)[: len(order)]
    kept = order[last]
    prices, volume, adjusted = figures[:4, kept], figures[4, kept], figures[5, kept]
    volume = np.nan_to_num(volume, nan=0.0)
    complete = np.isfinite(prices).all(axis=0)
    positive = (prices > 0).all(axis=0) & ~(adjusted <= 0) & (volume >= 0)
    at, usable = known_at[kept], complete & positive
    verdicts = judge_bars(
        prices[:, usable],
        volume[usable],
        np.where(np.isfinite(adjusted), adjusted, np.nan)[usable],
        accepted[kept][usable],
        is_index=asset_class(symbol) is AssetClass.INDEX,
    )
    passed = verdicts.code == PASSED
    if first is not None:
        passed &= opened[kept][usable] >= first
    opens, highs, lows, closes = (prices[:, usable] * verdicts.factor)[:, passed]
    return BarSeries(
        symbol=symbol,
        calendar=calendar,
        timeframe=timeframe,
        known_at=at[usable][passed],
        open=opens,
        high=highs,
        low=lows,
        close=closes,
        volume=volume[usable][passed],
        factor=verdicts.factor[passed],
        repeated=known_at[order[~last]],
        unordered=known_at[unordered[timed[unordered]]],
        incomplete=at[~complete],
        non_positive=at[complete & ~positive],
        off_hours=off_hours,
        withheld=_withheld(at[usable], verdicts),
    )


def _withheld(known_at: Times, verdicts: BarVerdicts) -> WithheldBars:
    rows = np.flatnonzero(verdicts.code)
    return WithheldBars(
        known_at[rows], verdicts.code[rows], verdicts.size[rows], known_at[verdicts.since[rows]]
    )


def _read_corrected(
    store: MarketDataStore,
    market: str,
    symbols: Sequence[str],
    timeframe: Timeframe,
    as_of: datetime,
) -> tuple[pd.DataFrame, Bools]:
    """Read bars of `symbols` as corrected, and (B,) which of them are accepted."""
    bars = store.read_many(market, symbols, f"bars {timeframe}", None, as_of)
    accepted = np.zeros(len(bars), bool)
    stored = store.read_many(market, symbols, f"corrections {timeframe}")
    for symbol, frame in stored.groupby("symbol", observed=True):
        rows = (bars["symbol"] == symbol).to_numpy()
        corrected, accepted[rows] = apply_corrections(bars[rows], from_frame(frame))
        bars = bars.copy()
        bars.loc[rows] = corrected
    return bars, accepted


_COLUMNS = ("open", "high", "low", "close", "volume", "adj_close")


def _in_order(opened: Times) -> tuple[np.ndarray, np.ndarray]:
    """Indices that sort `opened`, and indices of the bars stored after a later one."""
    latest = np.maximum.accumulate(opened)
    unordered = np.flatnonzero(opened < latest)
    order = np.argsort(opened, kind="stable") if len(unordered) else np.arange(len(opened))
    return order, unordered
