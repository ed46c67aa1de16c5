"""Metrics are annualised by the days on which the calendars really traded."""

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest

from agents.registry import required_to_open
from market.calendars import closes_between, sessions
from orchestrator.team.local_team import LocalTeam
from research.backtest.history import CalendarPanel
from research.backtest.performance import PerformanceCalculator, count_days_per_year
from research.backtest.request import RULES, build_request
from research.backtest.scenarios import baseline_plans, build_inputs, simulate_plan
from tests.agents.random_panels import random_panel
from tests.research.conftest import builder

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


def listed_part(calendar: str, since: int, suffix: str) -> CalendarPanel:
    """A part of the 300 bars before 2024."""
    panel = random_panel(seed=3, bars=300)
    begin, end = datetime(2021, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)
    panel = replace(
        panel,
        symbols=tuple(f"{symbol}{suffix}" for symbol in panel.symbols),
        calendar=calendar,
        known_at=closes_between(calendar, panel.timeframe, begin, end)[-300:],
    )
    nowhere = np.zeros((300 - since, len(panel.symbols)), bool)
    return CalendarPanel(panel, since, nowhere, nowhere, np.ones(panel.close.shape))


@pytest.mark.parametrize(("rules", "days"), [(2, 365.25), (RULES, 252.0)])
def test_a_result_of_earlier_rules_keeps_the_number_it_was_made_with(
    rules: int, days: float
) -> None:
    parts = listed_part("XNYS", 20, ""), listed_part("24/7", 295, "-USD")
    request = build_request(
        market="demo", symbols=[symbol for part in parts for symbol in part.panel.symbols],
        start=date(2021, 1, 1), end=date(2023, 12, 31), agents=("risk",), rules=rules,
    )  # fmt: skip
    team = LocalTeam(required_to_open(), builder)
    inputs = build_inputs(request, parts, [team.vote(part.panel, part.since) for part in parts])
    market = simulate_plan(inputs, baseline_plans(inputs)["buy and hold"])
    counted = PerformanceCalculator(inputs, market).days_per_year
    assert counted == pytest.approx(days, rel=0.02)
