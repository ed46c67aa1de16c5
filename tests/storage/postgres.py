"""A private PostgreSQL server for the tests: loopback, a free port, a temporary folder."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HOW_TO_INSTALL = (
    "PostgreSQL's initdb and pg_ctl are not in PATH nor in /usr/lib/postgresql/*/bin:"
    " install them with `apt-get install postgresql` or `brew install postgresql`"
)


def binaries() -> Path | None:
    """Folder of initdb and pg_ctl, None if there is no server on this machine."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return packaged[-1].parent if packaged else None


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """URL of its database `postgres`, of which a superuser needs no password."""
    home = Path(tempfile.mkdtemp(prefix="quorum-postgres-"))
    data, port = home / "data", _free_port()
    if os.geteuid() == 0:
        shutil.chown(home, "nobody")
    _run(folder / "initdb", "-D", data, "-U", "quorum", "-A", "trust", "-E", "UTF8", "--no-sync")
    options = f"-h 127.0.0.1 -p {port} -k {home} -F -c shared_buffers=32MB"
    _run(folder / "pg_ctl", "-D", data, "-o", options, "-l", home / "log", "-w", "start")
    try:
        yield f"postgresql://quorum@127.0.0.1:{port}/postgres"
    finally:
        _run(folder / "pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(home)


def _run(*command: object) -> None:
    """As nobody where we are root, whom PostgreSQL refuses."""
    lowered = ["runuser", "-u", "nobody", "--"] if os.geteuid() == 0 else []
    subprocess.run(
        [*lowered, *map(str, command)], check=True, cwd="/", stdout=subprocess.DEVNULL, timeout=60
    )


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
