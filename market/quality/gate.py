"""The quality gate: whether a decision may use a series as of an instant.

A flaw among the last `RECENT_BARS` bars, as far as the agents' longest indicators look back, is a
finding and blocks the symbol; an older one, or one that real markets show too, is a remark. The
gate uses nothing after `as_of` and repairs nothing; `blocked_rows` gives its verdict as of many
instants, from the same flaws. Limits are set so that fifty large companies, funds and coins from
1990 to 2025, crashes and earnings shocks included, are never blocked, while a planted split, gap
or stale end is. Leaves out whether prices are *right*, which takes a second source.
"""

from collections.abc import Iterator
from datetime import datetime

import numpy as np
import pandas as pd

from domain.decision import QualityVerdict
from domain.instants import Times, to_datetime64
from domain.panel import Bools, Floats
from domain.symbols import calendar_note
from market import calendars
from market.quality import checks
from market.quality.checks import MEDIAN_WINDOW, Flaw, Rows
from market.series import BarSeries

RECENT_BARS = 250
"""Bars within which a flaw blocks."""
STALE_BARS = 3
"""A series that ends more bars ago than this, and than a session has, is stale."""
ODD_VOLUME_RATIO = 20.0
"""Volume this many times above or below the median of the sixty bars before is a remark."""


def check_series(series: BarSeries, actions: pd.DataFrame, as_of: datetime) -> QualityVerdict:
    """Return the gate's verdict on `series` as of `as_of`, given the `actions` recorded by then
    (`ACTION_COLUMNS`, also of other symbols)."""
    bars = np.array([len(series.known_at)])
    findings: list[str] = []
    remarks: list[str] = []
    for flaw in (*checks.find_flaws(series, actions), *_current_flaws(series, as_of)):
        recent = flaw.at >= _recent_since(series, bars, flaw)
        if recent.any():
            messages = findings if flaw.blocks else remarks
            messages.append(flaw.describe(recent, series.timeframe))
        if flaw.blocks and not flaw.transient and not recent.all():
            remarks.append("long ago: " + flaw.describe(~recent, series.timeframe))
    if note := calendar_note(series.symbol):
        remarks.append(note)
    return QualityVerdict(series.symbol, tuple(findings), tuple(remarks))


def blocked_rows(series: BarSeries, actions: pd.DataFrame, known_at: Times) -> Bools:
    """(T,) whether `check_series` would have blocked the symbol as of each instant of `known_at`
    (T,), given the series and the actions as of then."""
    bars: Rows = np.searchsorted(series.known_at, known_at, side="right")
    is_blocked: Bools = bars == 0
    if is_blocked.all():
        return is_blocked
    closed_at = series.closed_at
    closed = np.searchsorted(closed_at, known_at, side="right")
    last = closed_at[np.maximum(closed - 1, 0)]
    is_blocked |= _bars_behind(series, last, known_at) > _max_bars_behind(series)
    for flaw in checks.find_flaws(series, actions):
        if flaw.blocks:
            at, begins = np.sort(flaw.at), _recent_since(series, bars, flaw)
            is_blocked |= at.searchsorted(known_at, side="right") > at.searchsorted(begins)
    return is_blocked


def _recent_since(series: BarSeries, bars: Rows, flaw: Flaw) -> Times:
    """(T,) the instant from which on a flaw is recent when the series has `bars` (T,) bars."""
    if not len(series.known_at):
        return np.full(len(bars), np.datetime64("1900-01-01", "us"))
    return series.known_at[np.maximum(bars - (1 if flaw.transient else RECENT_BARS), 0)]


def _current_flaws(series: BarSeries, as_of: datetime) -> Iterator[Flaw]:
    now = np.array([to_datetime64(as_of)])
    if len(series.known_at):
        yield from _odd_volumes(series)
        yield from _staleness(series, now)
    else:
        yield Flaw("no usable bar had closed by {at}", True, now, np.ones(1))


def _odd_volumes(series: BarSeries) -> Iterator[Flaw]:
    """Yield odd volumes of the last sixty bars, each against the sixty bars before it."""
    bars = len(series.volume)
    rows = np.arange(max(bars - MEDIAN_WINDOW, MEDIAN_WINDOW), bars)
    usual = checks.median_volume(series, rows)
    ratio = np.divide(series.volume[rows], usual, out=np.ones(len(rows)), where=usual > 0)
    odd = (ratio > ODD_VOLUME_RATIO) | (ratio < 1.0 / ODD_VOLUME_RATIO)
    message = "volume is {size:.2g} times the usual at {at}"
    yield Flaw(message, False, series.known_at[rows[odd]], ratio[odd])


def _staleness(series: BarSeries, now: Times) -> Iterator[Flaw]:
    last = series.closed_at[-1:]
    behind = _bars_behind(series, last, now)
    if behind[0] > 0:
        stale = bool(behind[0] > _max_bars_behind(series))
        yield Flaw("the last bar is of {at}; bars due since: {size:.0f}", stale, last, behind)


def _bars_behind(series: BarSeries, last: Times, as_of: Times) -> Floats:
    """(T,) bars due by `as_of` (T,) after the one that closed at `last` (T,)."""
    due = calendars.last_closes(series.calendar, series.timeframe, as_of)
    number_due, number = (
        calendars.bar_numbers(series.calendar, at, series.timeframe) for at in (due, last)
    )
    return (number_due - number).astype(np.float64)


def _max_bars_behind(series: BarSeries) -> int:
    return max(STALE_BARS, calendars.bars_per_session(series.calendar, series.timeframe))
