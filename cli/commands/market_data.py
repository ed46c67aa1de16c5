"""`download`, `import`, `repair`, and `watch` with its verbs."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from cli.terminal import (
    JsonOption,
    MarketOption,
    SymbolsArgument,
    SymbolsOrWatchlistArgument,
    TimeframeOption,
    load_settings_with,
    log,
    print_result,
    stdout_console,
)
from domain.timeframe import Timeframe
from settings import load_settings

watch = typer.Typer(help="The symbols that the engine follows.", no_args_is_help=True)


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
    print_result(
        as_json,
        lambda: {"outcomes": market_data.outcomes_as_json(outcomes)},
        lambda: market_data.show_outcomes(outcomes, stdout_console),
    )
    market_data.refuse_if_nothing_fetched(outcomes)


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
    print_result(
        as_json,
        lambda: market_data.imported_json(imported),
        lambda: market_data.show_imported(imported, stdout_console),
    )
    market_data.refuse_if_refused(imported)


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
    print_result(
        as_json, lambda: repairs.as_json(found), lambda: repairs.show(found, stdout_console)
    )


@watch.command("add")
def watch_add(symbols: SymbolsArgument) -> None:
    """Follow SYMBOLS."""
    from domain.symbols import calendar_note

    _edit_watchlist(symbols, lambda watchlist, symbol: watchlist.add(symbol))
    for symbol in symbols:
        if note := calendar_note(symbol):
            stdout_console.print(f"{symbol}: {note}.", markup=False)


@watch.command("remove")
def watch_remove(symbols: SymbolsArgument) -> None:
    """Follow SYMBOLS no longer; what was recorded stays."""
    _edit_watchlist(symbols, lambda watchlist, symbol: watchlist.remove(symbol))


@watch.command("list")
def watch_list(as_json: JsonOption = False) -> None:
    """The symbols that are followed."""
    from wiring.stores import open_stores

    with open_stores(load_settings()) as stores:
        followed = list(stores.watchlist.symbols())
    print_result(
        as_json, lambda: {"symbols": followed}, lambda: stdout_console.print("\n".join(followed))
    )


def _edit_watchlist(symbols: list[str], edit: Callable[[Any, str], object]) -> None:
    from wiring.stores import open_stores

    with open_stores(load_settings()) as stores:
        for symbol in symbols:
            edit(stores.watchlist, symbol)
        stdout_console.print(" ".join(stores.watchlist.symbols()))
