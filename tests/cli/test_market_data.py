"""`import`, `watch`, `config` and `agents` on the command line."""

import json
import os
import tomllib
from pathlib import Path

from agents.registry import AGENTS
from tests.cli.conftest import Quorum, bars


def test_an_import_reports_what_was_stored_and_what_was_refused_and_why(
    quorum: Quorum, tmp_path: Path
) -> None:
    frame = bars(("AAPL",), days=50)
    frame.iloc[7, frame.columns.get_loc("close")] = -1.0
    frame.to_parquet(tmp_path / "one.parquet")
    code, body, _ = quorum("import", str(tmp_path / "one.parquet"), "--json")
    [report] = body["files"]
    assert code == 0
    assert (report["read"], report["stored"]) == (len(frame), len(frame) - 1)
    [refused] = report["refused"]
    assert refused["rows"] == 1
    assert "-1.0" in str(refused["examples"])


def test_a_dry_run_tells_what_decides_and_what_would_be_refused(
    quorum: Quorum, tmp_path: Path
) -> None:
    frame = bars(("AAPL",), days=50)
    frame.iloc[7, frame.columns.get_loc("close")] = -1.0
    frame.to_csv(tmp_path / "one.csv", index=False)
    code, out, _ = quorum("import", "--dry-run", str(tmp_path / "one.csv"))
    assert code == 0
    first, last = frame["date"].min(), frame["date"].max()
    for words in ("AAPL (XNYS)", f"{first:%Y-%m-%d} to {last:%Y-%m-%d}", "1 refused", "-1.0"):
        assert words in out


def test_history_is_not_rewritten_without_replace(imported: Quorum, tmp_path: Path) -> None:
    changed = bars(seed=2)
    changed.to_csv(tmp_path / "changed.csv", index=False)
    code, _, error = imported("import", str(tmp_path / "changed.csv"))
    assert code == 2
    assert "--replace" in error
    assert imported("import", str(tmp_path / "changed.csv"), "--replace")[0] == 0


def test_files_that_are_no_tables_are_refused(quorum: Quorum, tmp_path: Path) -> None:
    for name, content in (
        ("empty.csv", b""),
        ("wrong.csv", b"a,b\n1,2\n"),
        ("broken.parquet", b"PAR1 not really"),
    ):
        (tmp_path / name).write_bytes(content)
        code, _, error = quorum("import", str(tmp_path / name))
        assert code == 2, name
        assert name in error
        assert "Traceback" not in error
    assert quorum("import", str(tmp_path / "nowhere.csv"))[0] == 2


def test_several_files_and_folders_are_each_reported_and_one_refusal_ends_with_its_code(
    quorum: Quorum, tmp_path: Path
) -> None:
    (tmp_path / "data" / "shares").mkdir(parents=True)
    bars(("AAPL",), days=50).to_csv(tmp_path / "one.csv", index=False)
    bars(("MSFT",), days=50).to_parquet(tmp_path / "data" / "shares" / "two.parquet")
    (tmp_path / "data" / "notes.txt").write_text("hello")
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    words = ("import", "one.csv", "bad.csv", "data", "--json")
    code, body, error = quorum(*words)
    assert code == 2
    assert [(each["path"], bool(each["refused_because"])) for each in body["files"]] == [
        ("one.csv", False), ("bad.csv", True), ("data/shares/two.parquet", False),
    ]  # fmt: skip
    assert body["skipped"] == ["data/notes.txt"]
    message = json.loads(error.splitlines()[-1])["error"]["message"]
    assert "1 of 3 were refused" in message
    assert "bad.csv" in message
    assert quorum("import", "one.csv", "data", "--json")[0] == 0
    code, out, error = quorum(*words[:-1])
    assert code == 2
    for name in ("one.csv", "bad.csv", "two.parquet", "data/notes.txt"):
        assert name in out


def test_an_import_of_one_file_says_what_it_always_said(quorum: Quorum, tmp_path: Path) -> None:
    bars(("AAPL",), days=50).to_csv(tmp_path / "one.csv", index=False)
    _, body, _ = quorum("import", "one.csv", "--json")
    [report] = body["files"]
    assert list(report) == [
        "path", "kind", "timeframe", "read", "stored", "unchanged", "replaced", "refused",
        "symbols", "span", "refused_because", "notes", "preview",
    ]  # fmt: skip
    assert (report["path"], report["kind"], report["timeframe"]) == ("one.csv", "bars", "1d")


def test_an_empty_folder_is_refused_by_name(quorum: Quorum, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    code, out, error = quorum("import", "nothing")
    assert (code, out) == (2, "")
    assert "nothing holds no table (.csv" in error


def test_an_empty_path_and_a_special_file_are_refused_and_nothing_is_stored(
    quorum: Quorum, tmp_path: Path
) -> None:
    bars(("AAPL",), days=50).to_csv(tmp_path / "here.csv", index=False)
    code, out, error = quorum("import", "")
    assert (code, out) == (2, "")
    assert "A path is empty" in error
    os.mkfifo(tmp_path / "pipe.csv")
    for name in ("pipe.csv", "/dev/null"):
        code, _, error = quorum("import", name)
        assert code == 2
        assert f"{name} is no regular file" in error


def test_the_watchlist_is_edited_and_listed(quorum: Quorum) -> None:
    assert "AAPL" in quorum("watch", "list", "--json")[1]["symbols"]
    assert quorum("watch", "add", "amd,btc/usdt")[0] == 0
    assert quorum("watch", "remove", "TSLA")[0] == 0
    followed = quorum("watch", "list", "--json")[1]["symbols"]
    assert followed[-2:] == ["AMD", "BTC-USDT"]
    assert "TSLA" not in followed


def test_config_shows_a_file_that_means_what_is_in_force(quorum: Quorum, home: Path) -> None:
    code, out, _ = quorum("config", "show")
    assert code == 0
    assert tomllib.loads(out)["server"]["port"] == 8765
    home.mkdir(exist_ok=True)
    (home / "quorum.toml").write_text(out.replace("port = 8765", "port = 8799"))
    _, body, _ = quorum("config", "show", "--json")
    assert body["server"]["port"] == 8799
    assert body["home"] == str(home)


def test_every_setting_is_explained(quorum: Quorum) -> None:
    lines = quorum("config", "show")[1].splitlines()
    keys = [n for n, line in enumerate(lines) if " = " in line and not line.startswith("#")]
    assert len(keys) > 25
    assert not [lines[n] for n in keys if not lines[n - 1].startswith("# ")]


def test_config_check_names_what_cannot_work(quorum: Quorum, monkeypatch) -> None:
    monkeypatch.setenv("QUORUM__SERVER__PORT", "0")
    code, out, _ = quorum("config", "check")
    assert code == 0, out
    monkeypatch.setenv("QUORUM__RAY__ADDRESS", "127.0.0.1:9")
    code, out, _ = quorum("config", "check")
    assert code == 3
    assert "127.0.0.1:9" in out


def test_agents_are_listed_with_their_versions(quorum: Quorum) -> None:
    code, body, _ = quorum("agents", "--json")
    assert code == 0
    assert [agent["agent"] for agent in body["agents"]] == list(AGENTS)
    assert all(agent["version"] for agent in body["agents"])


def test_a_corrupt_policy_is_refused_by_name(quorum: Quorum, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy" / "manifest.json").write_text("{}")
    monkeypatch.setenv("QUORUM__AGENTS__RL_POLICY", str(tmp_path / "policy"))
    code, _, error = quorum("agents", "--json")
    assert code == 3
    assert "policy" in error
