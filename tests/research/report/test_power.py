"""What is said of scores that a record is too short for."""

from typing import Any

from domain.canonical import to_json
from orchestrator.evaluation.scoring import score_record
from research.report.forecaster_view import forecaster_view
from research.report.power import history_power
from research.report.record_view import record_view
from tests.research.report.record_fixtures import record


def scores(bars: int, settled: bool = True) -> Any:
    return to_json(score_record(record(bars, settled)))


def test_a_statement_stands_beside_the_scores_of_everybody() -> None:
    scored = scores(300)
    view, own = record_view(scored), forecaster_view(scored, "news")
    assert view is not None
    assert own is not None
    assert view.power.startswith("With 6 symbols and 294 bars a Brier skill below ")
    assert "or a rank IC below 0." in view.power
    assert own.power != view.power
    assert own.power.endswith("cannot be told from nothing (two-sided at 5 %, 80 % power).")


def test_a_record_too_short_for_intervals_is_judged_by_its_numbers() -> None:
    view = record_view(scores(40))
    assert view is not None
    assert view.power == history_power(35, 6, 5)


def test_before_anything_is_settled_there_is_no_statement() -> None:
    view = record_view(scores(40, settled=False))
    assert view is not None
    assert view.power == ""


def test_few_symbols_and_few_bars_show_nothing_and_say_so() -> None:
    assert "a time IC below 0.809" in history_power(65, 1, 5)
    assert history_power(8, 3, 5) == (
        "With 3 symbols and 8 bars no score can be told from nothing, however large."
    )
