"""What is too good to be true is called so, and nothing else is."""

from typing import Any

import pytest

from orchestrator.evaluation.plausibility import implausible_figures, too_good_to_be_true


def estimate(value: float | None, low: float | None = None, n: int = 0) -> dict[str, Any]:
    return {"value": value, "low": low, "high": None, "n": n}


@pytest.mark.parametrize(
    ("name", "value", "limit"),
    [("rank_ic", 0.5, 0.3), ("sharpe", 7.1, 4.0), ("hit_rate", 0.8, 0.7)],
)
def test_a_figure_above_its_limit_is_named_with_enough_outcomes_or_a_whole_interval(
    name: str, value: float, limit: float
) -> None:
    assert implausible_figures({name: estimate(value, n=250)})
    assert implausible_figures({name: estimate(value, low=limit + 0.01, n=40)})
    assert not implausible_figures({name: estimate(value, low=limit - 0.01, n=249)})
    assert not implausible_figures({name: estimate(value, n=249)})
    assert not implausible_figures({name: estimate(limit, low=limit, n=10_000)})


def test_outcomes_that_overlap_are_counted_once() -> None:
    figures = {"hit_rate": estimate(0.9, n=1_249)}
    assert implausible_figures(figures, 1)
    assert not implausible_figures(figures, 5)


def test_what_is_not_known_is_not_too_good() -> None:
    assert (
        implausible_figures({"sharpe": estimate(None), "brier_skill": estimate(0.9, n=999)}) == ()
    )
    assert implausible_figures({"sharpe": None}) == implausible_figures({}) == ()


def test_the_sentence_names_who_and_what() -> None:
    found = implausible_figures({"hit_rate": estimate(0.93, n=900), "sharpe": estimate(7.1, n=900)})
    sentence = too_good_to_be_true("Wind", found)
    assert "Wind: too good to be true (hit rate 93 %, above 70 %; Sharpe ratio 7.1, above 4)" in (
        sentence
    )
