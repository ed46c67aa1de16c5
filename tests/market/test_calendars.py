"""The market's clock: sessions, half days, daylight saving, and when bars are known."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InputError
from domain.instants import to_datetime64, to_datetime64_array
from domain.timeframe import Timeframe
from market import calendars


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def closes(calendar: str, opened: list[str], timeframe: Timeframe) -> list[str]:
    known = calendars.bar_closes(calendar, pd.DatetimeIndex(opened, tz="UTC"), timeframe)
    return ["" if pd.isna(at) else f"{at:%Y-%m-%d %H:%M}" for at in known]


def test_a_daily_bar_closes_with_its_session_on_half_days_and_across_daylight_saving() -> None:
    days = ["2024-03-08", "2024-03-11", "2024-11-29", "2024-12-24", "1990-01-02"]
    assert closes("XNYS", days, Timeframe.D1) == [
        "2024-03-08 21:00", "2024-03-11 20:00", "2024-11-29 18:00", "2024-12-24 18:00",
        "1990-01-02 21:00",
    ]  # fmt: skip


def test_days_without_a_session_have_no_close() -> None:
    assert closes("XNYS", ["2024-03-09", "2024-12-25", "2025-01-09"], Timeframe.D1) == [""] * 3


def test_coins_close_every_midnight_and_currencies_on_weekdays() -> None:
    assert closes("24/7", ["2024-03-09", "2024-12-25"], Timeframe.D1) == [
        "2024-03-10 00:00", "2024-12-26 00:00",
    ]  # fmt: skip
    assert closes("24/5", ["2024-03-08", "2024-03-09"], Timeframe.D1) == ["2024-03-09 00:00", ""]


def test_an_hourly_bar_is_cut_at_the_close_and_has_no_close_outside_the_session() -> None:
    bars = ["2024-12-24 17:30", "2024-12-24 18:00", "2024-12-24 14:00", "2024-12-23 20:30"]
    assert closes("XNYS", bars, Timeframe.H1) == ["2024-12-24 18:00", "", "", "2024-12-23 21:00"]


@pytest.mark.parametrize(
    ("after", "timeframe", "expected"),
    [
        ("2024-11-29T18:00", Timeframe.D1, "2024-12-02T21:00"),
        ("2024-11-29T17:59", Timeframe.D1, "2024-11-29T18:00"),
        ("2024-11-29T14:30", Timeframe.H1, "2024-11-29T15:30"),
        ("2024-11-29T17:30", Timeframe.H1, "2024-11-29T18:00"),
        ("2024-11-30T12:00", Timeframe.M15, "2024-12-02T14:45"),
    ],
)
def test_the_clock_names_the_next_close(after: str, timeframe: Timeframe, expected: str) -> None:
    assert calendars.next_close("XNYS", timeframe, utc(after)) == utc(expected)


@given(
    minute=st.integers(0, 60 * 24 * 800),
    calendar=st.sampled_from(["XNYS", "24/7", "24/5", "XLON", "XTKS"]),
    timeframe=st.sampled_from([Timeframe.M15, Timeframe.H1, Timeframe.D1]),
)
def test_last_and_next_close_are_neighbours_in_the_list_of_closes(
    minute: int, calendar: str, timeframe: Timeframe
) -> None:
    at = utc("2023-06-01T00:00") + timedelta(minutes=minute)
    listed = calendars.closes_between(
        calendar, timeframe, at - timedelta(days=15), at + timedelta(days=15)
    )
    stamp = to_datetime64(at)
    assert (
        to_datetime64(calendars.last_close(calendar, timeframe, at))
        == listed[listed <= stamp].max()
    )
    assert (
        to_datetime64(calendars.next_close(calendar, timeframe, at)) == listed[listed > stamp].min()
    )


@pytest.mark.parametrize("calendar", ["XNYS", "24/7", "XLON"])
@pytest.mark.parametrize("timeframe", [Timeframe.D1, Timeframe.H1, Timeframe.M5])
def test_bars_of_the_grid_are_numbered_without_a_hole(calendar: str, timeframe: Timeframe) -> None:
    listed = calendars.closes_between(
        calendar, timeframe, utc("2024-11-01T00:00"), utc("2025-01-15T00:00")
    )
    assert (np.diff(calendars.bar_numbers(calendar, listed, timeframe)) == 1).all()


def test_hourly_bars_on_the_full_hour_have_the_same_numbers_as_those_on_the_half() -> None:
    opened = to_datetime64_array(
        pd.DatetimeIndex(["2024-06-03 13:30", *(f"2024-06-03 {h}:00" for h in range(14, 20))])
    )
    known = calendars.bar_closes_array("XNYS", opened, Timeframe.H1)
    assert np.diff(calendars.bar_numbers("XNYS", known, Timeframe.H1)).tolist() == [1] * 6


def test_a_market_is_open_from_its_first_to_before_its_last_instant() -> None:
    assert calendars.is_open("XNYS", utc("2024-06-03T13:30"))
    assert not calendars.is_open("XNYS", utc("2024-06-03T20:00"))
    assert not calendars.is_open("XNYS", utc("2024-06-02T15:00"))
    assert calendars.is_open("24/7", utc("2024-06-02T15:00"))


def test_the_calendar_outlasts_a_simulated_century() -> None:
    assert calendars.next_close("XNYS", Timeframe.D1, utc("2150-01-01T00:00")).year == 2150
    with pytest.raises(InputError, match="ends at 2200"):
        calendars.next_close("24/7", Timeframe.D1, utc("2200-01-01T00:00"))
    with pytest.raises(InputError, match="begins at 1962"):
        calendars.last_close("XNYS", Timeframe.D1, utc("1950-01-01T00:00"))


def test_an_unknown_calendar_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="XNOPE"):
        calendars.is_open("XNOPE", utc("2024-06-02T15:00"))


def test_a_date_means_everything_known_by_the_end_of_it() -> None:
    now = utc("2024-06-03T15:00")
    for spelling in ("2020-03-02", "20200302", "2020-W10-1"):
        assert calendars.parse_as_of(spelling, now) == utc("2020-03-03T00:00")
    assert calendars.parse_as_of("2024-06-03", now) == now
    assert calendars.parse_as_of("2020-03-02T15:30+02:00", now) == utc("2020-03-02T13:30")


@pytest.mark.parametrize(
    "text",
    [
        "2024-06-04", "20240604", "2024-06-03T15:01", "soon", "2024-13-01", "",
        "0001-01-01T00:00+05:00", "9999-12-31T23:00-05:00",
    ],
)  # fmt: skip
def test_the_future_and_what_is_no_date_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        calendars.parse_as_of(text, utc("2024-06-03T15:00"))
