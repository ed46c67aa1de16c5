"""Manual orders through the API, each previewed and confirmed, while dashboards watch.

`python -m benchmarks orders [rate=200] [seconds=30] [streams=50]`: a server of its own (simulated
market, agents in process, an account rich enough that no check fails) receives orders at a steady
rate, however slow its answers are, each under a key of its own. `click to row` is the time from
sending the confirmation to the frame in which a dashboard's list of open orders includes that
order's event or a newer one. Then as many orders as it can take, from a few clients that wait for
their answers.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.service.serve import _address, _get, _wait_until

CONNECTIONS = 32
CLIENTS = 8
"""Clients that wait for their answers."""
FLAT_OUT_SECONDS = 10.0
LAST_FRAMES_SECONDS = 3.0
SYMBOLS = ("AAPL", "MSFT", "NVDA", "JPM", "XOM", "GLD")
SETTINGS = {
    "QUORUM__DEMO__SECONDS_PER_BAR": "100000",
    "QUORUM__ACCOUNT__CAPITAL": "1e9",
    "QUORUM__AGENTS__NEWS_MODEL": "lexicon",
}
ROW_FRAME = b'data: <hx-partial hx-target="#open-orders"'


@dataclass
class StreamLog:
    """Records what the streams sent. Times are monotonic seconds."""

    numbers: dict[str, int] = field(default_factory=dict)
    """By order, the number of the event that placed it."""
    frames: list[list[tuple[int, float]]] = field(default_factory=list)
    """By stream, the newest event that each frame of the list includes, and when the frame
    arrived."""


@dataclass
class OrderLog:
    """By order, when its confirmation was sent, how long the requests took, and what was
    refused."""

    clicks: dict[str, float] = field(default_factory=dict)
    previews: list[float] = field(default_factory=list)
    confirmations: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def run(rate: str = "200", seconds: str = "30", streams: str = "50") -> dict[str, Any]:
    """Return milliseconds at the requested rate, the most orders a second, and the server's
    share."""
    with tempfile.TemporaryDirectory() as home, _serving(Path(home)) as (url, pid):
        port = int(url.rpartition(":")[2])
        return asyncio.run(_measure(port, pid, float(rate), float(seconds), int(streams)))


async def _measure(
    port: int, pid: int, rate: float, seconds: float, streams: int
) -> dict[str, Any]:
    log, sent, flat_out_log = StreamLog(), OrderLog(), OrderLog()
    async with _open_dashboards(port, streams, log), _clients(port) as clients:
        used = _processor_seconds(pid)
        elapsed = await _at_rate(clients, rate, seconds, sent)
        used = _processor_seconds(pid) - used
        await asyncio.sleep(LAST_FRAMES_SECONDS)
        flat_out = await _flat_out(clients, flat_out_log)
    rows = list(_latencies(sent, log))
    return {
        "asked for, orders a second": rate,
        "answered, orders a second": round(len(sent.clicks) / elapsed, 1),
        "preview, ms": _summary(sent.previews),
        "confirmation, ms": _summary(sent.confirmations),
        "click to row, ms": _summary(rows),
        "streams": streams,
        "rows awaited": len(rows),
        "server's cores": round(used / elapsed, 2),
        "flat out with streams, orders a second": round(len(flat_out_log.clicks) / flat_out, 1),
        "flat out, confirmation, ms": _summary(flat_out_log.confirmations),
        "open orders at the end": len(sent.clicks) + len(flat_out_log.clicks),
        "refused": len(sent.refused) + len(flat_out_log.refused),
        "first refusal": next(iter([*sent.refused, *flat_out_log.refused]), ""),
    }


async def _at_rate(
    clients: "asyncio.Queue[ApiConnection]", rate: float, seconds: float, sent: OrderLog
) -> float:
    """Send an order every 1/rate seconds, whether earlier ones were answered or not. Return the
    seconds until all were answered."""
    began = time.monotonic()
    orders = []
    for number in range(round(rate * seconds)):
        await asyncio.sleep(began + number / rate - time.monotonic())
        orders.append(asyncio.create_task(_order(clients, number, sent)))
    await asyncio.gather(*orders)
    return time.monotonic() - began


async def _flat_out(clients: "asyncio.Queue[ApiConnection]", sent: OrderLog) -> float:
    end = time.monotonic() + FLAT_OUT_SECONDS

    async def work(number: int) -> None:
        while time.monotonic() < end:
            await _order(clients, number, sent)

    began = time.monotonic()
    await asyncio.gather(*map(work, range(CLIENTS)))
    return time.monotonic() - began


async def _order(clients: "asyncio.Queue[ApiConnection]", number: int, sent: OrderLog) -> None:
    """Preview and confirm, as a page does; waiting for a free connection counts."""
    ticket = {"symbol": SYMBOLS[number % len(SYMBOLS)], "side": "buy", "quantity": 1}
    began = time.monotonic()
    reply = await _post(clients, "/api/v1/orders/preview", ticket)
    clicked = time.monotonic()
    sent.previews.append(clicked - began)
    if not reply.get("quote"):
        sent.refused.append(json.dumps(reply)[:500])
        return
    body = {"ticket": ticket, "quote": reply["quote"], "key": uuid.uuid4().hex}
    reply = await _post(clients, "/api/v1/orders", body)
    sent.confirmations.append(time.monotonic() - clicked)
    if "order" in reply:
        sent.clicks[reply["order"]["id"]] = clicked
    else:
        sent.refused.append(json.dumps(reply)[:500])


async def _post(clients: "asyncio.Queue[ApiConnection]", path: str, body: object) -> dict[str, Any]:
    client = await clients.get()
    try:
        return await client.post(path, body)
    finally:
        clients.put_nowait(client)


class ApiConnection:
    """A persistent connection, reopened when the server closes it. A request that was sent on a
    closed connection is sent once more, which an order's key makes harmless."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: object) -> dict[str, Any]:
        content = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        request = f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content
        try:
            return await self._send(request)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.close()
            return await self._send(request)

    async def _send(self, request: bytes) -> dict[str, Any]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
        reply: dict[str, Any] = json.loads(await reader.readexactly(length))
        return reply

    def close(self) -> None:
        if self._streams:
            self._streams[1].close()
        self._streams = None


@asynccontextmanager
async def _clients(port: int) -> "AsyncIterator[asyncio.Queue[ApiConnection]]":
    free: asyncio.Queue[ApiConnection] = asyncio.Queue()
    connections = [ApiConnection(port) for _ in range(CONNECTIONS)]
    for client in connections:
        free.put_nowait(client)
    try:
        yield free
    finally:
        for client in connections:
            client.close()


@asynccontextmanager
async def _open_dashboards(port: int, streams: int, log: StreamLog) -> AsyncIterator[None]:
    """Open dashboards on the page of orders, and one client that follows the events."""
    log.frames = [[] for _ in range(streams)]
    path = "/stream?topics=orders,order-log,account,guard"
    tasks = [asyncio.create_task(_follow(port, log.numbers))]
    tasks += [asyncio.create_task(_dashboard(port, path, frames)) for frames in log.frames]
    await asyncio.sleep(1.0)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _dashboard(port: int, path: str, frames: list[tuple[int, float]]) -> None:
    number = 0
    async for line in _lines(port, path):
        if line.startswith(b"id: "):
            number = int(line.rpartition(b"-")[2])
        elif line.startswith(ROW_FRAME):
            frames.append((number, time.monotonic()))


async def _follow(port: int, numbers: dict[str, int]) -> None:
    async for line in _lines(port, "/api/v1/events"):
        if line.startswith(b"data: ") and b'"order.changed"' in line:
            event = json.loads(line[6:])
            numbers.setdefault(event["payload"]["id"], event["seq"])


async def _lines(port: int, path: str) -> AsyncIterator[bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    try:
        while line := await reader.readline():
            yield line
    finally:
        writer.close()


def _latencies(sent: OrderLog, log: StreamLog) -> Iterator[float]:
    """Yield seconds from each click to each dashboard."""
    clicks = sorted(
        (log.numbers[order], at) for order, at in sent.clicks.items() if order in log.numbers
    )
    for frames in log.frames:
        later = iter(frames)
        newest, received = next(later, (sys.maxsize, 0.0))
        for number, clicked in clicks:
            while newest < number:
                newest, received = next(later, (sys.maxsize, 0.0))
            if newest == sys.maxsize:
                break
            yield received - clicked


@contextmanager
def _serving(home: Path) -> Iterator[tuple[str, int]]:
    """Yield address and process id of a server that has run its first cycle."""
    environment = {**os.environ, **SETTINGS, "QUORUM_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "app", "serve", "--market", "demo", "--port", "0"]
    with subprocess.Popen(
        [*command, "--in-process"], stderr=subprocess.PIPE, text=True, env=environment
    ) as server:
        try:
            url, began = _address(server), time.perf_counter()
            _wait_until(began, lambda: json.loads(_get(f"{url}/api/v1/decisions"))["decisions"])
            yield url, server.pid
        finally:
            server.terminate()
            with suppress(subprocess.TimeoutExpired):
                server.wait(timeout=30)
            server.kill()


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _summary(seconds: list[float]) -> str:
    if len(seconds) < 2:
        return "none"
    cuts = statistics.quantiles([1000 * each for each in seconds], n=100)
    return f"p50 {cuts[49]:.1f}, p95 {cuts[94]:.1f}, p99 {cuts[98]:.1f}"
