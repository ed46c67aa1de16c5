"""Metrics are annualised by the days on which the calendars really traded."""

import numpy as np
import pytest

from market.calendars import sessions
from research.backtest.performance import count_days_per_year

DAYS = np.arange("2015-01-01", "2025-01-01", dtype="datetime64[D]")
SHARES = np.intersect1d(DAYS, sessions("XNYS").date.astype("datetime64[D]"))


def test_one_calendar_has_its_usual_number() -> None:
    assert count_days_per_year({"XNYS"}, SHARES) == 252.0
    assert count_days_per_year({"24/7"}, DAYS) == 365.25


def test_a_coin_from_the_first_day_on_makes_every_day_count() -> None:
    assert count_days_per_year({"XNYS", "24/7"}, DAYS) == 365.25


def test_a_coin_that_is_listed_late_leaves_the_years_of_shares_before_it_as_they_were() -> None:
    late = np.union1d(SHARES, DAYS[-30:])
    counted = count_days_per_year({"XNYS", "24/7"}, late)
    assert counted == pytest.approx(252.0, rel=0.01)
    returns = np.full(len(late), 0.0004)
    years = (late[-1] - late[0]) / np.timedelta64(1, "D") / 365.25
    assert (1.0 + returns[0]) ** counted == pytest.approx(
        np.prod(1.0 + returns[1:]) ** (1.0 / years)
    )


def test_two_exchanges_trade_on_more_days_than_one() -> None:
    london = np.intersect1d(DAYS, sessions("XLON").date.astype("datetime64[D]"))
    both = np.union1d(SHARES, london)
    assert 255.0 < count_days_per_year({"XNYS", "XLON"}, both) < 261.0


def test_a_single_day_has_the_usual_number() -> None:
    assert count_days_per_year({"XNYS", "24/7"}, DAYS[:1]) == 365.25
