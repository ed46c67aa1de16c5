"""The clock of a replay: history's bar closes, one after the other, as fast as asked.

`ticks` is pure. `ReplayClock` walks through them in time, takes its `sleep` and `clock` as
arguments, and can be paused and sped up from another thread. Left out: what happens at a tick.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from domain.errors import InputError
from domain.timeframe import Timeframe
from market import calendars

_LOOK = 0.05
"""Seconds between looks at whether a pause is over or the speed has changed."""
_NOTHING = 1e-9
"""Days of history that need no waiting."""


@dataclass(frozen=True, slots=True)
class Tick:
    """An instant at which a bar closed, and the calendars of which it did, in the order given."""

    at: datetime
    calendars: tuple[str, ...]


def ticks(
    names: Sequence[str], timeframe: Timeframe, start: datetime, end: datetime
) -> tuple[Tick, ...]:
    """Every bar close of the calendars `names` in `start < close <= end`, in order of time.

    Raises InputError where there is none.
    """
    closing = {name: calendars.closes_between(name, timeframe, start, end) for name in names}
    instants = np.unique(np.concatenate([np.empty(0, "datetime64[us]"), *closing.values()]))
    closed = {name: np.isin(instants, at) for name, at in closing.items()}
    if not len(instants):
        raise InputError(
            f"No {timeframe} bar of {', '.join(names) or 'any calendar'} closes between"
            f" {start:%Y-%m-%d %H:%M} and {end:%Y-%m-%d %H:%M} UTC. Choose a longer range."
        )
    return tuple(
        Tick(calendars.moment(at), tuple(name for name in closing if closed[name][t]))
        for t, at in enumerate(instants)
    )


class ReplayClock:
    """Iterates over ticks at a speed; a new iteration starts from the beginning.

    Time the caller spends on a tick counts towards the way to the next, so that slow cycles do
    not slow a replay down twice. Pausing and changing the speed take effect between ticks, from
    any thread.
    """

    def __init__(
        self,
        schedule: Sequence[Tick],
        speed: float = math.inf,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`speed` is in days of history a second, `math.inf` for as fast as ticks are taken."""
        self._schedule = schedule
        self._sleep = sleep
        self._clock = clock
        self.speed = speed
        self.paused = False

    @property
    def speed(self) -> float:
        return self._speed

    @speed.setter
    def speed(self, days_a_second: float) -> None:
        if not days_a_second > 0:
            raise InputError(
                f"A replay cannot run at {days_a_second:g} days a second. Give a speed above 0,"
                " or `max`."
            )
        self._speed = days_a_second

    def __len__(self) -> int:
        return len(self._schedule)

    def __iter__(self) -> Iterator[Tick]:
        reached, since = None, self._clock()
        for tick in self._schedule:
            way = (tick.at - reached) / timedelta(days=1) if reached else 0.0
            self._travel(way, since)
            reached, since = tick.at, self._clock()
            yield tick

    def _travel(self, days: float, since: float) -> None:
        """Waits until `days` of history have passed from wall time `since`, pauses left out."""
        left, last = days, since
        while True:
            now = self._clock()
            if not self.paused:
                left = 0.0 if math.isinf(self.speed) else left - (now - last) * self.speed
                if left < _NOTHING:
                    return
            last = now
            self._sleep(_LOOK if self.paused else min(_LOOK, left / self.speed))
