"""The verbs of the RL desk: `rl train` and the runs and models that come of it.

Only words are parsed here; each verb calls one function and prints what it returned. `train` has an
option for each argument of a training, with the sentence that stands beside it.
"""

import inspect
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

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
from domain.symbols import parse_symbol
from envs.learning.arguments import Arguments
from settings import load_settings

rl = typer.Typer(
    help="Policies of the RL agent: train them, look at them, let one vote.", no_args_is_help=True
)

Model = Annotated[str, typer.Argument(metavar="ID", help="As `rl models` names it, or 'shipped'.")]
Run = Annotated[str, typer.Argument(metavar="RUN", help="As `rl runs` names it.")]

_OF_THE_SIMULATOR = {"bars", "market_seed"}
"""Arguments that choose bars; here they are the home's."""


def _with_arguments(verb: Callable[..., None]) -> Callable[..., None]:
    """The verb with an option for each argument of a training; left out, it is None."""
    hints = get_type_hints(Arguments, include_extras=True)
    own = inspect.signature(verb).parameters.values()
    options = []
    for each in fields(Arguments):
        if each.name in _OF_THE_SIMULATOR:
            continue
        kind, sentence = get_args(hints[each.name])
        options.append(
            inspect.Parameter(
                each.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=Annotated[_typed(kind) | None, typer.Option(help=sentence)],
            )
        )
    kept = [each for each in own if each.kind is not inspect.Parameter.VAR_KEYWORD]
    vars(verb)["__signature__"] = inspect.Signature([*kept, *options])
    return verb


def _typed(kind: Any) -> Any:
    """What typer reads an argument as; dates are read by the arguments themselves."""
    if get_origin(kind) is tuple:
        return list[str]
    if get_origin(kind) is UnionType:
        return get_args(kind)[0]
    return kind if kind in (int, float) or get_origin(kind) is Literal else str


@rl.command()
@_with_arguments
def train(
    *,
    symbols: SomeSymbols = None,
    market: OnMarket = None,
    timeframe: OnTimeframe = None,
    as_json: AsJson = False,
    **given: Any,
) -> None:
    """Train policies on the stored history and keep what they come to as a model."""
    from cli import lab

    asked = {name: value for name, value in given.items() if value is not None}
    named = [parse_symbol(symbol) for symbol in symbols or []]
    _print_trained(lab.train(settings_of(market, timeframe), named, asked, say), as_json)


@rl.command()
def resume(run: Run, as_json: AsJson = False) -> None:
    """Go on with a training RUN that was stopped, to the very model that it would have come to."""
    from cli import lab

    _print_trained(lab.resume(load_settings(), run), as_json)


@rl.command()
def runs(as_json: AsJson = False) -> None:
    """Training runs, newest first."""
    from cli import lab, lab_tables

    found = lab.runs(load_settings())
    if as_json:
        print_json({"runs": [lab_tables.run_json(each) for each in found]})
    else:
        lab_tables.show_runs(found, results)


@rl.command()
def models(as_json: AsJson = False) -> None:
    """The models that are kept, newest first, and which one votes."""
    from cli import lab, lab_tables

    found = lab.models(load_settings())
    if as_json:
        print_json({"models": [lab_tables.model_json(each) for each in found]})
    else:
        lab_tables.show_models(found, results)


@rl.command()
def show(model: Model, as_json: AsJson = False) -> None:
    """A model: what it was trained on and how, and what it was worth on held-out time."""
    from cli import lab, lab_tables

    found = lab.model(load_settings(), model)
    if as_json:
        print_json(lab_tables.model_json(found, whole=True))
    else:
        lab_tables.show_model(found, results)


@rl.command()
def compare(
    models: Annotated[list[str], typer.Argument(metavar="ID...", help="Two or more.")],
    as_json: AsJson = False,
) -> None:
    """Models side by side, each on the time that was held out from it."""
    from cli import lab, lab_tables

    found = lab.compare(load_settings(), models)
    if as_json:
        print_json({"models": [lab_tables.model_json(each) for each in found]})
    else:
        lab_tables.show_comparison(found, results)


@rl.command()
def promote(model: Model, as_json: AsJson = False) -> None:
    """Let a model vote in the RL agent's seat from the next cycle on."""
    from cli import lab

    _print_seat(lab.promote(load_settings(), model), as_json)


@rl.command("roll-back")
def roll_back(as_json: AsJson = False) -> None:
    """Undo the last promotion: what voted before votes again."""
    from cli import lab

    _print_seat(lab.roll_back(load_settings()), as_json)


@rl.command()
def delete(
    model: Model,
    yes: Annotated[
        bool, typer.Option("--yes", help="Also one that has voted: its receipts stay unproven.")
    ] = False,
) -> None:
    """Throw a model away; the one that votes stays."""
    from cli import lab

    lab.delete(load_settings(), model, yes=yes)
    people.print(f"{model} is gone.")


@rl.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(help="With policy.safetensors and manifest.json.")],
    as_json: AsJson = False,
) -> None:
    """Keep a copy of the policy in FOLDER as a model."""
    from cli import lab

    kept = lab.import_folder(load_settings(), folder)
    if as_json:
        print_json({"id": kept})
    else:
        results.print(f"Kept as {kept}.")


@rl.command()
def drift(
    model: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Default: the model that votes.")
    ] = None,
    symbols: SomeSymbols = None,
    market: OnMarket = None,
    timeframe: OnTimeframe = None,
    as_json: AsJson = False,
) -> None:
    """How far the market has moved from the one that a model was trained on, by feature."""
    from cli import lab, lab_tables

    named = [parse_symbol(symbol) for symbol in symbols or []]
    found = lab.drift(settings_of(market, timeframe), model, named, say)
    if as_json:
        print_json(lab_tables.drift_json(found))
    else:
        lab_tables.show_drift(found, results)


def _print_trained(trained: Any, as_json: bool) -> None:
    from cli import lab_tables

    if as_json:
        print_json({"run": trained.run, **lab_tables.model_json(trained.model, whole=True)})
    else:
        lab_tables.show_model(trained.model, results)
        say(f"Kept as {trained.model.id}. `quorum rl promote {trained.model.id}` lets it vote.")


def _print_seat(turn: Any, as_json: bool) -> None:
    from cli import lab_tables

    if as_json:
        print_json(lab_tables.turn_json(turn))
    else:
        lab_tables.show_turn(turn, results)
