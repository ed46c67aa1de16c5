"""`repair` on the command line, and what `import` tells of bars it doubts."""

from pathlib import Path

import pandas as pd
import pytest

from tests.cli.conftest import Quorum, bars

PRICES = ["open", "high", "low", "close", "adj_close"]


def spoiled(tmp_path: Path, factor: float, rows: int = 3) -> tuple[str, list[pd.Timestamp]]:
    """A file of AAPL with `rows` bars in another unit, and their days."""
    frame = bars(("AAPL",), days=120)
    times = frame.columns[frame.columns.isin(["date", "at", "ts"])][0]
    prices = [name for name in PRICES if name in frame]
    at = range(60, 60 + rows)
    frame.iloc[at, frame.columns.get_indexer(prices)] *= factor
    path = tmp_path / "AAPL.csv"
    frame.to_csv(path, index=False)
    return str(path), pd.to_datetime(frame[times].iloc[list(at)]).tolist()


def test_pence_among_pounds_are_told_on_import_and_repaired(quorum: Quorum, tmp_path: Path) -> None:
    path, days = spoiled(tmp_path, 100.0)
    code, body, _ = quorum("import", path, "--json")
    [note] = [each for each in body["files"][0]["notes"] if "quorum repair" in each]
    assert code == 0
    assert "3 bars are left out" in note
    assert "quorum repair AAPL" in note

    code, proposed, _ = quorum("repair", "AAPL", "--json")
    [proposal] = proposed["proposed"]
    assert (code, proposed["withheld"], proposed["withheld_after"]) == (0, 3, 0)
    assert (proposal["kind"], proposal["price_factor"], proposal["bars"]) == ("unit", 0.01, 3)
    assert proposal["from"].startswith(f"{days[0]:%Y-%m-%d}")
    assert not proposed["applied"]

    assert quorum("repair", "AAPL", "--apply", "--json")[1]["applied"]
    _, after, _ = quorum("repair", "AAPL", "--json")
    assert (after["withheld"], after["proposed"], len(after["in_force"])) == (0, [], 1)

    _, undone, _ = quorum("repair", "AAPL", "--undo", "--json")
    assert (len(undone["undone"]), undone["withheld_after"]) == (1, 3)


def test_a_person_may_accept_or_leave_out_a_day(quorum: Quorum, tmp_path: Path) -> None:
    path, days = spoiled(tmp_path, 1.6, rows=1)
    quorum("import", path)
    day = f"{days[0]:%Y-%m-%d}"
    _, accepted, _ = quorum("repair", "AAPL", "--accept", day, "--json")
    assert (accepted["withheld"], accepted["withheld_after"], accepted["applied"]) == (1, 0, True)
    _, left_out, _ = quorum("repair", "AAPL", "--leave-out", day, "--json")
    assert [each["kind"] for each in left_out["undone"]] == ["accept"]
    _, now, _ = quorum("repair", "AAPL", "--json")
    assert [each["kind"] for each in now["in_force"]] == ["leave out"]


def test_a_preview_shows_bars_before_and_after(quorum: Quorum, tmp_path: Path) -> None:
    path, days = spoiled(tmp_path, 0.01)
    quorum("import", path)
    code, printed, _ = quorum("repair", "AAPL")
    assert code == 0
    assert f"{days[0]:%Y-%m-%d}" in printed
    assert "->" in printed
    assert "--apply" in printed


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (("ZZZZ",), 2, "ZZZZ"),
        (("AAPL", "--accept", "soon"), 2, "soon"),
        (("AAPL", "--accept", "1970-01-05"), 2, "1970-01-05"),
        (("AAPL", "--undo", "--apply"), 2, "--undo"),
        (("AAPL", "--accept", "2024-03-04", "--leave-out", "2024-03-04"), 2, "2024-03-04"),
    ],
)
def test_what_cannot_be_repaired_is_refused(
    quorum: Quorum, tmp_path: Path, words: tuple[str, ...], code: int, named: str
) -> None:
    quorum("import", spoiled(tmp_path, 100.0)[0])
    refused, _, error = quorum("repair", *words)
    assert (refused, named in error) == (code, True)
    assert "Traceback" not in error
