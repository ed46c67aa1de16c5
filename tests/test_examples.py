"""The programs in `examples/` do what they say, two of them on a real server."""

import json
import runpy
import socket
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import uvicorn

from tests.web.demo_app import DemoApp
from web.server import create_app

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
SVG = "{http://www.w3.org/2000/svg}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def add_events(demo: DemoApp, *symbols: str) -> None:
    """One event each."""
    for symbol in symbols:
        demo.watchlist.add(symbol)
    demo.notifier.notify()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A home with some events and one kept backtest."""
    demo = DemoApp(tmp_path)
    add_events(demo, "AMD", "INTC", "IBM", "ORCL", "CSCO")
    demo.backtests.add_result("20240315-aapl-1a2b3c")
    demo.database.close()
    return tmp_path


@contextmanager
def served(folder: Path, port: int) -> Iterator[DemoApp]:
    """A server in a thread, stopped as a closed one is: its streams end."""
    demo = DemoApp(folder)
    app = create_app(demo.services())
    server = uvicorn.Server(
        uvicorn.Config(app, port=port, log_level="warning", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield demo
    finally:
        server.should_exit = True
        thread.join()


def run(monkeypatch: pytest.MonkeyPatch, name: str, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", [name, *words])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")


def follower(port: int, *words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, str(EXAMPLES / "follow_events.py"), *words]
    return subprocess.Popen(
        [*command, "--url", f"http://127.0.0.1:{port}"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_the_agent_votes_and_keeps_every_promise(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "agent.py")
    printed = capsys.readouterr().out
    assert "WALK: " in printed
    assert "overnight gap" in printed
    assert printed.endswith("Every promise is kept.\n")


def test_the_provider_keeps_its_contract_and_refuses_what_it_does_not_have(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    days = pd.bdate_range("2024-01-02", periods=90).strftime("%Y-%m-%d")
    close = 100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.01, len(days))))
    prices = {"open": close, "high": close * 1.01, "low": close * 0.99, "close": close}
    table = pd.DataFrame({"date": days, **prices, "volume": 1_000})
    table.to_csv(tmp_path / "AAPL.csv", index=False)
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, "provider.py", str(tmp_path), "AAPL")
    assert (ended.value.code, capsys.readouterr().out) == (0, "The contract is kept on AAPL.\n")
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, "provider.py", str(tmp_path), "MSFT")
    assert ended.value.code == 2
    assert "Put a file MSFT.csv into" in capsys.readouterr().err
    table.assign(low=close * 1.02).to_csv(tmp_path / "AAPL.csv", index=False)
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, "provider.py", str(tmp_path), "AAPL")
    assert ended.value.code == 6
    assert "open and close must lie between low and high" in capsys.readouterr().out


def test_the_follower_gets_every_event_once_across_its_own_end_and_the_servers(
    folder: Path,
) -> None:
    port, cursor = free_port(), folder / "cursor"
    cursor.write_text("0")  # from the first event on
    with served(folder, port) as demo:
        printed, errors = follower(port, "--cursor", str(cursor), "--count", "3").communicate()
        assert errors == ""
        assert cursor.read_text() == f"{demo.journal.epoch}-3"
    add_events(demo, "QCOM")  # while no server runs
    with served(folder, port) as demo:
        process = follower(port, "--cursor", str(cursor), "--count", "4")
        assert process.stdout is not None
        printed += "".join(process.stdout.readline() for _ in range(3))
    add_events(demo, "TXN")  # while the follower waits for a server
    with served(folder, port) as demo:
        printed += process.communicate(timeout=30)[0]
        stored = demo.journal.events_after(0, 1_000)
    seen = [json.loads(line) for line in printed.splitlines()]
    assert [event["id"] for event in seen] == [f"{demo.journal.epoch}-{e.seq}" for e in stored]
    assert [event["payload"] for event in seen] == [event.payload for event in stored]
    assert cursor.read_text() == seen[-1]["id"]


def test_the_follower_goes_on_from_the_present_of_another_database(folder: Path) -> None:
    port, cursor = free_port(), folder / "cursor"
    cursor.write_text("anotherepoch-7")
    with served(folder, port) as demo:
        process = follower(port, "--cursor", str(cursor), "--count", "1")
        assert process.stderr is not None
        assert "is no event of this database" in process.stderr.readline()
        add_events(demo, "QCOM")
        printed, _ = process.communicate(timeout=30)
        assert json.loads(printed)["payload"]["symbols"][-1] == "QCOM"
        assert cursor.read_text() == f"{demo.journal.epoch}-{demo.journal.last_seq()}"


def test_the_plot_draws_the_newest_backtest(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port, file = free_port(), folder / "equity.svg"
    with served(folder, port):
        run(monkeypatch, "backtest_to_plot.py", "--url", f"http://127.0.0.1:{port}", str(file))
    picture = ElementTree.parse(file).getroot()
    points = [line.attrib["points"].split() for line in picture.findall(f"{SVG}polyline")]
    assert len(points) == 2
    assert len(points[0]) == len(points[1]) > 100
    words = "".join(picture.itertext())
    assert all(name in words for name in ("committee", "buy and hold", "20240315-aapl-1a2b3c"))
