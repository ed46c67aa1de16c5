"""Trading sessions and the times at which bars close: the only user of exchange_calendars.

Everything is computed from three sorted arrays per calendar (session dates, opening and closing
instants), half days, holidays and daylight saving included. A daily bar is known when its session
closes; an intraday bar after its length, or at the session's close if that comes first. Intraday
grids start at the session's opening, as Yahoo's do. Leaves out midday breaks in Asia (there are
just no bars then) and trading before the opening or after the close, which is in no session.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import exchange_calendars
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from domain.errors import InputError
from domain.instants import Times, to_datetime, to_datetime64, to_datetime64_array
from domain.timeframe import Timeframe

BarCounts = NDArray[np.int64]
"""Counts and numbers of bars."""

_FIRST = pd.Timestamp("1962-01-01")
"""Yahoo's oldest daily bars."""
_LAST = pd.Timestamp("2199-12-31")
"""By today's rules; far enough ahead for a simulated market that runs for days."""


@dataclass(frozen=True, slots=True, eq=False)
class Sessions:
    """The S sessions of a calendar in order; all arrays (S,) datetime64[us], UTC.

    `date` is midnight UTC of the session's date, `open` and `close` its first and last instant.
    """

    date: Times
    open: Times
    close: Times


@lru_cache(maxsize=64)
def sessions(calendar: str) -> Sessions:
    """The sessions of `calendar`. Raises InputError for a name unknown to exchange_calendars."""
    try:
        kind = type(exchange_calendars.get_calendar(calendar))
    except exchange_calendars.errors.InvalidCalendarName:
        raise InputError(
            f"{calendar!r} is not a calendar. Use a market identifier code such as XNYS, or 24/7."
        ) from None
    calendar_dates = kind(
        start=max(_FIRST, kind.bound_min() or _FIRST), end=min(_LAST, kind.bound_max() or _LAST)
    )
    return Sessions(
        date=to_datetime64_array(calendar_dates.sessions),
        open=to_datetime64_array(calendar_dates.opens),
        close=to_datetime64_array(calendar_dates.closes),
    )


def time_zone(calendar: str) -> ZoneInfo:
    """The zone of the exchange's clocks."""
    return ZoneInfo(str(exchange_calendars.get_calendar(calendar).tz))


def bar_closes(calendar: str, opened: pd.DatetimeIndex, timeframe: Timeframe) -> pd.DatetimeIndex:
    """The closing instants of bars that opened at `opened`, in UTC and the same order.

    For `1d` only the date of `opened` counts. NaT outside the calendar's sessions.
    """
    return pd.DatetimeIndex(
        bar_closes_array(calendar, to_datetime64_array(opened), timeframe), tz="UTC"
    )


def bar_closes_array(calendar: str, opened: Times, timeframe: Timeframe) -> Times:
    """`bar_closes` on plain arrays (T,)."""
    hours = sessions(calendar)
    if not timeframe.intraday:
        day = opened.astype("datetime64[D]").astype("datetime64[us]")
        index = np.minimum(np.searchsorted(hours.date, day), len(hours.date) - 1)
        return np.where(hours.date[index] == day, hours.close[index], np.datetime64("NaT"))
    index = np.searchsorted(hours.open, opened, side="right") - 1
    traded = (index >= 0) & (opened < hours.close[index])
    ends = np.minimum(opened + _bar_length(timeframe), hours.close[index])
    return np.where(traded, ends, np.datetime64("NaT"))


def session_bounds(calendar: str, known_at: Times, timeframe: Timeframe) -> tuple[Times, Times]:
    """Opening instants of the bars that closed at `known_at` (T,), and their sessions' ends."""
    hours = sessions(calendar)
    index = np.minimum(np.searchsorted(hours.close, known_at), len(hours.close) - 1)
    opened = hours.open[index]
    if timeframe.intraday:
        number = np.maximum(_whole_bars(known_at - opened, timeframe) - 1, 0)
        opened = opened + number * _bar_length(timeframe)
    return opened, hours.close[index]


def bar_numbers(calendar: str, known_at: Times, timeframe: Timeframe) -> BarCounts:
    """(T,) int64 numbers of the bars that closed at `known_at`, counted along the calendar's grid.

    Successive bars differ by one across nights, weekends and holidays, so a difference of k + 1
    means that k bars are missing. A bar off the grid has the number of the grid bar in which it
    closes.
    """
    hours = sessions(calendar)
    index = np.minimum(np.searchsorted(hours.close, known_at), len(hours.close) - 1)
    if not timeframe.intraday:
        return np.asarray(index)
    inside = np.maximum(_whole_bars(known_at - hours.open[index], timeframe) - 1, 0)
    return np.asarray(_bars_before(calendar, timeframe)[index] + inside)


def bars_per_session(calendar: str, timeframe: Timeframe) -> int:
    """The largest number of bars in a session; 1 for `1d`."""
    if not timeframe.intraday:
        return 1
    hours = sessions(calendar)
    return int(_whole_bars(hours.close - hours.open, timeframe).max())


def next_close(calendar: str, timeframe: Timeframe, after: datetime) -> datetime:
    """The first closing instant of a bar later than `after`.

    Raises InputError after the calendar's end.
    """
    hours, at = sessions(calendar), to_datetime64(after)
    index = int(np.searchsorted(hours.close, at, side="right"))
    if index == len(hours.close):
        raise InputError(
            f"The calendar {calendar} ends at {to_datetime(hours.close[-1]):%Y-%m-%d}."
        )
    close, opened = hours.close[index], hours.open[index]
    if not timeframe.intraday:
        return to_datetime(close)
    length = _bar_length(timeframe)
    passed = (at - opened) // length if at >= opened else 0
    return to_datetime(min(opened + (passed + 1) * length, close))


def last_close(calendar: str, timeframe: Timeframe, at: datetime) -> datetime:
    """The latest closing instant of a bar that is not later than `at`.

    Raises InputError before the calendar's start.
    """
    return to_datetime(last_closes(calendar, timeframe, np.array([to_datetime64(at)]))[0])


def last_closes(calendar: str, timeframe: Timeframe, at: Times) -> Times:
    """`last_close` of each of the instants `at` (T,)."""
    hours = sessions(calendar)
    index = np.searchsorted(hours.close, at, side="right") - 1
    ended = index >= 0
    closed = hours.close[np.maximum(index, 0)]
    if timeframe.intraday:
        opened = hours.open[np.minimum(index + 1, len(hours.open) - 1)]
        passed = (at - opened) // _bar_length(timeframe)
        running = (index + 1 < len(hours.open)) & (passed > 0)
        closed = np.where(running, opened + passed * _bar_length(timeframe), closed)
        ended |= running
    if not ended.all():
        raise InputError(
            f"The calendar {calendar} begins at {to_datetime(hours.open[0]):%Y-%m-%d}."
        )
    return closed


def closes_between(calendar: str, timeframe: Timeframe, start: datetime, end: datetime) -> Times:
    """Closing instants of all bars in `start < close <= end`, in order."""
    hours, after, until = sessions(calendar), to_datetime64(start), to_datetime64(end)
    first = int(np.searchsorted(hours.close, after, side="right"))
    stop = int(np.searchsorted(hours.open, until, side="right"))
    opened, closed = hours.open[first:stop], hours.close[first:stop]
    if timeframe.intraday:
        length = _bar_length(timeframe)
        bars = _whole_bars(closed - opened, timeframe)
        step = np.arange(bars.sum()) - np.repeat(np.cumsum(bars) - bars, bars)
        closed = np.minimum(np.repeat(opened, bars) + (step + 1) * length, np.repeat(closed, bars))
    return closed[(closed > after) & (closed <= until)]


def is_open(calendar: str, at: datetime) -> bool:
    hours, now = sessions(calendar), to_datetime64(at)
    index = int(np.searchsorted(hours.open, now, side="right")) - 1
    return index >= 0 and bool(now < hours.close[index])


def parse_as_of(text: str, now: datetime) -> datetime:
    """Parse the `--as-of` argument: a date means 24:00 UTC of that date (today: now), an instant
    means itself (in UTC where no zone is given).

    Raises InputError for any other text, and for the future.
    """
    try:
        if day := _parse_day(text):
            instant = min(day + timedelta(days=1), now) if day <= now else day
        else:
            parsed = datetime.fromisoformat(text)
            instant = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InputError(
            f"{text[:40]!r} is not a date. Write it as 2020-03-02 or 2020-03-02T15:30+00:00."
        ) from None
    if instant > now:
        raise InputError(f"{text} lies in the future; the latest that can be asked is {now:%F}.")
    return instant


def _parse_day(text: str) -> datetime | None:
    """Midnight UTC of a date in any ISO 8601 format; None if `text` is not just a date."""
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        return None


@lru_cache(maxsize=64)
def _bars_before(calendar: str, timeframe: Timeframe) -> BarCounts:
    hours = sessions(calendar)
    bars = _whole_bars(hours.close - hours.open, timeframe)
    return np.asarray(np.cumsum(bars) - bars)


def _bar_length(timeframe: Timeframe) -> np.timedelta64:
    return np.timedelta64(timeframe.duration, "us")


def _whole_bars(span: np.ndarray, timeframe: Timeframe) -> BarCounts:
    """How many bars cover `span` (timedelta64), rounded up, int64."""
    return np.asarray(-(-span // _bar_length(timeframe)), dtype=np.int64)
