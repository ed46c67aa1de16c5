"""The paper account as a program that drives it sees it."""

import json

import pytest

from tests.cli.conftest import Quorum

RUN = "replay 2020-03-16 2020-03-20"
OF_RUN = ("--run", RUN, "--market", "files", "--json")


@pytest.fixture
def decided_account(imported: Quorum) -> Quorum:
    """A home with a replay, whose account stands at a time when its prices were fresh."""
    words = ("replay", "--from", "2020-03-16", "--to", "2020-03-20", "--speed", "max")
    assert imported(*words, "--symbol", "AAPL", "--in-process", "--json")[0] == 0
    return imported


def error_of(err: str) -> dict[str, object]:
    error: dict[str, object] = json.loads(err.splitlines()[-1])["error"]
    return error


def test_an_account_is_traded_from_the_command_line(decided_account: Quorum) -> None:
    code, shown, _ = decided_account("account", "show", *OF_RUN)
    assert code == 0
    assert shown["deposited"] == 100_000.0
    assert decided_account("account", "mode", "observe", *OF_RUN)[1]["mode"] == "observe"
    assert decided_account("account", "deposit", "500", *OF_RUN)[1]["deposited"] == 100_500.0

    code, body, _ = decided_account("order", "AAPL", "buy", "2", *OF_RUN)
    assert (code, body["order"]) == (0, None)
    words = ("order", "AAPL", "buy", "2", "--yes", "--key", "mine", *OF_RUN)
    order = decided_account(*words)[1]["order"]
    assert decided_account(*words)[1]["order"] == order
    listed = decided_account("orders", "--open", *OF_RUN)[1]["orders"]
    assert [each["id"] for each in listed].count(order["id"]) == 1
    assert (
        decided_account("orders", "--open", "--symbol", "aapl,MSFT", *OF_RUN)[1]["orders"] == listed
    )
    assert decided_account("orders", "--open", "--symbols", "MSFT", *OF_RUN)[1]["orders"] == []
    code, _, error = decided_account("order", "AAPL", "buy", "3", "--yes", "--key", "mine", *OF_RUN)
    assert (code, error_of(error)["kind"]) == (2, "InputError")
    assert decided_account("cancel", order["id"], *OF_RUN)[1]["orders"][0]["status"] == "cancelled"

    assert (
        decided_account("account", "stop", "--reason", "smoke", *OF_RUN)[1]["guard"]["standing"]
        == "halted"
    )
    code, _, error = decided_account("order", "AAPL", "buy", "2", "--yes", *OF_RUN)
    assert code == 2
    assert "halted" in str(error_of(error)["message"])
    assert decided_account("account", "resume", *OF_RUN)[1]["guard"]["standing"] == "active"

    assert decided_account("reconcile", *OF_RUN)[1]["differences"] == []
    code, audited, _ = decided_account("audit", "--verify", *OF_RUN)
    assert (code, audited["verified"]) == (0, True)
    assert audited["entries"][0]["kind"] == "opened"


def test_a_replayed_week_is_what_a_backtest_makes_of_it(decided_account: Quorum) -> None:
    code, report, _ = decided_account(
        "parity", "--day", "2020-03-16", "--to", "2020-03-20", *OF_RUN
    )
    assert (code, report["differences"], report["same"]) == (0, [], True)
    assert report["compared"]["cycles"] == 5


REFUSED = (
    ("account", "withdraw", "1e9", *OF_RUN),
    ("account", "deposit", "0", *OF_RUN),
    ("account", "profile", "reckless", *OF_RUN),
    ("account", "reset", *OF_RUN),
    ("account", "show", "--run", "replay never", "--market", "files", "--json"),
    ("order", "AAPL", "buy", "0", *OF_RUN),
    ("order", "AAPL", "buy", "nan", *OF_RUN),
    ("order", "ZZZZ", "buy", "1", *OF_RUN),
    ("cancel", *OF_RUN),
    ("cancel", "nobody", *OF_RUN),
    ("parity", "--day", "soon", *OF_RUN),
    ("parity", "--day", "2019-03-16", *OF_RUN),
)


def test_what_cannot_be_is_refused_in_words(decided_account: Quorum) -> None:
    for words in REFUSED:
        code, out, error = decided_account(*words)
        assert (code, out) == (2, ""), words
        assert str(error_of(error)["message"]).endswith("."), words
