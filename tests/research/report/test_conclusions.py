"""A backtest's hard times, and what it comes to in words: nothing better than its figures."""

from typing import Any

import numpy as np
import pytest

from research.backtest.drawdown_analysis import (
    compare_with_random,
    drawdown_table,
    stress_table,
)
from research.report.conclusions import conclusions
from research.report.result_view import result_view
from tests.research.report.result_fixtures import curves, figures, result

DAYS = np.arange(300) * np.timedelta64(1, "D") + np.datetime64("2020-01-01T21:00", "us")


def sharpe(value: float, half: float) -> dict[str, Any]:
    sharpe = {"value": value, "low": value - half, "high": value + half, "n": 500}
    return {**figures(), "sharpe": sharpe}


def test_falls_are_dated_by_their_days_and_deepest_first() -> None:
    equity = np.full(300, 100.0)
    equity[10:20] = 90.0  # made good on the 21st day
    equity[290:] = 60.0  # lasts
    drawdowns = drawdown_table(DAYS, equity, 100.0)
    assert [each["depth"] for each in drawdowns] == pytest.approx([-0.4, -0.1])
    assert (drawdowns[1]["peak"], drawdowns[1]["valley"], drawdowns[1]["recovery"]) == (
        "2020-01-10", "2020-01-11", "2020-01-21",
    )  # fmt: skip
    assert drawdowns[0]["recovery"] is None


def test_a_fall_from_the_first_bar_on_has_no_day_of_its_peak() -> None:
    drawdowns = drawdown_table(DAYS, np.linspace(95.0, 90.0, 300), 100.0)
    assert drawdowns[0]["peak"] is None
    assert drawdowns[0]["depth"] == pytest.approx(-0.1)


def test_several_bars_of_a_day_count_as_one() -> None:
    hours = np.arange(48) * np.timedelta64(1, "h") + np.datetime64("2020-01-01T01:00", "us")
    equity = np.where(np.arange(48) % 24 == 12, 50.0, 100.0)
    assert drawdown_table(hours, equity, 100.0) == []


def test_stress_is_reported_only_where_the_period_has_all_of_it() -> None:
    periods = stress_table(DAYS, {"committee": np.linspace(100.0, 130.0, 300)}, 100.0)
    assert [each["name"] for each in periods] == ["Pandemic 2020"]
    assert periods[0]["returns"]["committee"] > 0
    assert stress_table(DAYS[60:], {"committee": np.ones(240)}, 1.0) == []


def test_luck_counts_who_was_beaten_and_leaves_out_who_has_no_figure() -> None:
    unknown = {**figures(), "sharpe": {"value": None, "low": None, "high": None, "n": 0}}
    drawn = [sharpe(0.5, 0.1), sharpe(0.9, 0.1), unknown]
    compared = compare_with_random(figures(), drawn)
    assert compared["sharpe"] == {"beaten": 1, "of": 2}


@pytest.mark.parametrize(
    ("beaten", "words"), [(12, "that can be luck"), (20, "worth something"), (1, "did harm")]
)
def test_only_what_beats_nearly_all_of_chance_is_more_than_luck(beaten: int, words: str) -> None:
    sentence = conclusions(result(forecasts=None, luck={"sharpe": {"beaten": beaten, "of": 20}}))[0]
    assert f"better than {beaten} of 20" in sentence
    assert words in sentence


def test_the_rank_without_costs_is_told_beside_the_one_with_them() -> None:
    ranks = {
        "luck": {"sharpe": {"beaten": 1, "of": 20}},
        "luck_without_costs": {"sharpe": {"beaten": 11, "of": 20}},
    }
    with_costs, without_costs = conclusions(result(forecasts=None, **ranks))[:2]
    assert "did harm" in with_costs
    assert "Had trading cost nothing" in without_costs
    assert "better than 11 of 20: that can be luck" in without_costs


def test_what_cannot_be_told_from_the_market_is_not_called_better() -> None:
    market = {"buy and hold": sharpe(1.0, 0.5)}
    like = result(committee=sharpe(1.4, 0.5), agents={"risk": sharpe(0.8, 0.3)}, benchmarks=market)
    text = " ".join(conclusions(like))
    assert "cannot be told from that of buy and hold" in text
    assert "No Sharpe ratio here differs" in text
    ahead = result(committee=sharpe(2.0, 0.5), agents={"risk": sharpe(0.2, 0.3)}, benchmarks=market)
    text = " ".join(conclusions(ahead))
    assert "lies above that of buy and hold" in text
    assert "Risk alone (below)" in text


def test_a_result_too_good_to_be_true_begins_by_saying_so() -> None:
    found = conclusions(result(agents={"risk": sharpe(7.1, 0.9), "rl": sharpe(4.4, 0.9)}))
    assert found[0].startswith("The committee: too good to be true (rank IC")
    assert found[1].startswith("Risk: too good to be true (Sharpe ratio 7.1, above 4")
    assert found[2].startswith("RL: too good to be true (Sharpe ratio 4.4")


def test_a_result_of_before_has_no_verdict_on_luck_and_no_table_of_falls() -> None:
    earlier = result(benchmarks={}, robustness={}, forecasts=None)
    view = result_view(earlier, *curves())
    assert view.conclusions == ()
    assert view.drawdowns.lines == view.stress.lines == ()
