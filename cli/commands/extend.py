"""`quorum new`: an agent or a provider of your own."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.terminal import JsonOption, print_json, stdout_console

if TYPE_CHECKING:  # it reads both registries
    from cli.extend.scaffold import ExtensionKind

new = typer.Typer(
    help="An agent or a provider of your own, ready to be checked.", no_args_is_help=True
)
Name = Annotated[str, typer.Argument(help="Lower-case letters, digits and _, such as my_signal.")]


@new.command("agent")
def new_agent(name: Name, as_json: JsonOption = False) -> None:
    """Write an agent called NAME, its registration and its test."""
    from cli.extend import scaffold

    _create(scaffold.AGENT, name, as_json)


@new.command("provider")
def new_provider(name: Name, as_json: JsonOption = False) -> None:
    """Write a provider called NAME, its registration and its test."""
    from cli.extend import scaffold

    _create(scaffold.PROVIDER, name, as_json)


def _create(kind: "ExtensionKind", name: str, as_json: bool) -> None:
    from cli.extend import scaffold

    created = scaffold.create(kind, name, Path.cwd())
    if as_json:
        print_json(
            {
                "name": created.name,
                "files": [str(path) for path in created.files],
                "next": list(created.next),
            }
        )
        return
    for path in created.files:
        stdout_console.print(str(path), markup=False, soft_wrap=True)
    stdout_console.print(
        "Next:", *(f"  {command}" for command in created.next), sep="\n", markup=False
    )
