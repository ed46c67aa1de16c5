"""The verbs of research: `backtest` and what is kept of it, `fit`, `check`.

Only words are parsed here; each verb calls one function and prints what it returned.
"""

from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.terminal import (
    AsJson,
    OnMarket,
    OnTimeframe,
    SomeSymbols,
    people,
    print_json,
    results,
    say,
    settings_of,
)
from domain.errors import InputError
from domain.timeframe import Timeframe
from settings import load_settings

backtest = typer.Typer(
    help="The whole committee, or some of it, over history; and the results that are kept.",
    invoke_without_command=True,
)

Identity = Annotated[str, typer.Argument(metavar="ID", help="As `backtest list` names it.")]
First = Annotated[str | None, typer.Option("--from", help="First date, such as 2015-01-02.")]
Last = Annotated[str | None, typer.Option("--to", help="Last date; nothing later is used.")]


@backtest.callback()
def run(
    context: typer.Context,
    symbols: SomeSymbols = None,
    start: First = None,
    end: Last = None,
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
    market: OnMarket = None,
    timeframe: OnTimeframe = None,
    request: Annotated[
        bool, typer.Option("--request", help="Read the request from standard input.", hidden=True)
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Play the committee over history: next-bar fills, costs, the live sizing and limits."""
    if context.invoked_subcommand is not None:
        _refuse_stray_options(context)
        return
    from cli import backtesting

    settings = settings_of(market, timeframe)
    if request:
        print_json({"id": backtesting.run_job(settings)["id"]})
        return
    asked = {
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
    result = backtesting.run(settings, asked, say)
    if as_json:
        print_json(result)
    else:
        backtesting.print_result(result, results)


def _refuse_stray_options(context: typer.Context) -> None:
    """Options of a run mean nothing to what follows; ignored they would seem to be obeyed."""
    stray = [
        parameter.opts[0]
        for parameter in context.command.params
        if (source := context.get_parameter_source(str(parameter.name)))
        and source.name == "COMMANDLINE"
    ]
    if stray:
        verb = context.invoked_subcommand
        raise InputError(
            f"{', '.join(stray)} before `{verb}` would not be followed. Leave it out, or write "
            f"what `quorum backtest {verb} --help` names after `{verb}`."
        )


@backtest.command("list")
def list_(as_json: AsJson = False) -> None:
    """The results that are kept, newest first."""
    from cli import backtesting
    from domain.canonical import to_json

    found = backtesting.kept(load_settings())
    if as_json:
        print_json({"backtests": [to_json(each) for each in found]})
    else:
        backtesting.print_summaries(found, results)


@backtest.command()
def show(identity: Identity, as_json: AsJson = False) -> None:
    """A kept result."""
    from cli import backtesting

    result = backtesting.read(load_settings(), identity)
    if as_json:
        print_json(result)
    else:
        backtesting.print_result(result, results)


@backtest.command()
def compare(
    identities: Annotated[list[str], typer.Argument(metavar="ID...", help="Two or more.")],
    as_json: AsJson = False,
) -> None:
    """Kept results side by side."""
    from cli import backtesting

    if len(set(identities)) < 2:
        raise InputError(f"{identities[0]} has nothing beside it. Name two results or more.")
    settings = load_settings()
    found = [backtesting.read(settings, identity) for identity in identities]
    if as_json:
        print_json({"backtests": found})
    else:
        backtesting.print_comparison(found, results)


@backtest.command()
def verify(identity: Identity, as_json: AsJson = False) -> None:
    """Run a kept result again from its receipt: it must come out the same to the last bit."""
    from cli import backtesting

    backtesting.verify(load_settings(), identity)
    if as_json:
        print_json({"id": identity, "same": True})
    else:
        results.print("It came out the same to the last bit.")


@backtest.command()
def delete(identity: Identity) -> None:
    """Throw a kept result away."""
    from cli import backtesting

    backtesting.delete(load_settings(), identity)
    people.print(f"{identity} is gone.")


def fit(
    agents: Annotated[
        list[str] | None, typer.Argument(metavar="[AGENT]...", help="Default: all with weights.")
    ] = None,
    symbols: SomeSymbols = None,
    start: First = None,
    end: Last = None,
    folds: Annotated[int, typer.Option(help="Of the search for the penalty, 2 to 20.")] = 5,
    out: Annotated[
        Path | None, typer.Option(help="Write the fitted weights here, whatever they are worth.")
    ] = None,
    market: OnMarket = None,
    timeframe: OnTimeframe = None,
    as_json: AsJson = False,
) -> None:
    """Fit the agents' weights on the stored history, and say what that was worth out of sample."""
    from cli import fitted, fitting

    outcome = fitting.fit(
        settings_of(market, timeframe),
        agents or [],
        start=start,
        end=end,
        symbols=symbols or [],
        folds=folds,
        out=out,
        say=say,
    )
    if as_json:
        print_json(fitted.as_json(outcome))
    else:
        fitted.show(outcome, results)


def check(
    name: Annotated[
        str, typer.Argument(help="An agent, as `quorum agents` names it, or a provider.")
    ],
    symbols: SomeSymbols = None,
    cuts: Annotated[int, typer.Option(help="Random times to cut each panel at.")] = 20,
    seed: Annotated[int, typer.Option(help="Of the times and the altered futures.")] = 0,
    market: OnMarket = None,
    timeframe: OnTimeframe = None,
    as_json: AsJson = False,
) -> None:
    """Does the agent NAME keep its promises: no look-ahead, no memory, no neighbours, no guesses?
    Does the provider NAME keep its contract?"""
    from agents.registry import AGENTS
    from cli import checking
    from market.registry import PROVIDERS

    if name in PROVIDERS and name not in AGENTS:
        _check_provider(name, symbols or [], market, timeframe, as_json)
        return
    checked = checking.check(
        settings_of(market, timeframe),
        name,
        symbols=symbols or [],
        cuts=cuts,
        seed=seed,
        say=say,
    )
    if as_json:
        print_json(checking.as_json(checked))
    else:
        checking.show(checked, results)
    checking.refuse_if_broken(checked)


def _check_provider(
    name: str, symbols: list[str], market: str | None, timeframe: Timeframe | None, as_json: bool
) -> None:
    from cli import checking_providers

    checked = checking_providers.check_provider(settings_of(market, timeframe), name, symbols)
    if as_json:
        print_json(checking_providers.as_json(checked))
    else:
        checking_providers.show(checked, results)
    checking_providers.refuse_if_broken(checked)
