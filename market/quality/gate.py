"""The quality gate: may a decision be built on this series, as of then?

A flaw among the last `RECENT` bars, as far as the agents' longest indicators look back, is a
finding and blocks the symbol; an older one, or one that real markets show too, is a remark. The
gate uses nothing after `as_of` and repairs nothing; `blocked` is its word as of many instants, from
the same flaws. Limits were set so that fifty large companies, funds and coins from 1990 to 2025,
crashes and earnings shocks included, are never blocked, while a planted split, hole or stale end
is. Left out: whether prices are *right*, which takes a second source.
"""

from collections.abc import Iterator
from datetime import datetime

import numpy as np
import pandas as pd

from domain.decision import Verdict
from domain.panel import Floats, Times
from market import calendars
from market.quality import checks
from market.quality.checks import USUAL_WINDOW, Bools, Flaw, Rows
from market.series import Series

RECENT = 250
"""Bars within which a flaw blocks."""
STALE = 3
"""A series that ends more bars ago than this, and than a session has, is stale."""
VOLUME_ODD = 20.0
"""Volume this many times above or below the median of the sixty bars before is remarked."""


def check(series: Series, actions: pd.DataFrame, as_of: datetime) -> Verdict:
    """The gate's word on `series` as it stood at `as_of`, beside the `actions` recorded by then
    (`ACTION_COLUMNS`, of this and of other symbols)."""
    bars = np.array([len(series.known_at)])
    findings: list[str] = []
    remarks: list[str] = []
    for flaw in (*checks.found(series, actions), *_of_the_moment(series, as_of)):
        recent = flaw.at >= _counts_from(series, bars, flaw)
        if recent.any():
            spoken = findings if flaw.blocks else remarks
            spoken.append(flaw.told(recent, series.timeframe))
        if flaw.blocks and not flaw.passing and not recent.all():
            remarks.append("long ago: " + flaw.told(~recent, series.timeframe))
    return Verdict(series.symbol, tuple(findings), tuple(remarks))


def blocked(series: Series, actions: pd.DataFrame, known_at: Times) -> Bools:
    """(T,): whether `check` as of each instant of `known_at` (T,) would have blocked, given the
    series and the actions as they stood then."""
    bars: Rows = np.searchsorted(series.known_at, known_at, side="right")
    stopped: Bools = bars == 0
    if stopped.all():
        return stopped
    last = series.known_at[np.maximum(bars - 1, 0)]
    stopped |= _bars_behind(series, last, known_at) > _patience(series)
    for flaw in checks.found(series, actions):
        if flaw.blocks:
            at, begins = np.sort(flaw.at), _counts_from(series, bars, flaw)
            stopped |= at.searchsorted(known_at, side="right") > at.searchsorted(begins)
    return stopped


def _counts_from(series: Series, bars: Rows, flaw: Flaw) -> Times:
    """(R,): the instant from which on a flaw is recent when the series has `bars` (R,) bars."""
    if not len(series.known_at):
        return np.full(len(bars), np.datetime64("1900-01-01", "us"))
    return series.known_at[np.maximum(bars - (1 if flaw.passing else RECENT), 0)]


def _of_the_moment(series: Series, as_of: datetime) -> Iterator[Flaw]:
    now = np.array([calendars.instant(as_of)])
    if len(series.known_at):
        yield from _odd_volumes(series)
        yield from _staleness(series, now)
    else:
        yield Flaw("no usable bar had closed by {at}", True, now, np.ones(1))


def _odd_volumes(series: Series) -> Iterator[Flaw]:
    """Of the last sixty bars, each beside the sixty before it."""
    bars = len(series.volume)
    rows = np.arange(max(bars - USUAL_WINDOW, USUAL_WINDOW), bars)
    usual = checks.usual_volume(series, rows)
    ratio = np.divide(series.volume[rows], usual, out=np.ones(len(rows)), where=usual > 0)
    odd = (ratio > VOLUME_ODD) | (ratio < 1.0 / VOLUME_ODD)
    says = "volume is {size:.2g} times the usual at {at}"
    yield Flaw(says, False, series.known_at[rows[odd]], ratio[odd])


def _staleness(series: Series, now: Times) -> Iterator[Flaw]:
    last = series.known_at[-1:]
    behind = _bars_behind(series, last, now)
    if behind[0] > 0:
        stale = bool(behind[0] > _patience(series))
        yield Flaw("the last bar is of {at}; bars due since: {size:.0f}", stale, last, behind)


def _bars_behind(series: Series, last: Times, as_of: Times) -> Floats:
    """(R,): bars that were due by `as_of` (R,) after the one that closed at `last` (R,)."""
    due = calendars.last_closes(series.calendar, series.timeframe, as_of)
    number_due, number = (
        calendars.bar_numbers(series.calendar, at, series.timeframe) for at in (due, last)
    )
    return (number_due - number).astype(np.float64)


def _patience(series: Series) -> int:
    return max(STALE, calendars.bars_a_session(series.calendar, series.timeframe))
