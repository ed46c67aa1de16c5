"""`config check`: everything that is configured is tried once, and each finding has a remedy."""

import socket
from collections.abc import Callable

from rich.console import Console

from agents.registry import AGENTS, build
from domain.errors import ConfigurationError, QuorumError
from settings import Settings
from wiring import Stores, agent_settings, choose_market, open_stores, utc_now


def check(settings: Settings, console: Console) -> QuorumError | None:
    """Prints a line a check. Returns the first failure, None where all passed."""
    failures: list[QuorumError] = []

    def attempt(what: str, trial: Callable[[], str]) -> None:
        try:
            found = trial()
        except QuorumError as error:
            failures.append(error)
            console.print(f"[red]✗[/] {what}: ", end="")
            console.print(str(error), markup=False)
        else:
            console.print(f"[green]✓[/] {what}: ", end="")
            console.print(found, markup=False)

    def stores(trial: Callable[[Stores], str]) -> Callable[[], str]:
        def run() -> str:
            with open_stores(settings) as opened:
                return trial(opened)

        return run

    attempt("database", stores(lambda opened: str(opened.database)))
    attempt("market", stores(lambda opened: _market(settings, opened, console)))
    for name in AGENTS:
        attempt(f"agent {name}", lambda name=name: build(name, agent_settings(settings)).version)
    attempt("address of the pages", lambda: free_address(settings))
    attempt("ray", lambda: _ray(settings))
    return failures[0] if failures else None


def free_address(settings: Settings) -> str:
    """`host:port`, if a server can listen there; ConfigurationError where it cannot."""
    host, port = settings.server.host, settings.server.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigurationError(
                f"Port {port} on {host} cannot be used: {error.strerror}. End the program that "
                "holds it, or choose another with --port (0 takes a free one)."
            ) from None
        return f"{host}:{probe.getsockname()[1]}"


def _market(settings: Settings, stores: Stores, console: Console) -> str:
    say = lambda message: console.print(message, markup=False)  # noqa: E731 one use, two words
    return choose_market(settings, stores.library, utc_now, say).name


def _ray(settings: Settings) -> str:
    if settings.ray.address is None:
        return "a local one is started when it is needed"
    from orchestrator.ray_team import RaySession

    RaySession.join(settings.ray.address).close()
    return f"{settings.ray.address} answers"
