"""`config` with its verbs."""

import sys

import typer

from cli.terminal import (
    JsonOption,
    print_json,
    stdout_console,
)
from settings import config_file, load_settings, redact

config = typer.Typer(help="What is configured, and whether it can work.", no_args_is_help=True)


@config.command("show")
def config_show(as_json: JsonOption = False) -> None:
    """The effective configuration as a `quorum.toml`, each key with its sentence; no passwords."""
    from cli import configuration

    settings = load_settings()
    if as_json:
        found = str(config_file() or "") or None
        print_json({"home": str(settings.home), "file": found, **redact(settings)})
    else:
        sys.stdout.write(configuration.as_toml(settings))


@config.command("check")
def config_check() -> None:
    """Try everything that is configured: database, market, agents, policy, port, Ray address."""
    from cli import configuration

    failed = configuration.check_configuration(load_settings(), stdout_console)
    if failed:
        raise failed
