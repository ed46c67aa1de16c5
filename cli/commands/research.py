"""The commands of research: `backtest` and its stored results, `fit`, `check`.

Only words are parsed here; each command calls one function and prints what it returned.
"""

from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.terminal import (
    JsonOption,
    MarketOption,
    SymbolsOption,
    TimeframeOption,
    load_settings_with,
    log,
    print_json,
    print_result,
    stderr_console,
    stdout_console,
)
from domain.errors import InputError
from domain.timeframe import Timeframe
from settings import load_settings
from storage.paths import parse_path

backtest = typer.Typer(
    help="The whole committee, or some of it, over history; and the results that are kept.",
    invoke_without_command=True,
)

ResultId = Annotated[str, typer.Argument(metavar="ID", help="As `backtest list` names it.")]
FromOption = Annotated[str | None, typer.Option("--from", help="First date, such as 2015-01-02.")]
ToOption = Annotated[str | None, typer.Option("--to", help="Last date; nothing later is used.")]


@backtest.callback()
def run(
    context: typer.Context,
    symbols: SymbolsOption = None,
    start: FromOption = None,
    end: ToOption = None,
    agents: Annotated[
        list[str] | None, typer.Option("--agent", help="Who votes; repeatable. Default: all.")
    ] = None,
    capital: Annotated[float | None, typer.Option(help="Cash at the beginning.")] = None,
    half_spread: Annotated[
        float | None, typer.Option(help="Basis points lost on each fill to the spread.")
    ] = None,
    commission: Annotated[float | None, typer.Option(help="Basis points of each fill.")] = None,
    impact: Annotated[
        float | None, typer.Option(help="Volatilities that trading a whole bar's volume costs.")
    ] = None,
    volume_cap: Annotated[
        float | None, typer.Option(help="Largest share of a bar's volume in one fill.")
    ] = None,
    delay: Annotated[
        int | None, typer.Option(help="Bars that orders wait beyond the next open, 0 to 3.")
    ] = None,
    weighting: Annotated[
        Literal["equal", "earned"] | None, typer.Option(help="How votes are weighed.")
    ] = None,
    calibrated: Annotated[
        bool | None, typer.Option(help="Scale evidence by what settled votes taught.")
    ] = None,
    walk_forward: Annotated[
        int | None,
        typer.Option(help="Refit the agents every 252 bars on so many; all is out of sample then."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of resampling and chance.")] = None,
    market: MarketOption = None,
    timeframe: TimeframeOption = None,
    request: Annotated[
        bool, typer.Option("--request", help="Read the request from standard input.", hidden=True)
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Play the committee over history: next-bar fills, costs, the live sizing and limits."""
    if context.invoked_subcommand is not None:
        _refuse_stray_options(context)
        return
    from cli.research import backtests

    settings = load_settings_with(market, timeframe)
    if request:
        print_json({"id": backtests.run_requested_job(settings)["id"]})
        return
    requested = {
        "symbols": symbols or [],
        "start": start,
        "end": end,
        "agents": agents or [],
        "capital": capital,
        "half_spread_bps": half_spread,
        "commission_bps": commission,
        "impact": impact,
        "volume_cap": volume_cap,
        "delay": delay,
        "weighting": weighting,
        "calibrated": calibrated,
        "walk_forward": walk_forward,
        "seed": seed,
    }
    result = backtests.run_backtest(settings, requested, log)
    print_result(as_json, lambda: result, lambda: backtests.print_result(result, stdout_console))


def _refuse_stray_options(context: typer.Context) -> None:
    """Refuse options of a run before a subcommand: they have no effect there, and ignoring them
    would suggest that they do."""
    misplaced = [
        parameter.opts[0]
        for parameter in context.command.params
        if (source := context.get_parameter_source(str(parameter.name)))
        and source.name == "COMMANDLINE"
    ]
    if misplaced:
        name = context.invoked_subcommand
        raise InputError(
            f"{', '.join(misplaced)} before `{name}` would not be followed. Leave it out, or write "
            f"what `quorum backtest {name} --help` names after `{name}`."
        )


@backtest.command("list")
def list_(as_json: JsonOption = False) -> None:
    """The results that are kept, newest first."""
    from cli.research import backtests
    from domain.canonical import to_json

    summaries = backtests.list_results(load_settings())
    print_result(
        as_json,
        lambda: {"backtests": [to_json(summary) for summary in summaries]},
        lambda: backtests.print_summaries(summaries, stdout_console),
    )


@backtest.command()
def show(identity: ResultId, as_json: JsonOption = False) -> None:
    """A kept result."""
    from cli.research import backtests

    result = backtests.read_result(load_settings(), identity)
    print_result(as_json, lambda: result, lambda: backtests.print_result(result, stdout_console))


@backtest.command()
def compare(
    identities: Annotated[list[str], typer.Argument(metavar="ID...", help="Two or more.")],
    as_json: JsonOption = False,
) -> None:
    """Kept results side by side."""
    from cli.research import backtests

    if len(set(identities)) < 2:
        raise InputError(f"{identities[0]} has nothing beside it. Name two results or more.")
    settings = load_settings()
    results = [backtests.read_result(settings, identity) for identity in identities]
    print_result(
        as_json,
        lambda: {"backtests": results},
        lambda: backtests.print_comparison(results, stdout_console),
    )


@backtest.command()
def verify(identity: ResultId, as_json: JsonOption = False) -> None:
    """Run a kept result again from its receipt: it must come out the same to the last bit."""
    from cli.research import backtests

    backtests.verify_result(load_settings(), identity)
    print_result(
        as_json,
        lambda: {"id": identity, "same": True},
        lambda: stdout_console.print("It came out the same to the last bit."),
    )


@backtest.command()
def delete(identity: ResultId) -> None:
    """Throw a kept result away."""
    from cli.research import backtests

    backtests.delete_result(load_settings(), identity)
    stderr_console.print(f"{identity} is gone.")


def fit(
    agents: Annotated[
        list[str] | None, typer.Argument(metavar="[AGENT]...", help="Default: all with weights.")
    ] = None,
    symbols: SymbolsOption = None,
    start: FromOption = None,
    end: ToOption = None,
    folds: Annotated[int, typer.Option(help="Of the search for the penalty, 2 to 20.")] = 5,
    out: Annotated[
        Path | None,
        typer.Option(
            parser=parse_path, help="Write the fitted weights here, whatever they are worth."
        ),
    ] = None,
    market: MarketOption = None,
    timeframe: TimeframeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fit the agents' weights on the stored history, and say what that was worth out of sample."""
    from cli.research import fit_report, weight_fitting

    outcome = weight_fitting.fit_weights(
        load_settings_with(market, timeframe),
        agents or [],
        start=start,
        end=end,
        symbols=symbols or [],
        folds=folds,
        out=out,
        log=log,
    )
    print_result(
        as_json,
        lambda: fit_report.as_json(outcome),
        lambda: fit_report.show(outcome, stdout_console),
    )


def check(
    name: Annotated[
        str, typer.Argument(help="An agent, as `quorum agents` names it, or a provider.")
    ],
    symbols: SymbolsOption = None,
    cuts: Annotated[int, typer.Option(help="Times to cut each panel at.")] = 50,
    seed: Annotated[int, typer.Option(help="Of the times and the altered futures.")] = 0,
    market: MarketOption = None,
    timeframe: TimeframeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Does the agent NAME keep its promises: no look-ahead, no memory, no neighbours, no guesses?
    Does the provider NAME keep its contract?"""
    from agents.registry import AGENTS
    from cli.research import agent_checks
    from market.registry import PROVIDERS

    if name in PROVIDERS and name not in AGENTS:
        _check_provider(name, symbols or [], market, timeframe, as_json)
        return
    report = agent_checks.check_agent(
        load_settings_with(market, timeframe),
        name,
        symbols=symbols or [],
        cuts=cuts,
        seed=seed,
        log=log,
    )
    print_result(
        as_json,
        lambda: agent_checks.as_json(report),
        lambda: agent_checks.show(report, stdout_console),
    )
    agent_checks.refuse_if_broken(report)


def _check_provider(
    name: str, symbols: list[str], market: str | None, timeframe: Timeframe | None, as_json: bool
) -> None:
    from cli.extend import provider_checks

    report = provider_checks.check_provider(load_settings_with(market, timeframe), name, symbols)
    print_result(
        as_json,
        lambda: provider_checks.as_json(report),
        lambda: provider_checks.show(report, stdout_console),
    )
    provider_checks.refuse_if_broken(report)
