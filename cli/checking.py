"""`config check`: everything that is configured is tried once, and each finding has a remedy."""

from collections.abc import Callable
from functools import partial

from rich.console import Console

from agents.registry import AGENTS, build
from domain.errors import QuorumError
from settings import Settings
from web.serving import listen
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
        attempt(f"agent {name}", partial(_agent, settings, name))
    attempt("address of the pages", partial(_address, settings))
    attempt("ray", partial(_ray, settings))
    return failures[0] if failures else None


def _agent(settings: Settings, name: str) -> str:
    return build(name, agent_settings(settings)).version


def _address(settings: Settings) -> str:
    listener = listen(settings.server.host, settings.server.port)
    listener.close()
    return f"{settings.server.host}:{settings.server.port} is free"


def _market(settings: Settings, stores: Stores, console: Console) -> str:
    say = lambda message: console.print(message, markup=False)  # noqa: E731 one use, two words
    return choose_market(settings, stores.library, utc_now, say).name


def _ray(settings: Settings) -> str:
    if settings.ray.address is None:
        return "a local one is started when it is needed"
    from orchestrator.ray_session import RaySession

    RaySession.join(settings.ray.address).close()
    return f"{settings.ray.address} answers"
