"""The commands of the RL lab: `rl train`, and those for its runs and models.

Only words are parsed here; each command calls one function and prints what it returned. `train` has
an option for each training argument, with the argument's description.
"""

import inspect
from collections.abc import Callable
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, get_args, get_origin

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
from envs.training.arguments import TrainingArguments
from envs.training.options import ArgumentOption, options
from settings import load_settings
from storage.paths import parse_path

rl = typer.Typer(
    help="Policies of the RL agent: train them, look at them, let one vote.", no_args_is_help=True
)

ModelArgument = Annotated[
    str, typer.Argument(metavar="ID", help="As `rl models` names it, or 'shipped'.")
]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="As `rl runs` names it.")]

_FILE_ARGUMENTS = {"bars", "symbols", "market_seed"}
"""Arguments that choose bars; here the home's bars are used."""
_HOME_DEFAULTS = {
    "horizon": "setting market.horizon",
    "half_spread_bps": "setting costs.half_spread_bps",
    "commission_bps": "setting costs.commission_bps",
    "impact": "setting costs.impact",
    "borrow_bps": "setting costs.borrow_bps",
    "train_until": "60% of the bars",
    "validate_until": "80% of the bars",
    "episode": f"{TrainingArguments().episode}, or half of a short history",
}
"""Defaults that come from the home's settings or its history (`rl_models.complete_arguments`)."""


def _with_arguments(command: Callable[..., None]) -> Callable[..., None]:
    """Give the command an option for each training argument; one that is left out is None."""
    declared = inspect.signature(command).parameters.values()
    added = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                _option_type(option) | None,
                typer.Option(
                    *option.flags,
                    help=option.help(_HOME_DEFAULTS.get(name)),
                    metavar=option.metavar if option.is_list else None,
                ),
            ],
        )
        for name, option in options().items()
        if name not in _FILE_ARGUMENTS
    ]
    own_parameters = [
        parameter for parameter in declared if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    vars(command)["__signature__"] = inspect.Signature([*own_parameters, *added])
    return command


def _option_type(option: ArgumentOption) -> Any:
    """Return the type that typer reads an argument as; dates are parsed by the arguments
    themselves."""
    if option.is_list:
        return list[str]
    kind = get_args(option.kind)[0] if get_origin(option.kind) is UnionType else option.kind
    return kind if kind in (int, float) or get_origin(kind) is Literal else str


@rl.command()
@_with_arguments
def train(
    *,
    symbols: SymbolsOption = None,
    market: MarketOption = None,
    timeframe: TimeframeOption = None,
    as_json: JsonOption = False,
    **given: Any,
) -> None:
    """Train policies on the stored history and keep what they come to as a model."""
    from cli.rl import rl_models

    requested = {name: value for name, value in given.items() if value is not None}
    _print_trained(
        rl_models.train(load_settings_with(market, timeframe), symbols or [], requested, log),
        as_json,
    )


@rl.command()
def resume(run: RunArgument, as_json: JsonOption = False) -> None:
    """Go on with a training RUN that was stopped, to the very model that it would have come to."""
    from cli.rl import rl_models

    _print_trained(rl_models.resume(load_settings(), run), as_json)


@rl.command()
def runs(as_json: JsonOption = False) -> None:
    """Training runs, newest first."""
    from cli.rl import rl_models, rl_tables

    found = rl_models.runs(load_settings())
    print_result(
        as_json,
        lambda: {"runs": [rl_tables.run_json(run) for run in found]},
        lambda: rl_tables.show_runs(found, stdout_console),
    )


@rl.command()
def models(as_json: JsonOption = False) -> None:
    """The models that are kept, newest first, and which one votes."""
    from cli.rl import rl_models, rl_tables

    found = rl_models.models(load_settings())
    print_result(
        as_json,
        lambda: {"models": [rl_tables.model_json(model) for model in found]},
        lambda: rl_tables.show_models(found, stdout_console),
    )


@rl.command()
def show(model: ModelArgument, as_json: JsonOption = False) -> None:
    """A model: what it was trained on and how, and what it was worth on held-out time."""
    from cli.rl import rl_models, rl_tables

    found = rl_models.model(load_settings(), model)
    print_result(
        as_json,
        lambda: rl_tables.model_json(found, full=True),
        lambda: rl_tables.show_model(found, stdout_console),
    )


@rl.command()
def compare(
    models: Annotated[list[str], typer.Argument(metavar="ID...", help="Two or more.")],
    as_json: JsonOption = False,
) -> None:
    """Models side by side, each on the time that was held out from it."""
    from cli.rl import rl_models, rl_tables

    found = rl_models.compare(load_settings(), models)
    print_result(
        as_json,
        lambda: {"models": [rl_tables.model_json(model) for model in found]},
        lambda: rl_tables.show_comparison(found, stdout_console),
    )


@rl.command()
def promote(model: ModelArgument, as_json: JsonOption = False) -> None:
    """Make a model the active one from the next cycle on."""
    from cli.rl import rl_models

    _print_promotion(rl_models.promote(load_settings(), model), as_json)


@rl.command("roll-back")
def roll_back(as_json: JsonOption = False) -> None:
    """Undo the last promotion: what voted before votes again."""
    from cli.rl import rl_models

    _print_promotion(rl_models.roll_back(load_settings()), as_json)


@rl.command()
def delete(
    model: ModelArgument,
    yes: Annotated[
        bool, typer.Option("--yes", help="Also one that has voted: its receipts stay unproven.")
    ] = False,
) -> None:
    """Throw a model away; the one that votes stays."""
    from cli.rl import rl_models

    rl_models.delete(load_settings(), model, yes=yes)
    stderr_console.print(f"{model} is gone.")


@rl.command("import")
def import_(
    folder: Annotated[
        Path,
        typer.Argument(parser=parse_path, help="A policy's, or that of a run that is done."),
    ],
    as_json: JsonOption = False,
) -> None:
    """Keep a copy of the policy in FOLDER as a model."""
    from cli.rl import rl_models

    model_id = rl_models.import_folder(load_settings(), folder)
    print_result(
        as_json, lambda: {"id": model_id}, lambda: stdout_console.print(f"Kept as {model_id}.")
    )


@rl.command()
def drift(
    model: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Default: the model that votes.")
    ] = None,
    symbols: SymbolsOption = None,
    market: MarketOption = None,
    timeframe: TimeframeOption = None,
    as_json: JsonOption = False,
) -> None:
    """How far the market has moved from the one that a model was trained on, by feature."""
    from cli.rl import rl_models, rl_tables

    found = rl_models.drift(load_settings_with(market, timeframe), model, symbols or [], log)
    print_result(
        as_json,
        lambda: rl_tables.drift_json(found),
        lambda: rl_tables.show_drift(found, stdout_console),
    )


def _print_trained(result: Any, as_json: bool) -> None:
    from cli.rl import rl_tables

    if as_json:
        print_json({"run": result.run, **rl_tables.model_json(result.model, full=True)})
    else:
        rl_tables.show_model(result.model, stdout_console)
        log(f"Kept as {result.model.id}. `quorum rl promote {result.model.id}` lets it vote.")


def _print_promotion(result: Any, as_json: bool) -> None:
    from cli.rl import rl_tables

    print_result(
        as_json,
        lambda: rl_tables.promotion_json(result),
        lambda: rl_tables.show_promotion(result, stdout_console),
    )
