"""`serve`, `decide`, `replay`, `receipt` and `agents`."""

from typing import Annotated

import typer
from rich.table import Table

from cli.terminal import (
    InProcessOption,
    JsonOption,
    MarketOption,
    PortOption,
    SymbolsArgument,
    SymbolsOption,
    TimeframeOption,
    load_settings_with,
    log,
    print_json,
    print_result,
    stdout_console,
)
from settings import load_settings


def serve(
    market: MarketOption = None,
    port: PortOption = None,
    timeframe: TimeframeOption = None,
    in_process: InProcessOption = False,
) -> None:
    """Run the engine and serve the pages, the API and the live stream."""
    from cli import server

    server.serve(load_settings_with(market, timeframe, port), in_process=in_process, log=log)


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
    print_result(
        as_json, lambda: decisions.as_json(outcome), lambda: decisions.show(outcome, stdout_console)
    )


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
    print_result(
        as_json,
        lambda: decisions.receipt_json(result),
        lambda: decisions.show_receipt(result, stdout_console),
    )
    decisions.refuse_if_different(result)


def agents(as_json: JsonOption = False) -> None:
    """The agents, their versions and how much history they need."""
    from agents.registry import describe_agent
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
            "label": describe_agent(agent.name).label,
            "description": describe_agent(agent.name).description,
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
