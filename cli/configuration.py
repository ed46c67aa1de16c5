"""`config show` and `config check`: every setting with its description, and whether it works."""

import json
import textwrap
from collections.abc import Callable
from functools import partial
from typing import Any

from pydantic import BaseModel
from rich.console import Console

from agents.registry import build
from domain.errors import QuorumError
from settings import Settings, config_file, redact
from wiring.agents import agent_settings
from wiring.market import choose_market
from wiring.stores import Stores, open_stores, utc_now


def as_toml(settings: Settings) -> str:
    """Return the configuration in force as a `quorum.toml`; an unset key is a comment."""
    lines = [f"# home: {settings.home}", f"# file: {config_file() or 'none'}"]
    for name, values in redact(settings).items():
        lines += ["", *_section(name, getattr(settings, name), values)]
    return "\n".join(lines) + "\n"


def _section(path: str, section: BaseModel, values: dict[str, Any]) -> list[str]:
    lines, nested = [f"[{path}]"], []
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            nested += ["", *_section(f"{path}.{name}", value, values[name])]
            continue
        sentence = " ".join((field.description or "").split())
        lines += [f"# {line}" for line in textwrap.wrap(sentence, 90)]
        if value is None and field.default is not None:
            lines.append(f'{name} = "off"')
        elif value is None:
            lines.append(f"# {name} is unset")
        else:
            lines.append(f"{name} = {_toml(values[name])}")
    return lines + nested


def _toml(value: Any) -> str:
    """Write a value as TOML. Numbers, text, booleans and lists are the same as in JSON; tables are
    not."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def check_configuration(settings: Settings, console: Console) -> QuorumError | None:
    """Run every check and print a line for each. Return the first failure, None if all passed."""
    failures: list[QuorumError] = []

    def run_check(label: str, check: Callable[[], str]) -> None:
        try:
            result = check()
        except QuorumError as error:
            failures.append(error)
            console.print(f"[red]✗[/] {label}: ", end="")
            console.print(str(error), markup=False)
        else:
            console.print(f"[green]✓[/] {label}: ", end="")
            console.print(result, markup=False)

    def with_stores(check: Callable[[Stores], str]) -> Callable[[], str]:
        def check_with_stores() -> str:
            with open_stores(settings) as stores:
                return check(stores)

        return check_with_stores

    run_check("database", with_stores(lambda stores: str(stores.database)))
    run_check("market", with_stores(lambda stores: _market(settings, stores, console)))
    for name in settings.agents.names:
        run_check(f"agent {name}", with_stores(partial(_agent, settings, name)))
    run_check("address of the pages", partial(_address, settings))
    run_check("ray", partial(_ray, settings))
    return failures[0] if failures else None


def _agent(settings: Settings, name: str, stores: Stores) -> str:
    return build(name, agent_settings(settings, stores)).version


def _address(settings: Settings) -> str:
    from wiring.server import take_address

    with take_address(settings):
        pass
    return f"{settings.server.host}:{settings.server.port} is free"


def _market(settings: Settings, stores: Stores, console: Console) -> str:
    log = lambda message: console.print(message, markup=False)  # noqa: E731 one use, one line
    return choose_market(settings, stores.market_data, utc_now, log).name


def _ray(settings: Settings) -> str:
    if settings.ray.address is None:
        return "a local one is started when it is needed"
    from orchestrator.team.ray_session import RaySession

    RaySession.join(settings.ray.address).close()
    return f"{settings.ray.address} answers"
