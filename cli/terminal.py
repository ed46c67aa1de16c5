"""What all commands share: their consoles, options, and reading of settings.

Standard output is for results (one JSON object with `--json`), standard error for people.
"""

import json
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from rich.console import Console

from domain.canonical import format_instant
from domain.symbols import FLAGS, parse_symbols
from domain.timeframe import Timeframe
from settings import Settings, load_settings

# The terminal wraps lines, not Rich, so that a path of any length can be copied whole.
stderr_console = Console(stderr=True, highlight=False, soft_wrap=True)
stdout_console = Console(highlight=False)

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
InProcessOption = Annotated[bool, typer.Option("--in-process", help="Run the agents without Ray.")]
MarketOption = Annotated[
    str | None, typer.Option("--market", help="auto, yahoo, files or demo, over the configuration.")
]
TimeframeOption = Annotated[
    Timeframe | None, typer.Option("--timeframe", help="Length of a bar, over the configuration.")
]
PortOption = Annotated[int | None, typer.Option("--port", help="Port of the pages; 0: a free one.")]


def _symbols(words: list[str] | None) -> list[str]:
    """Return the symbols as other packages spell them, however they were listed."""
    return list(parse_symbols(words or ()))


LIST_HELP = "Repeat it, or separate by commas."
SymbolsArgument = Annotated[
    list[str], typer.Argument(help="Such as AAPL, BRK-B or BTC-USD.", callback=_symbols)
]
SymbolsOrWatchlistArgument = Annotated[
    list[str] | None, typer.Argument(help="Default: the watchlist.", callback=_symbols)
]
SymbolsOption = Annotated[
    list[str] | None,
    typer.Option(
        *FLAGS, metavar="SYMBOL", callback=_symbols, help=f"Instead of the watchlist. {LIST_HELP}"
    ),
]
OnlySymbolsOption = Annotated[
    list[str] | None,
    typer.Option(
        *FLAGS, metavar="SYMBOL", callback=_symbols, help=f"Only of these symbols. {LIST_HELP}"
    ),
]


def log(message: str) -> None:
    """Print a line for people."""
    stderr_console.print(escape_markup(message))


def escape_markup(message: str) -> str:
    """Return `message` with everything escaped that the console would take for markup."""
    return message.replace("[", r"\[")


def print_json(value: Any) -> None:
    """Print the one JSON object on standard output, even while that is redirected."""
    print(
        json.dumps(value, default=format_instant, allow_nan=False), file=sys.__stdout__, flush=True
    )


def print_result(as_json: bool, body: Callable[[], Any], show: Callable[[], None]) -> None:
    """Print a result once: as the JSON object that `body` makes, or for people by `show`."""
    if as_json:
        print_json(body())
    else:
        show()


def load_settings_with(
    market: str | None, timeframe: Timeframe | None, port: int | None = None
) -> Settings:
    """Load the settings with the command line's values on top."""
    overrides: dict[str, dict[str, Any]] = {"market": {}, "server": {}}
    if market is not None:
        overrides["market"]["provider"] = market
    if timeframe is not None:
        overrides["market"]["timeframe"] = timeframe
    if port is not None:
        overrides["server"]["port"] = port
    return load_settings({section: keys for section, keys in overrides.items() if keys})
