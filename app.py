"""The command line: each command parses its words, calls one function and prints the result.

Standard output is for results (one JSON object with `--json`), standard error for people. Exit
codes are those of `domain/errors.py` and are documented in docs/use/cli.md.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import nullcontext, redirect_stdout
from typing import Annotated, Any

import typer
from rich.table import Table

from agents.registry import PROBLEMS as AGENTS_LEFT_OUT
from cli.account.account_commands import account, audit, cancel, order, orders, parity, reconcile
from cli.extend.new_commands import new
from cli.research.research_commands import backtest, check, fit
from cli.rl.rl_commands import rl
from cli.terminal import (
    InProcessOption,
    JsonOption,
    MarketOption,
    PortOption,
    SymbolsArgument,
    SymbolsOption,
    SymbolsOrWatchlistArgument,
    TimeframeOption,
    escape_markup,
    load_settings_with,
    log,
    print_json,
    stderr_console,
    stdout_console,
)
from domain.errors import QuorumError
from domain.timeframe import Timeframe
from market.registry import PROBLEMS as PROVIDERS_LEFT_OUT
from settings import config_file, home, load_settings, redacted

app = typer.Typer(
    help="Agents vote on markets, a committee decides, and every opinion keeps its record.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
watch_commands = typer.Typer(help="The symbols that the engine follows.", no_args_is_help=True)
config_commands = typer.Typer(
    help="What is configured, and whether it can work.", no_args_is_help=True
)
app.add_typer(watch_commands, name="watch")
app.add_typer(config_commands, name="config")
app.add_typer(backtest, name="backtest")
app.add_typer(account, name="account")
app.add_typer(rl, name="rl")
app.add_typer(new, name="new")
for command in (orders, order, cancel, reconcile, audit, parity):
    app.command()(command)
app.command()(fit)
app.command()(check)

EXIT_BUG = 1
EXIT_INTERRUPTED = 130


@app.command()
def serve(
    market: MarketOption = None,
    port: PortOption = None,
    timeframe: TimeframeOption = None,
    in_process: InProcessOption = False,
) -> None:
    """Run the engine and serve the pages, the API and the live stream."""
    from cli import server

    server.serve(load_settings_with(market, timeframe, port), in_process=in_process, log=log)


@app.command()
def decide(
    symbols: SymbolsArgument,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", help="A date (all of that day is known) or an instant, UTC."),
    ] = None,
    market: MarketOption = None,
    timeframe: TimeframeOption = None,
    in_process: InProcessOption = False,
    as_json: JsonOption = False,
) -> None:
    """Let the committee vote and decide on SYMBOLS, now or as of then."""
    from cli import decisions

    outcome = decisions.decide(
        load_settings_with(market, timeframe),
        symbols,
        as_of=as_of,
        in_process=in_process,
        log=log,
    )
    if as_json:
        print_json(decisions.as_json(outcome))
    else:
        decisions.show(outcome, stdout_console)


@app.command()
def replay(
    start: Annotated[str, typer.Option("--from", help="First date, such as 2020-02-03.")],
    end: Annotated[str, typer.Option("--to", help="Last date.")],
    speed: Annotated[str, typer.Option(help="Days a second, or `max`.")] = "1",
    symbols: SymbolsOption = None,
    market: MarketOption = None,
    timeframe: TimeframeOption = None,
    port: PortOption = None,
    page: Annotated[bool, typer.Option(help="Serve the pages while it plays.")] = True,
    stay: Annotated[bool, typer.Option(help="Keep serving when it has played.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the newest run of these dates and symbols.")
    ] = False,
    in_process: InProcessOption = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a cycle; serves no pages.")
    ] = False,
) -> None:
    """Play stored history as if it were live, to watch it in the browser."""
    from cli import replays

    replays.replay(
        load_settings_with(market, timeframe, port),
        start=start,
        end=end,
        speed=speed,
        symbols=symbols or [],
        page=page and not as_json,
        stay=stay and not as_json,
        resume=resume,
        in_process=in_process,
        log=log,
        on_cycle=(lambda cycle: print_json(cycle)) if as_json else None,
    )


@app.command()
def download(
    symbols: SymbolsOrWatchlistArgument = None,
    since: Annotated[str | None, typer.Option(help="First date of the bars.")] = None,
    market: MarketOption = None,
    timeframe: TimeframeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch and store bars, news, filings and earnings."""
    from cli import market_data

    outcomes = market_data.download(
        load_settings_with(market, timeframe), symbols or [], since, log=log
    )
    if as_json:
        print_json({"outcomes": market_data.outcomes_as_json(outcomes)})
    else:
        market_data.show_outcomes(outcomes, stdout_console)
    market_data.refuse_if_nothing_fetched(outcomes)


@app.command("import")
def import_(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...",
            help="CSV or Parquet files, plain or packed, and folders, whose files are found at any "
            "depth.",
        ),
    ],
    timeframe: Annotated[
        Timeframe | None, typer.Option(help="Length of a bar, where it cannot be told.")
    ] = None,
    symbol: Annotated[
        str | None, typer.Option(help="Whose bars, where neither column nor file name says it.")
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(help="Zone of times without one, such as America/New_York. Default: UTC."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show how each file is understood; store nothing.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Let rows that differ rewrite what is stored.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Store bars, news, fundamentals or earnings from files, each whole or not at all."""
    from cli import market_data
    from market.imports.normalise import ReadingOptions

    options = ReadingOptions(timeframe, symbol, market_data.parse_zone(timezone))
    imported = market_data.import_files(
        load_settings(), paths, options, replace=replace, dry_run=dry_run
    )
    if as_json:
        print_json(market_data.imported_json(imported))
    else:
        market_data.show_imported(imported, stdout_console)
    market_data.refuse_if_refused(imported)


@app.command()
def repair(
    symbol: Annotated[str, typer.Argument(help="Such as AAPL or BTC-USD.")],
    apply: Annotated[bool, typer.Option("--apply", help="Store what is proposed.")] = False,
    accept: Annotated[
        list[str] | None,
        typer.Option(metavar="DATE", help="The bars of this day are right. Repeat it for more."),
    ] = None,
    leave_out: Annotated[
        list[str] | None,
        typer.Option(metavar="DATE", help="The bars of this day are wrong. Repeat it for more."),
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Undo all corrections in force.")] = False,
    market: MarketOption = None,
    timeframe: TimeframeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Propose how to correct bars that are left out: pence, splits, slips; what is stored stays."""
    from cli import repairs

    found = repairs.repair(
        load_settings_with(market, timeframe),
        symbol,
        accept=accept or (),
        leave_out=leave_out or (),
        apply=apply,
        undo=undo,
        log=log,
    )
    if as_json:
        print_json(repairs.as_json(found))
    else:
        repairs.show(found, stdout_console)


@app.command()
def agents(as_json: JsonOption = False) -> None:
    """The agents, their versions and how much history they need."""
    from agents.registry import profile
    from wiring.agents import agent_settings, build_agents
    from wiring.stores import open_stores

    settings = load_settings()
    with open_stores(settings) as stores:
        instances = build_agents(agent_settings(settings, stores), log)
    rows = [
        {
            "agent": agent.name,
            "version": agent.version,
            "warmup_bars": agent.warmup,
            "label": profile(agent.name).label,
            "description": profile(agent.name).description,
        }
        for agent in instances
    ]
    if as_json:
        print_json({"agents": rows})
        return
    table = Table("agent", "version", "first vote after (bars)")
    for agent in instances:
        table.add_row(agent.name, agent.version, str(agent.warmup))
    stdout_console.print(table)


@app.command()
def receipt(
    identity: Annotated[str, typer.Argument(metavar="ID", help="As `decide` printed it.")],
    verify: Annotated[
        bool, typer.Option("--verify", help="Recompute it from its stored inputs and compare.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """A stored decision; with --verify, computed again."""
    from cli import decisions

    result = decisions.receipt(load_settings(), identity, verify=verify)
    if as_json:
        print_json(decisions.receipt_json(result))
    else:
        decisions.show_receipt(result, stdout_console)
    decisions.refuse_if_different(result)


@watch_commands.command("add")
def watch_add(symbols: SymbolsArgument) -> None:
    """Follow SYMBOLS."""
    from domain.symbols import calendar_note

    _edit_watchlist(symbols, lambda watchlist, symbol: watchlist.add(symbol))
    for symbol in symbols:
        if note := calendar_note(symbol):
            stdout_console.print(f"{symbol}: {note}.", markup=False)


@watch_commands.command("remove")
def watch_remove(symbols: SymbolsArgument) -> None:
    """Follow SYMBOLS no longer; what was recorded stays."""
    _edit_watchlist(symbols, lambda watchlist, symbol: watchlist.remove(symbol))


@watch_commands.command("list")
def watch_list(as_json: JsonOption = False) -> None:
    """The symbols that are followed."""
    from wiring.stores import open_stores

    with open_stores(load_settings()) as stores:
        followed = list(stores.watchlist.symbols())
    if as_json:
        print_json({"symbols": followed})
    else:
        stdout_console.print("\n".join(followed))


@config_commands.command("show")
def config_show(as_json: JsonOption = False) -> None:
    """The effective configuration as a `quorum.toml`, each key with its sentence; no passwords."""
    from cli import configuration

    settings = load_settings()
    if as_json:
        found = str(config_file() or "") or None
        print_json({"home": str(settings.home), "file": found, **redacted(settings)})
    else:
        sys.stdout.write(configuration.as_toml(settings))


@config_commands.command("check")
def config_check() -> None:
    """Try everything that is configured: database, market, agents, policy, port, Ray address."""
    from cli import configuration

    failed = configuration.check_configuration(load_settings(), stdout_console)
    if failed:
        raise failed


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


def _edit_watchlist(symbols: list[str], edit: Callable[[Any, str], object]) -> None:
    from wiring.stores import open_stores

    with open_stores(load_settings()) as stores:
        for symbol in symbols:
            edit(stores.watchlist, symbol)
        stdout_console.print(" ".join(stores.watchlist.symbols()))


if __name__ == "__main__":
    main()
