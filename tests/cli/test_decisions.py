"""`decide` and `receipt` as a program that drives them sees them."""

import math
import sqlite3
from pathlib import Path

import pytest

from agents.registry import AGENTS
from tests.cli.conftest import Quorum

DECIDE = ("decide", "AAPL", "MSFT", "--as-of", "2020-03-02", "--in-process", "--json")


def test_decide_prints_one_object_in_the_documented_shape(imported: Quorum) -> None:
    code, body, _ = imported(*DECIDE)
    assert code == 0
    assert body["as_of"] == "2020-03-02T21:00:00Z"
    assert (body["market"], body["simulated"]) == ("files", False)
    assert [decision["symbol"] for decision in body["decisions"]] == ["AAPL", "MSFT"]
    for decision in body["decisions"]:
        assert {"action", "p_up", "target_weight", "receipt", "votes"} <= decision.keys()
        assert [vote["agent"] for vote in decision["votes"]] == list(AGENTS)


def test_reasons_sum_to_the_log_odds_of_the_vote_and_abstentions_say_why(
    imported: Quorum,
) -> None:
    _, body, _ = imported(*DECIDE)
    votes = [vote for decision in body["decisions"] for vote in decision["votes"]]
    spoken = [vote for vote in votes if vote["p_up"] is not None]
    assert len(spoken) >= 6
    for vote in spoken:
        total = sum(reason["log_odds"] for reason in vote["reasons"])
        assert math.isclose(total, math.log(vote["p_up"] / (1 - vote["p_up"])), abs_tol=1e-9)
        assert vote["abstained_because"] is None
    for vote in votes:
        if vote["p_up"] is None:
            assert vote["abstained_because"]


def test_the_same_decide_twice_is_the_same_to_the_last_bit(imported: Quorum) -> None:
    assert imported(*DECIDE)[1] == imported(*DECIDE)[1]


def test_a_receipt_verifies_and_a_tampered_one_is_found_out(imported: Quorum, home: Path) -> None:
    receipt = imported(*DECIDE)[1]["decisions"][0]["receipt"]
    code, body, _ = imported("receipt", receipt, "--verify", "--json")
    assert (code, body["verified"], body["differences"]) == (0, True, [])
    with sqlite3.connect(home / "quorum.db") as database:
        changed = database.execute(
            "update decision set body = replace(body, '\"cap\":1.0', '\"cap\":0.5')"
        ).rowcount
    assert changed > 0
    code, _, error = imported("receipt", receipt, "--verify", "--json")
    assert code == 6
    assert receipt in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("decide", "ZZZZ", "--as-of", "2020-03-02"), 2, "ZZZZ"),
        (("decide", "AA PL"), 2, "AA PL"),
        (("decide", "AAPL", "--as-of", "1999-01-01"), 2, "begins on"),
        (("decide", "AAPL", "--as-of", "2999-01-01"), 2, "future"),
        (("decide", "AAPL", "--as-of", "yesterday"), 2, "yesterday"),
        (("decide", "AAPL", "--market", "moon"), 3, "moon"),
        (("decide", "AAPL", "--market", "demo", "--timeframe", "1h"), 3, "1h"),
        (("receipt", "AAPL-20200302-000000000000"), 2, "AAPL-20200302-000000000000"),
        (("decide",), 2, "symbols"),
        (("watch", "remove", "NOPE"), 2, "NOPE"),
    ],
)
def test_bad_input_is_refused_with_its_exit_code_and_names_what_was_wrong(
    imported: Quorum, words: tuple[str, ...], code: int, message: str
) -> None:
    got, out, error = imported(*words, "--json") if words[0] != "watch" else imported(*words)
    assert got == code, error
    assert message in error
    assert "Traceback" not in error
    assert not out


def test_without_yahoo_a_new_home_decides_on_the_simulated_market_and_says_so(
    quorum: Quorum,
) -> None:
    code, body, error = quorum("decide", "AAPL", "BTC-USD", "--in-process", "--json")
    assert code == 0, error
    assert (body["market"], body["simulated"]) == ("demo", True)
    assert "SIMULATED" in error


def test_two_homes_never_touch(
    imported: Quorum, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUORUM_HOME", str(tmp_path / "other"))
    code, _, error = imported("decide", "AAPL", "--as-of", "2020-03-02", "--market", "files")
    assert code == 2
    assert "AAPL" in error


def test_a_database_of_a_newer_quorum_is_refused_and_not_touched(
    imported: Quorum, home: Path
) -> None:
    with sqlite3.connect(home / "quorum.db") as database:
        database.execute("update alembic_version set version_num = 'from-the-future'")
    code, _, error = imported(*DECIDE)
    assert code == 5
    assert "from-the-future" in error
