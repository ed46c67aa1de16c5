"""Vote to pixel in a real browser at 20 and 200 events a second, and 300 streams at once.

A server in its own process journals votes one by one. Latency is the time from the journal's stamp
of an event to the frame in which the browser has drawn its cell or that of a newer event.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.web.browser.chromium import launch_browser
from tests.web.demo_app import DemoApp

SECONDS = 12
STREAMS = 300
PORT = 18_765

_RECORD = """() => {
  window.drawn = [];
  document.addEventListener('htmx:sse:after:message', (event) => {
    const id = event.detail.message.id;
    if (!id || event.detail.message.event) return;
    const seq = Number(id.split('-').pop());
    requestAnimationFrame(() => setTimeout(() => window.drawn.push([seq, Date.now()])));
  });
}"""


def run() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        app = DemoApp(home)
        app.fetch_demo_data()
        app.run_cycle()
        app.database.close()
        return {
            "vote_to_pixel_20_ms": _vote_to_pixel(home, 20),
            "vote_to_pixel_200_ms": _vote_to_pixel(home, 200),
            "streams_300_at_20_ms": _streams(home, 20),
        }


def _vote_to_pixel(home: Path, rate: int) -> dict[str, float]:
    with _serving(home, rate) as (url, _), launch_browser() as chromium:
        page = chromium.new_page()
        page.goto(f"{url}/insights")
        page.wait_for_selector("#live[data-state=live]")
        page.evaluate(_RECORD)
        first = int(_get(f"{url}/api/v1/status")["cursor"].rpartition("-")[2])
        page.wait_for_timeout(SECONDS * 1000)
        drawn = page.evaluate("window.drawn")
        stamps = _stamps(home, first)
    shown = iter(sorted(drawn))
    seq, at = next(shown)
    waits = []
    for number, stamp in stamps:
        while seq < number:
            seq, at = next(shown, (sys.maxsize, 0.0))
        if seq == sys.maxsize:
            break
        waits.append(at - stamp)
    return _summary(waits)


def _streams(home: Path, rate: int) -> dict[str, float]:
    with _serving(home, rate) as (url, pid):
        before = _processor_seconds(pid)
        waits = asyncio.run(_listen_all(url))
        used = _processor_seconds(pid) - before
    return {**_summary(waits), "streams": STREAMS, "cores": round(used / SECONDS, 2)}


async def _listen_all(url: str) -> list[float]:
    """Return the latency of every frame of every stream, from its newest event's stamp."""
    port = int(url.rpartition(":")[2])
    waits: list[tuple[int, float]] = []
    listening = [asyncio.create_task(_listen(port, waits)) for _ in range(STREAMS)]
    stamps: dict[int, float] = {}
    await asyncio.sleep(2)
    waits.clear()
    watching = asyncio.create_task(_watch(port, stamps))
    await asyncio.sleep(SECONDS)
    for task in (*listening, watching):
        task.cancel()
    await asyncio.gather(*listening, watching, return_exceptions=True)
    return [at - stamps[seq] for seq, at in waits if seq in stamps]


async def _listen(port: int, waits: list[tuple[int, float]]) -> None:
    reader = await _open(port, "/stream?topics=votes")
    while line := await reader.readline():
        if line.startswith(b"id: "):
            waits.append((int(line.rpartition(b"-")[2]), time.time() * 1000))


async def _watch(port: int, stamps: dict[int, float]) -> None:
    reader = await _open(port, "/api/v1/events")
    while line := await reader.readline():
        if line.startswith(b"data: ") and (event := json.loads(line[6:])).get("at"):
            stamps[event["seq"]] = datetime.fromisoformat(event["at"]).timestamp() * 1000


async def _open(port: int, path: str) -> asyncio.StreamReader:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode())
    await writer.drain()
    reader._transport_writer = writer  # type: ignore[attr-defined]  # kept open as long as read
    return reader


@contextmanager
def _serving(home: Path, rate: int) -> Iterator[tuple[str, int]]:
    command = [sys.executable, "-m", "tests.web.serve", str(home), str(PORT), "--rate", str(rate)]
    process = subprocess.Popen(command)
    url = f"http://127.0.0.1:{PORT}"
    try:
        for _ in range(400):
            try:
                _get(f"{url}/health")
                break
            except OSError:
                time.sleep(0.1)
        yield url, process.pid
    finally:
        process.kill()
        process.wait()


def _stamps(home: Path, first: int) -> list[tuple[int, float]]:
    events = DemoApp(home).journal.events_after(first, 10_000)
    return [(event.seq, event.at.timestamp() * 1000) for event in events]


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 it is our own server
        return json.loads(response.read())


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _summary(waits: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(waits, n=100)
    return {"p50": round(cuts[49], 1), "p95": round(cuts[94], 1), "events": len(waits)}
