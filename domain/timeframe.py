"""Timeframes: the lengths of bars."""

from datetime import timedelta
from enum import StrEnum


class Timeframe(StrEnum):
    """The supported bar lengths."""

    M1 = "1m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    D1 = "1d"

    @property
    def duration(self) -> timedelta:
        """Length of one bar; a day for `1d`, whatever the session's hours."""
        return _DURATIONS[self]

    @property
    def intraday(self) -> bool:
        return self is not Timeframe.D1


_DURATIONS = {
    Timeframe.M1: timedelta(minutes=1),
    Timeframe.M5: timedelta(minutes=5),
    Timeframe.M15: timedelta(minutes=15),
    Timeframe.M30: timedelta(minutes=30),
    Timeframe.H1: timedelta(hours=1),
    Timeframe.D1: timedelta(days=1),
}
