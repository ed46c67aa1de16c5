"""`replay` as a program that drives it sees it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Quorum, bars

PLAY = ("replay", "--from", "2020-03-02", "--to", "2020-03-06", "--speed", "max", "--in-process")


def played(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def votes(cycle: dict[str, Any], symbol: str) -> list[dict[str, Any]]:
    [decision] = [d for d in cycle["decisions"] if d["symbol"] == symbol]
    return [{**vote, "receipt": None} for vote in decision["votes"]]


def test_a_replay_prints_a_cycle_a_line_and_votes_as_decide_does(imported: Quorum) -> None:
    code, out, _ = imported(*PLAY, "--symbol", "AAPL,MSFT", "--json")
    cycles = played(out)
    assert code == 0
    assert [cycle["as_of"][:10] for cycle in cycles] == [f"2020-03-0{n}" for n in (2, 3, 4, 5, 6)]
    words = ("decide", "aapl,MSFT", "--as-of", "2020-03-04", "--in-process", "--json")
    decided = imported(*words)[1]
    for symbol in ("AAPL", "MSFT"):
        assert votes(cycles[2], symbol) == votes(decided, symbol)


def test_a_second_replay_is_a_record_of_its_own_with_the_same_votes(imported: Quorum) -> None:
    first, second = (played(imported(*PLAY, "--symbol", "SPY", "--json")[1]) for _ in range(2))
    assert first[0]["run"] == "replay 2020-03-02 2020-03-06"
    assert second[0]["run"] == "replay 2020-03-02 2020-03-06 (2)"
    assert [votes(c, "SPY") for c in first] == [votes(c, "SPY") for c in second]


def test_no_bar_from_before_the_first_date_is_decided_on(imported: Quorum, tmp_path: Path) -> None:
    bars(("BTC-USD",)).to_csv(tmp_path / "coin.csv", index=False)
    assert imported("import", str(tmp_path / "coin.csv"))[0] == 0
    _, out, _ = imported(*PLAY, "--symbol", "AAPL", "--symbol", "BTC-USD", "--json")
    assert min(cycle["as_of"] for cycle in played(out)) > "2020-03-02T00:00:00Z"


def test_a_weekend_holds_nothing_to_play_and_says_so(imported: Quorum) -> None:
    code, out, error = imported(
        "replay", "--from", "2020-03-07", "--to", "2020-03-08", "--speed", "max",
        "--symbol", "AAPL", "--in-process", "--json",
    )  # fmt: skip
    assert (code, out) == (0, "")
    assert "nothing to play" in error


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--from", "2020-03-06", "--to", "2020-03-02"), "Exchange them"),
        (("--from", "2020-03-02", "--to", "2999-01-01"), "future"),
        (("--from", "soon", "--to", "2020-03-02"), "soon"),
        (("--from", "1999-03-02", "--to", "2020-03-02", "--symbol", "AAPL"), "AAPL"),
        (("--from", "2020-03-02", "--to", "2020-03-06", "--speed", "0"), "--speed"),
        (("--from", "2020-03-02", "--to", "2020-03-06", "--speed", "1e-300"), "--speed"),
        (("--from", "2020-03-02", "--to", "2020-03-06", "--symbol", "ZZZZ"), "ZZZZ"),
    ],
)
def test_what_cannot_be_played_is_refused(
    imported: Quorum, words: tuple[str, ...], message: str
) -> None:
    code, out, error = imported("replay", *words, "--in-process", "--json")
    assert (code, out) == (2, "")
    assert message in error


def test_a_replay_of_an_empty_watchlist_says_what_to_do(imported: Quorum) -> None:
    followed = imported("watch", "list", "--json")[1]["symbols"]
    assert imported("watch", "remove", *followed)[0] == 0
    code, out, error = imported(*PLAY, "--json")
    assert (code, out) == (2, "")
    assert "The watchlist is empty" in error
    assert "quorum watch add" in error
