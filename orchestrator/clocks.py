"""Which bar closes next, and how long to wait for it: live, or at the pace of a replay.

One small protocol for the engine. Neither clock sleeps: the engine waits, and can be interrupted.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from domain.symbols import calendar_of
from domain.timeframe import Timeframe
from market.calendars import last_close, next_close

WatchedSymbols = Callable[[], Sequence[str]]
"""The symbols followed at this moment."""


class Clock(Protocol):
    """When the engine runs its cycles. `expects_late_bars` is whether a missing bar may still
    arrive."""

    @property
    def expects_late_bars(self) -> bool: ...

    def next_instant(self, after: datetime | None) -> datetime | None:
        """Return the instant of the first cycle after `after` (None: none has run yet); None if
        there are no more."""
        ...

    def seconds_until(self, instant: datetime, previous: datetime | None, elapsed: float) -> float:
        """Return the seconds until the cycle of `instant` may run, if the cycle of `previous`
        (None: there was none) began `elapsed` seconds ago."""
        ...

    def immediate_instant(self, after: datetime | None) -> datetime | None:
        """Return the instant of a cycle that must not wait; None if there are no more."""
        ...


class LiveClock:
    """The exchanges' own time: a cycle `delay` after each close, because providers need a moment.

    Bars that closed while the engine was down get no cycle: only the newest bar does.
    """

    expects_late_bars = True

    def __init__(
        self,
        watched: WatchedSymbols,
        timeframe: Timeframe,
        delay: timedelta = timedelta(seconds=60),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._watched = watched
        self._timeframe = timeframe
        self._delay = delay
        self._now = now

    def next_instant(self, after: datetime | None) -> datetime | None:
        calendars = {calendar_of(symbol) for symbol in self._watched()}
        if not calendars:
            return None
        closed = max(last_close(name, self._timeframe, self._now()) for name in calendars)
        if after is None or closed > after:
            return closed
        return min(next_close(name, self._timeframe, after) for name in calendars)

    def seconds_until(self, instant: datetime, previous: datetime | None, elapsed: float) -> float:  # noqa: ARG002
        return max((instant + self._delay - self._now()).total_seconds(), 0.0)

    def immediate_instant(self, after: datetime | None) -> datetime | None:  # noqa: ARG002
        return self._now() if self._watched() else None


class PacedClock:
    """History or a simulation, bar by bar: closes after `start` and until `end`.

    The wait between two bars is `seconds_per_bar`, or `seconds_per_day` for each day between their
    closes, less the time that the cycle took; if both are zero there is no wait.
    """

    expects_late_bars = False

    def __init__(
        self,
        watched: WatchedSymbols,
        timeframe: Timeframe,
        start: datetime,
        end: datetime | None = None,
        *,
        seconds_per_bar: float = 0.0,
        seconds_per_day: float = 0.0,
    ) -> None:
        self._watched = watched
        self._timeframe = timeframe
        self._start = start
        self._end = end
        self._per_bar = seconds_per_bar
        self._per_day = seconds_per_day

    def next_instant(self, after: datetime | None) -> datetime | None:
        calendars = {calendar_of(symbol) for symbol in self._watched()}
        since = self._start if after is None else max(after, self._start)
        closes = [next_close(name, self._timeframe, since) for name in calendars]
        instant = min(closes, default=None)
        if instant is None or (self._end and instant > self._end):
            return None
        return instant

    def seconds_until(self, instant: datetime, previous: datetime | None, elapsed: float) -> float:
        if previous is None:
            return 0.0
        days = (instant - previous) / timedelta(days=1)
        return max(self._per_bar + self._per_day * days - elapsed, 0.0)

    def immediate_instant(self, after: datetime | None) -> datetime | None:
        return self.next_instant(after)
