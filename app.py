"""The command line: which verbs there are, and how every outcome becomes an exit code.

The verbs are in `cli/commands/`: each parses its words, calls one function and prints the result.

Standard output is for results (one JSON object with `--json`), standard error for people. Exit
codes are those of `domain/errors.py` and are documented in docs/use/cli.md.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import nullcontext, redirect_stdout

import typer

from agents.registry import PROBLEMS as AGENTS_LEFT_OUT
from cli.commands import account, configuration, extend, market_data, research, rl, run
from cli.terminal import (
    escape_markup,
    log,
    stderr_console,
)
from domain.errors import QuorumError
from market.registry import PROBLEMS as PROVIDERS_LEFT_OUT
from settings import home

app = typer.Typer(
    help="Agents vote on markets, a committee decides, and every opinion keeps its record.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
VERBS: tuple[tuple[Callable[..., None], str | None], ...] = (
    (account.orders, None),
    (account.order, None),
    (account.cancel, None),
    (account.reconcile, None),
    (account.audit, None),
    (account.parity, None),
    (research.fit, None),
    (research.check, None),
    (run.serve, None),
    (run.decide, None),
    (run.replay, None),
    (market_data.download, None),
    (market_data.import_, "import"),
    (market_data.repair, None),
    (run.agents, None),
    (run.receipt, None),
)
"""Verbs in the order of the help, each with its name where that is not the function's."""

for verb, name in VERBS:
    app.command(name)(verb)
for group_name, group in (
    ("watch", market_data.watch),
    ("config", configuration.config),
    ("backtest", research.backtest),
    ("account", account.account),
    ("rl", rl.rl),
    ("new", extend.new),
):
    app.add_typer(group, name=group_name)

EXIT_BUG = 1
EXIT_INTERRUPTED = 130


def main() -> None:
    """Run a command and turn every outcome into a documented exit code."""
    from cli import log_setup

    log_setup.configure_logging(home())
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as orderly an end as Ctrl-C's
    sys.exit(run_command(sys.argv[1:]))


def run_command(arguments: list[str]) -> int:
    """Run the command line `arguments` and return the exit code; never raises.

    With --json nothing but our own object may reach standard output, whatever libraries print.
    """
    try:
        for problem in (*AGENTS_LEFT_OUT, *PROVIDERS_LEFT_OUT):
            log(problem)
        with redirect_stdout(sys.stderr) if "--json" in arguments else nullcontext():
            exit_code = int(app(arguments, standalone_mode=False) or 0)
        if exit_code == EXIT_INTERRUPTED:  # typer catches the signal itself and returns this
            stderr_console.print("Interrupted.")
        return exit_code
    except QuorumError as error:
        from domain.stored_names import error_kind

        _print_error(arguments, error_kind(error), str(error), error.exit_code)
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if code := getattr(error, "exit_code", None):
            message = getattr(error, "format_message", error.__str__)()
            if message:  # without a command the help has been printed and says it all
                _print_error(arguments, "UsageError", message, code)
            return int(code)
        return _report_bug(arguments, error)


def _report_bug(arguments: list[str], error: Exception) -> int:
    """Report a bug in one line; write its traceback to the home's log."""
    import traceback

    log_path = home() / "logs" / "crash.log"
    try:
        log_path.parent.mkdir(parents=True, exist_ok=True)
        with log_path.open("a") as file:
            traceback.print_exception(error, file=file)
        location = f"Its traceback is in {log_path}."
    except OSError as refused:
        location = f"Its traceback could not be written: {refused}."
    message = f"{type(error).__name__}: {error}. This is a bug. {location}"
    _print_error(arguments, "Bug", message, EXIT_BUG)
    return EXIT_BUG


def _print_error(arguments: list[str], kind: str, message: str, code: int) -> None:
    if "--json" in arguments:
        error = {"error": {"kind": kind, "message": message, "exit_code": code}}
        sys.stderr.write(json.dumps(error) + "\n")
    else:
        stderr_console.print(
            f"[bold red]{'Bug' if code == EXIT_BUG else 'Refused'}[/] {escape_markup(message)}"
        )


if __name__ == "__main__":
    main()
