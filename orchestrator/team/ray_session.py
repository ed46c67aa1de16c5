"""Start Ray, or join a cluster: the only file that imports Ray.

A local Ray requires a token and its dashboard stays on the loopback interface. Ray's other ports
listen on all interfaces, protected by the token alone. Ray is kept from standard output. Leaves out
what Ray is used for (`team/ray_team.py`, `ray_training.py`).
"""

import contextlib
import hashlib
import itertools
import logging
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from domain.errors import ConfigurationError
from orchestrator.team.base import describe_error

ROOT = Path(__file__).resolve().parents[2]
MAX_FOLDER_LENGTH = 38
"""Ray puts sockets about 65 characters below its folder, and their paths have at most 103."""
CONNECT_TIMEOUT_SECONDS = 5.0
HEALTH_CHECK_SECONDS = 30.0

log = logging.getLogger(__name__)


class RaySession:
    """This process's one connection to Ray: a local Ray or an existing cluster."""

    def __init__(self, ray: ModuleType, context: Any, environment: dict[str, str] | None) -> None:
        self.ray = ray
        self.environment = environment
        self.token = os.environ.get("RAY_AUTH_TOKEN")
        url = context.dashboard_url
        self.dashboard_url = f"http://{url}" if url else None
        self._folder = None if environment else Path(context.address_info["session_dir"])

    @classmethod
    def local(
        cls, home: Path, *, object_store_mb: int = 256, dashboard: bool = True
    ) -> "RaySession":
        """Start a Ray that belongs to this process and leaves its logs in `home`.

        If the path of `home` is too long for Ray's sockets, they are in the temporary folder.
        Raises ConfigurationError if Ray does not start.
        """
        os.environ.update(_worker_environment())
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_enable_worker_prestart"] = "0"  # noqa: SIM112 Ray spells it so
        ray = _import_ray()
        try:
            context = ray.init(
                address="local",
                num_cpus=os.cpu_count(),
                object_store_memory=object_store_mb << 20,
                include_dashboard=dashboard,
                dashboard_host="127.0.0.1",
                log_to_driver=False,
                logging_level=logging.WARNING,
                _temp_dir=str(_log_folder(home)),
            )
        except Exception as error:
            if not ray.is_initialized():
                ray.shutdown()  # whatever part has started
            raise ConfigurationError(
                f"Ray could not start ({describe_error(error)}). Free memory and disk space, or "
                "start with --in-process, which needs no Ray."
            ) from error
        return cls(ray, context, None)

    @classmethod
    def join(cls, address: str, token: str | None = None) -> "RaySession":
        """Join the cluster at `address` (host:port), which must have the same Quorum installed.

        Raises ConfigurationError, in bounded time, if no Ray answers there.
        """
        if token:
            os.environ.update(RAY_AUTH_TOKEN=token, RAY_AUTH_MODE="token")
        _check_reachable(address)
        ray = _import_ray()
        try:
            context = ray.init(address=address, log_to_driver=False, logging_level=logging.WARNING)
        except Exception as error:
            raise ConfigurationError(
                f"Ray at {address} (ray.address) let nobody in: {describe_error(error)}. This "
                f"machine must be a node of the cluster: `ray start --address={address}`."
            ) from error
        return cls(ray, context, _worker_environment())

    def start_actor(
        self, actor_class: Callable[..., Any], *args: Any, name: str, **options: Any
    ) -> Any:
        """Start an actor of `actor_class` with `args`, under the first free name: another server
        may have taken `name`, or an actor of that name may be about to end."""
        if self.environment:
            options["runtime_env"] = {"env_vars": self.environment}
        for number in itertools.count(1):
            numbered = name if number == 1 else f"{name}-{number}"
            with contextlib.suppress(self.ray.exceptions.ActorAlreadyExistsError):
                return self.ray.remote(actor_class).options(name=numbered, **options).remote(*args)
        raise AssertionError("itertools.count never ends")

    def close(self) -> None:
        """Disconnect, and stop a local Ray; its logs are removed, since nothing went wrong."""
        self.ray.shutdown()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)


def home_hash(home: Path) -> str:
    """Return a name that tells a home from all others on a machine."""
    return hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:8]


def _log_folder(home: Path) -> Path:
    inside = home.resolve() / "ray"
    if len(str(inside)) <= MAX_FOLDER_LENGTH:
        return inside
    return Path(tempfile.gettempdir()) / f"quorum-{home_hash(home)}"


def _worker_environment() -> dict[str, str]:
    """Return the environment of workers: one thread each, because the agents share the cores, and
    where to find the packages."""
    paths = [str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(path for path in paths if path)),
        **dict.fromkeys(threads, "1"),
    }


def _import_ray() -> ModuleType:
    """Import Ray. It reads its environment at import, so only this function imports it."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    import ray

    _silence(ray)
    return ray


def _silence(ray: ModuleType) -> None:
    """Keep off the terminal what Ray prints there whatever its settings: that it leaves signals to
    us, and (on standard output) that an actor's process died, which the team reports itself."""

    def log_lines(data: dict[str, Any], ignore_prefix: bool) -> None:  # noqa: ARG001
        log.info("(%s) %s", data["pid"], " ".join(data["lines"]))

    ray._private.worker.print_to_stdstream = log_lines
    logging.getLogger("ray._private.worker").addFilter(_is_not_about_signals)


def _is_not_about_signals(record: logging.LogRecord) -> bool:
    return "SIGTERM handler is not set" not in record.getMessage()


def _check_reachable(address: str) -> None:
    """Check that Ray answers at `address`: Ray's own attempt to connect would wait far longer."""
    host, _, port = address.rpartition(":")
    remedy = "Start it with `ray start --head` or leave ray.address unset to use a local one."
    if not host or not port.isdecimal() or "/" in host:
        raise ConfigurationError(f"ray.address {address!r} is not of the form host:port. {remedy}")
    try:
        socket.create_connection((host, int(port)), CONNECT_TIMEOUT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ConfigurationError(
            f"Nothing answers at {address} (ray.address): {error}. {remedy}"
        ) from error
    check = [sys.executable, "-m", "ray.scripts.scripts", "health-check", "--address", address]
    try:
        subprocess.run(check, check=True, capture_output=True, timeout=HEALTH_CHECK_SECONDS)  # noqa: S603
    except (subprocess.SubprocessError, OSError) as error:
        raise ConfigurationError(
            f"What answers at {address} (ray.address) is not a Ray of this version with this token "
            f"(RAY_AUTH_TOKEN). {remedy}"
        ) from error
