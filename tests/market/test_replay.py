"""A replay's clock: every close once and in order, at the speed asked for, pausable."""

import math
from datetime import UTC, datetime

import pytest

from domain.errors import InputError
from domain.timeframe import Timeframe
from market.replay import ReplayClock, Tick, ticks


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


FROM, TO = utc("2020-02-28T00:00"), utc("2020-03-04T00:00")


class Wall:
    """A wall clock that only sleeping (and work) moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


def at_wall_times(clock: ReplayClock, wall: Wall, work: float = 0.0) -> list[float]:
    taken = []
    for _ in clock:
        taken.append(round(wall.now, 6))
        wall.now += work
    return taken


def daily() -> tuple[Tick, ...]:
    return ticks(["24/7"], Timeframe.D1, FROM, TO)


def test_calendars_are_merged_in_order_of_time() -> None:
    told = [(f"{t.at:%d %H}", t.calendars) for t in ticks(["XNYS", "24/7"], Timeframe.D1, FROM, TO)]
    assert told == [
        ("28 21", ("XNYS",)), ("29 00", ("24/7",)), ("01 00", ("24/7",)), ("02 00", ("24/7",)),
        ("02 21", ("XNYS",)), ("03 00", ("24/7",)), ("03 21", ("XNYS",)), ("04 00", ("24/7",)),
    ]  # fmt: skip


def test_closes_of_one_instant_are_one_tick() -> None:
    hourly = ticks(["24/7", "24/5"], Timeframe.H1, utc("2020-03-02T00:00"), utc("2020-03-02T03:00"))
    assert [tick.calendars for tick in hourly] == [("24/7", "24/5")] * 3


def test_the_start_is_left_out_and_the_end_is_not() -> None:
    close = utc("2020-03-02T21:00")
    assert ticks(["XNYS"], Timeframe.D1, utc("2020-02-28T21:00"), close) == (
        Tick(close, ("XNYS",)),
    )


def test_a_range_without_a_close_is_refused() -> None:
    with pytest.raises(InputError, match="No 1d bar of XNYS closes between 2020-02-29"):
        ticks(["XNYS"], Timeframe.D1, utc("2020-02-29T00:00"), utc("2020-03-01T00:00"))


def test_two_days_a_second_leave_half_a_second_between_daily_bars() -> None:
    wall = Wall()
    clock = ReplayClock(daily(), 2.0, wall.sleep, wall)
    assert at_wall_times(clock, wall) == pytest.approx([0.0, 0.5, 1.0, 1.5, 2.0])


def test_work_done_between_ticks_counts_towards_the_way() -> None:
    wall = Wall()
    clock = ReplayClock(daily(), 2.0, wall.sleep, wall)
    assert at_wall_times(clock, wall, work=0.4) == pytest.approx([0.0, 0.5, 1.0, 1.5, 2.0])
    wall = Wall()
    clock = ReplayClock(daily(), 2.0, wall.sleep, wall)
    assert at_wall_times(clock, wall, work=0.7) == pytest.approx([0.0, 0.7, 1.4, 2.1, 2.8])


def test_at_full_speed_nothing_waits() -> None:
    def never(seconds: float) -> None:
        raise AssertionError(f"slept {seconds}")

    clock = ReplayClock(daily(), math.inf, never)
    assert list(clock) == list(daily())
    assert len(clock) == 5
    assert list(clock) == list(daily())


@pytest.mark.parametrize("speed", [1.0, math.inf])
def test_a_paused_clock_stands_until_it_goes_on(speed: float) -> None:
    wall = Wall()

    def sleep(seconds: float) -> None:
        wall.sleep(seconds)
        if wall.now > 60:
            clock.paused = False

    clock = ReplayClock(daily(), speed, sleep, wall)
    taken = iter(clock)
    next(taken)
    clock.paused = True
    next(taken)
    assert 60 < wall.now < 62


def test_the_speed_can_change_on_the_way() -> None:
    wall = Wall()

    def sleep(seconds: float) -> None:
        wall.sleep(seconds)
        if wall.now > 10:
            clock.speed = 1000.0

    clock = ReplayClock(daily(), 0.001, sleep, wall)
    assert at_wall_times(clock, wall)[-1] < 11


@pytest.mark.parametrize("speed", [0.0, -1.0, math.nan])
def test_a_speed_that_leads_nowhere_is_refused(speed: float) -> None:
    with pytest.raises(InputError, match="days a second"):
        ReplayClock(daily(), speed)
