"""`quorum backtest` at the command line: what is usual, and what is refused."""

from datetime import UTC, date, datetime, timedelta

import pytest

from cli.research.backtests import DEFAULT_PERIOD, _period
from domain.errors import InputError
from research.backtest.request import build_request
from tests.cli.conftest import Quorum

SPAN = (datetime(2005, 1, 3, 21, tzinfo=UTC), datetime(2025, 9, 26, 20, tzinfo=UTC))


@pytest.mark.parametrize(
    ("start", "end", "period"),
    [
        (None, None, (date(2025, 9, 26) - DEFAULT_PERIOD, date(2025, 9, 26))),
        (None, "2015-01-02", (date(2015, 1, 2) - DEFAULT_PERIOD, date(2015, 1, 2))),
        (None, "2005-06-30", (date(2005, 6, 30), date(2005, 6, 30))),
        (None, "2030-01-02", (date(2025, 9, 26) - DEFAULT_PERIOD, date(2030, 1, 2))),
        ("2010-01-04", "2011-01-03", (date(2010, 1, 4), date(2011, 1, 3))),
        ("2024-01-02", None, (date(2024, 1, 2), date(2025, 9, 26))),
    ],
)
def test_the_usual_period_is_the_last_years_up_to_its_end(
    start: str | None, end: str | None, period: tuple[date, date]
) -> None:
    assert _period(start, end, [SPAN]) == period


def test_a_year_is_left_to_warm_up_on_where_history_is_short() -> None:
    short = (SPAN[1] - timedelta(days=700), SPAN[1])
    assert _period(None, None, [short, short])[0] == (SPAN[1] - timedelta(days=335)).date()


@pytest.mark.parametrize(
    "stray", [("--json",), ("--symbol", "AAPL"), ("--market", "demo"), ("--delay", "0")]
)
def test_an_option_before_list_is_refused_and_not_forgotten(
    quorum: Quorum, stray: tuple[str, ...]
) -> None:
    code, _, error = quorum("backtest", *stray, "list")
    assert code == 2
    assert f"{stray[0]} before `list`" in error


def test_one_result_is_no_comparison(quorum: Quorum) -> None:
    code, _, error = quorum("backtest", "compare", "20240301-090000-00000000")
    assert code == 2
    assert "two results or more" in " ".join(error.split())


def test_a_refused_request_ends_in_one_full_stop() -> None:
    with pytest.raises(InputError, match=r"1\.0\.$"):
        build_request(
            market="files", symbols=("AAPL",), start=date(2024, 1, 2), end=date(2024, 6, 3),
            agents=("technical",), costs={"commission_bps": -1.0},
        )  # fmt: skip


def test_a_check_and_a_backtest_say_what_their_bars_cannot_tell_from_nothing(
    quorum: Quorum,
) -> None:
    demo = ("--market", "demo", "--symbol", "AAPL,JPM,XOM")
    code, out, error = quorum("check", "technical", *demo, "--cuts", "1")
    assert code == 0, error
    assert "a time IC below" in " ".join(out.split())
    code, out, error = quorum(
        "backtest", *demo, "--agent", "technical", "--from", "2023-06-01", "--to", "2023-11-30"
    )
    assert code == 0, error
    told = " ".join(out.split())
    assert "Committee: With 3 symbols and " in told
    assert "cannot be told from nothing" in told
    assert "Cash rate unknown: not subtracted" in told
