"""Several files and folders: each file by itself, each once, and nothing skipped unsaid."""

import os
from pathlib import Path

import pytest

from domain.timeframe import Timeframe
from market.imports.batch_import import ImportResult, import_paths
from tests.market.imports.test_file_import import FIXTURES, bars_csv
from tests.market.memory_store import MemoryMarketDataStore

D1 = Timeframe.D1


@pytest.fixture
def store() -> MemoryMarketDataStore:
    return MemoryMarketDataStore()


def refused(imported: ImportResult) -> list[str]:
    return [report.path.name for report in imported.refused]


def test_a_bad_file_neither_stops_nor_half_stores_the_others(
    tmp_path: Path, store: MemoryMarketDataStore
) -> None:
    first = bars_csv(tmp_path / "first.csv")
    contradicting = bars_csv(tmp_path / "contradicting.csv", rows=40, close=99.0)
    no_table = tmp_path / "no table.csv"
    no_table.write_text("a,b\n1,2\n")
    not_there = tmp_path / "not there.csv"
    too_long = tmp_path / ("n" * 300 + ".csv")
    last = bars_csv(tmp_path / "last.csv", symbol="BETA")
    imported = import_paths([first, contradicting, no_table, not_there, too_long, last], store)
    assert [report.path for report in imported.reports] == [
        first, contradicting, no_table, not_there, too_long, last,
    ]  # fmt: skip
    assert refused(imported) == [
        "contradicting.csv", "no table.csv", "not there.csv", too_long.name,
    ]  # fmt: skip
    assert all(each.path.name in str(each.refused_because) for each in imported.refused)
    assert store.bars("files", "ACME", D1)["close"].tolist() == [10.0] * 30
    assert store.symbols("files") == ["ACME", "BETA"]


def test_a_folder_stands_for_its_files_at_any_depth_and_what_is_no_table_is_skipped_by_name(
    tmp_path: Path, store: MemoryMarketDataStore
) -> None:
    (tmp_path / "shares" / "old").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    bars_csv(tmp_path / "a.csv")
    bars_csv(tmp_path / "shares" / "old" / "b.CSV", symbol="BETA")
    (tmp_path / "shares" / "notes.txt").write_text("hello")
    (tmp_path / ".hidden.csv").write_text("a,b\n1,2\n")
    (tmp_path / ".git" / "config.csv").write_text("a,b\n1,2\n")
    imported = import_paths([tmp_path], store)
    assert [report.path.name for report in imported.reports] == ["a.csv", "b.CSV"]
    assert imported.skipped == (tmp_path / "shares" / "notes.txt",)
    assert not imported.refused


def test_a_file_named_twice_or_linked_to_is_read_once(
    tmp_path: Path, store: MemoryMarketDataStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = bars_csv(tmp_path / "a.csv")
    (tmp_path / "b.csv").symlink_to(file)
    (tmp_path / "round").symlink_to(tmp_path, target_is_directory=True)
    imported = import_paths([Path("a.csv"), file, tmp_path, Path(), tmp_path], store)
    assert [report.path for report in imported.reports] == [Path("a.csv")]
    assert imported.skipped == ()


def test_a_folder_without_tables_is_refused_by_name_and_the_others_go_on(
    tmp_path: Path, store: MemoryMarketDataStore
) -> None:
    (tmp_path / "nothing").mkdir()
    (tmp_path / "nothing" / "notes.txt").write_text("hello")
    imported = import_paths([tmp_path / "nothing", FIXTURES / "bars.csv"], store)
    assert refused(imported) == ["nothing"]
    assert "nothing holds no table (.csv" in str(imported.refused[0].refused_because)
    assert imported.skipped == (tmp_path / "nothing" / "notes.txt",)
    assert store.symbols("files") == ["ACME", "BETA"]


def test_a_file_that_is_no_table_is_skipped_in_a_folder_and_refused_by_itself(
    tmp_path: Path, store: MemoryMarketDataStore
) -> None:
    bars_csv(tmp_path / "a.csv")
    (tmp_path / "notes.txt").write_text("hello")
    assert not import_paths([tmp_path], store).refused
    [report] = import_paths([tmp_path / "notes.txt"], store).reports
    assert "its columns are" in str(report.refused_because)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look into every folder")
def test_a_folder_that_cannot_be_looked_into_is_refused_and_not_taken_for_empty(
    tmp_path: Path, store: MemoryMarketDataStore
) -> None:
    bars_csv(tmp_path / "a.csv")
    (tmp_path / "closed").mkdir(mode=0)
    imported = import_paths([tmp_path], store)
    assert refused(imported) == ["closed"]
    assert "Permission denied" in str(imported.refused[0].refused_because)
    assert store.symbols("files") == ["ACME"]
