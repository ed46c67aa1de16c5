"""A private PostgreSQL that can be killed: loopback, a free port, a temporary folder.

Promises that only processes it started are ever killed: the postmaster by the id in its own folder,
and that one's children. Durability is PostgreSQL's default (fsync on).
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from tests.storage.postgres import HOW_TO_INSTALL, binaries

TIMEOUT_SECONDS = 60.0


class PostgresServer:
    """A PostgreSQL server. Call `start` and `kill` as often as needed, and `remove` at the end."""

    def __init__(self) -> None:
        found = binaries()
        if found is None:
            raise RuntimeError(HOW_TO_INSTALL)
        self._programs = found
        self._home = Path(tempfile.mkdtemp(prefix="quorum-postgres-"))
        self._data = self._home / "data"
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self._port = int(listener.getsockname()[1])
        if os.geteuid() == 0:
            shutil.chown(self._home, "nobody")
        self._run("initdb", "-D", self._data, "-U", "quorum", "-A", "trust", "-E", "UTF8")

    def url(self, name: str) -> str:
        return f"postgresql://quorum@127.0.0.1:{self._port}/{name}"

    def start(self) -> None:
        """Start the server and wait until it answers; after a kill it recovers first."""
        options = f"-h 127.0.0.1 -p {self._port} -k {self._home} -c shared_buffers=64MB"
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while True:  # children of a killed one may hold its shared memory for a moment
            with suppress(subprocess.SubprocessError):
                self._run("pg_ctl", "-D", self._data, "-o", options, "-l", self._home / "log", "-w",
                          "start")  # fmt: skip
                return
            if time.monotonic() > deadline:
                raise RuntimeError((self._home / "log").read_text()[-2000:])
            time.sleep(0.1)

    def kill(self) -> None:
        """Send SIGKILL to the postmaster and at once to its children."""
        postmaster = int((self._data / "postmaster.pid").read_text().split()[0])
        children = descendants(postmaster)
        for pid in (postmaster, *children):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while any(_is_running(pid) for pid in (postmaster, *children)):
            if time.monotonic() > deadline:
                raise RuntimeError("a killed PostgreSQL did not end")
            time.sleep(0.01)

    def create(self, name: str, template: str = "template1") -> str:
        """Create a database that holds what `template` does, and return its URL."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def remove(self) -> None:
        with suppress(FileNotFoundError):
            self.kill()
        shutil.rmtree(self._home, ignore_errors=True)

    def _run(self, program: str, *words: object) -> None:
        """Run a program of PostgreSQL, as the user nobody if we are root, because PostgreSQL
        refuses root."""
        as_nobody = ("runuser", "-u", "nobody", "--") if os.geteuid() == 0 else ()
        subprocess.run(
            [*as_nobody, str(self._programs / program), *map(str, words)], check=True, cwd="/",
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=TIMEOUT_SECONDS,
        )  # fmt: skip


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Yield a running server, and leave neither a process nor a file."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


def descendants(pid: int) -> set[int]:
    """Return the ids of the processes that descend from `pid`, from /proc."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                parents[int(entry.name)] = int(fields[1])
    family = {pid}
    while grown := {child for child, parent in parents.items() if parent in family} - family:
        family |= grown
    return family - {pid}


def command_line(pid: int) -> str:
    """Return a process's command line; empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
    except OSError:
        return ""


def _is_running(pid: int) -> bool:
    """Return whether a process still runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
