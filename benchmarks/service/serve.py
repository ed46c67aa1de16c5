"""How long `quorum serve` takes from a cold start in a new home to the first decision shown, and
how much memory each of its processes then holds. Demo market, local Ray, a free port."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

TIMEOUT_SECONDS = 180.0
SETTLING_SECONDS = 20.0


def run() -> dict[str, Any]:
    """Return seconds to the first page, to the first decision, and resident memory in MB."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "QUORUM_HOME": home, "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-m", "app", "serve", "--market", "demo", "--port", "0"]
        started = time.perf_counter()
        with subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
        ) as server:
            try:
                return _measure(server, started)
            finally:
                server.terminate()
                server.wait(timeout=60)


def _measure(server: "subprocess.Popen[str]", started: float) -> dict[str, Any]:
    url = _address(server)
    page = _wait_until(started, lambda: bool(_get(f"{url}/")))
    first = _wait_until(
        started, lambda: bool(json.loads(_get(f"{url}/api/v1/decisions"))["decisions"])
    )
    time.sleep(SETTLING_SECONDS)
    memory = dict(sorted(_memory(server.pid).items()))
    return {
        "first_page_s": round(page, 2),
        "first_decision_s": round(first, 2),
        "resident_mb": memory,
        "resident_total_mb": sum(memory.values()),
    }


def _address(server: "subprocess.Popen[str]") -> str:
    if server.stderr is None:
        raise RuntimeError("the server was started without a pipe")
    output = ""
    for line in server.stderr:
        output += line
        if found := re.search(r"http://[\d.]+:\d+", output):
            return found[0]
    raise RuntimeError(f"the server ended before it had an address: {output}")


def _get(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310 our own server
            body: bytes = response.read()
            return body
    except urllib.error.URLError:
        return b'{"decisions": []}' if "/api/" in url else b""


def _wait_until(started: float, condition: Any) -> float:
    while not condition():
        if time.perf_counter() - started > TIMEOUT_SECONDS:
            raise RuntimeError(f"nothing after {TIMEOUT_SECONDS:g} s")
        time.sleep(0.05)
    return time.perf_counter() - started


def _memory(root: int) -> dict[str, int]:
    """Return resident MB of a process and its descendants by name, from /proc."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            stat = _read(entry / "stat").rpartition(")")[2].split()
            if stat:
                parents[int(entry.name)] = int(stat[1])
    family = {root}
    while grown := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= grown
    sizes: dict[str, int] = {}
    for pid in family:
        found = re.search(r"VmRSS:\s+(\d+)", _read(Path(f"/proc/{pid}/status")))
        if found:
            name = _name(pid, root)
            sizes[name] = sizes.get(name, 0) + int(found[1]) // 1024
    return sizes


def _name(pid: int, root: int) -> str:
    command = _read(Path(f"/proc/{pid}/cmdline")).replace("\0", " ").strip()
    if pid == root:
        return "server and engine"
    if command.startswith("ray::_AgentActor") or "ray::quorum" in command:
        return "agents, five actors"
    return "Ray's own processes"


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
