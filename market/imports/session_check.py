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
"""Fraction outside from which on intraday times are tried in other zones."""
ZONES = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "Europe/London",
    "Europe/Berlin", "Europe/Athens", "Asia/Dubai", "Asia/Kolkata", "Asia/Singapore", "Asia/Tokyo",
    "Australia/Sydney",
)  # fmt: skip
"""Zones in which tables are written, besides the exchange's own; Athens' is that of MetaTrader."""
HOURS = range(-12, 13)
"""Hours by which times may be wrong that were given a zone."""


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


def refuse_outside_sessions(bars: pd.DataFrame, timeframe: Timeframe, *, is_assumed: bool) -> None:
    """Raise InputError for a symbol of whose bars more than a fifth lie outside its calendar's
    sessions, and for intraday times that fit the sessions better in another zone.

    `is_assumed` says that the times were read as UTC because no zone is written or named.
    """
    for symbol, own in bars.groupby("symbol", sort=True):
        if len(own) < MIN_BARS:
            continue
        calendar = calendar_of(str(symbol))
        outside = _count_outside(own["at"], calendar, timeframe)
        found = (
            f"{outside} of the {len(own)} bars of {symbol} lie outside the sessions of {calendar}"
        )
        if timeframe.intraday and outside > SHIFTED * len(own):
            if is_assumed and (zones := _better_zones(own["at"], calendar, timeframe, outside)):
                raise InputError(
                    f"{found} when its times are taken as UTC, and fit them as local times of"
                    f" {' or '.join(zones)}. Say so with --timezone {zones[0]}."
                )
            if not is_assumed and (hours := _better_hours(own["at"], calendar, timeframe, outside)):
                raise InputError(
                    f"{found}, and would fit them with {hours:+d} hours: their zone is not what it"
                    " is said to be. Name the right one with --timezone, or export them in UTC."
                )
        if outside > MAX_OUTSIDE * len(own):
            remedies = _remedies(calendar, timeframe, is_assumed)
            raise InputError(f"{found}. {'; or '.join(remedies)}.")


def _better_zones(at: pd.Series, calendar: str, timeframe: Timeframe, outside: int) -> list[str]:
    """Return the zones in which fewest of the naive times `at` are outside, less than half as many
    as the `outside` ones of UTC."""
    zones = dict.fromkeys([calendars.time_zone(calendar).key, *ZONES])
    counts = {
        zone: _count_outside(_in_zone(at, ZoneInfo(zone)), calendar, timeframe) for zone in zones
    }
    least = min(counts.values())
    return [zone for zone in zones if counts[zone] == least] if least < outside / 2 else []


def _better_hours(at: pd.Series, calendar: str, timeframe: Timeframe, outside: int) -> int:
    """Return by how many hours `at` is to be moved so that less than half of the `outside` ones
    are outside, 0 if by none."""
    counts = {
        hours: _count_outside(at + pd.Timedelta(hours=hours), calendar, timeframe)
        for hours in sorted(HOURS, key=abs)
    }
    best = min(counts, key=lambda hours: counts[hours])
    return best if counts[best] < outside / 2 else 0


def _remedies(calendar: str, timeframe: Timeframe, is_assumed: bool) -> Iterator[str]:
    if calendar == ALWAYS_OPEN:
        yield "Name another symbol with --symbol"
    else:
        yield (
            "A coin is written as a pair, BTC-USD, a currency as EURUSD=X, a share of another"
            " exchange with its suffix, VOD.L: name it with --symbol"
        )
    if timeframe.intraday and is_assumed:
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
