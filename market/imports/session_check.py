"""Refuses bars whose times cannot be what they seem: of another zone, or of another calendar."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from domain.errors import InputError
from domain.instants import to_datetime64_array
from domain.symbols import ALWAYS_OPEN, calendar_of
from domain.timeframe import Timeframe
from market import calendars

MAX_OUTSIDE = 0.2
"""Fraction of a symbol's bars that may lie outside the sessions of its calendar."""
MIN_BARS = 5
"""Bars of a symbol below which their times say too little."""
SHIFTED = 0.02
"""Fraction outside from which on intraday times without a zone are tried in the exchange's own."""


def refuse_doubled_hours(bars: pd.DataFrame) -> None:
    """Raise InputError where two bars of a symbol have one time, written without a zone, and
    differ: the hour that summer time repeats in autumn."""
    doubled = bars[bars.duplicated(["symbol", "at"], keep=False)]
    doubled = doubled[~doubled.duplicated(keep=False)]
    if doubled.empty:
        return
    first = doubled.iloc[0]
    raise InputError(
        f"it has two different bars of {first['symbol']} for {first['at']:%Y-%m-%d %H:%M}, as local"
        " times do when summer time ends. Name their zone, such as --timezone Europe/Berlin, export"
        " it in UTC, or keep one of the two."
    )


def refuse_outside_sessions(bars: pd.DataFrame, timeframe: Timeframe, *, is_naive: bool) -> None:
    """Raise InputError for a symbol of whose bars more than a fifth lie outside its calendar's
    sessions, and for intraday times without a zone that fit better in the exchange's own."""
    for symbol, own in bars.groupby("symbol", sort=True):
        if len(own) < MIN_BARS:
            continue
        calendar = calendar_of(str(symbol))
        outside = _count_outside(own["at"], calendar, timeframe)
        zone = calendars.time_zone(calendar)
        if (
            is_naive
            and timeframe.intraday
            and outside > SHIFTED * len(own)
            and _count_outside(_in_zone(own["at"], zone), calendar, timeframe) < outside / 2
        ):
            raise InputError(
                f"{outside} of the {len(own)} bars of {symbol} lie outside the sessions of"
                f" {calendar} when its times are taken as UTC, and fit them as local times of the"
                f" exchange. Say so with --timezone {zone}."
            )
        if outside > MAX_OUTSIDE * len(own):
            remedies = _remedies(calendar, timeframe, is_naive)
            raise InputError(
                f"{outside} of the {len(own)} bars of {symbol} lie outside the sessions of its"
                f" calendar, {calendar}. {'; or '.join(remedies)}."
            )


def _remedies(calendar: str, timeframe: Timeframe, is_naive: bool) -> Iterator[str]:
    if calendar == ALWAYS_OPEN:
        yield "Name another symbol with --symbol"
    else:
        yield (
            "A coin is written as a pair, BTC-USD, a currency as EURUSD=X, a share of another"
            " exchange with its suffix, VOD.L: name it with --symbol"
        )
    if timeframe.intraday and is_naive:
        yield "name the zone of its times with --timezone"
    if timeframe.intraday and calendar != ALWAYS_OPEN:
        yield "leave out trades before the opening and after the close"


def _in_zone(at: pd.Series, zone: ZoneInfo) -> pd.Series:
    local = at.dt.tz_localize(None).dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    converted: pd.Series = local.dt.tz_convert("UTC").dropna()
    return converted


def _count_outside(at: pd.Series, calendar: str, timeframe: Timeframe) -> int:
    closes = calendars.bar_closes_array(calendar, to_datetime64_array(at), timeframe)
    return int(np.isnat(closes).sum())
