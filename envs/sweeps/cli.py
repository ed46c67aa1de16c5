"""The command line of a sweep: its options, its progress, the ranking and the command of the
best."""

import argparse
import math
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, TimeRemainingColumn
from rich.table import Table

from envs.sweeps.trials import SweepFolder, Trial
from envs.training.arguments import TrainingArguments, parse_path
from envs.training.options import add_options, options

TrialCallback = Callable[[Trial], None]
"""Called whenever a configuration was scored or has ended."""


def build_parser(description: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m envs.sweep", description=description)
    parser.add_argument(
        "--search",
        action="append",
        default=[],
        metavar="NAME=LOW..HIGH|NAME=A,B,C",
        help="An argument to search, once for each: between two numbers (evenly by logarithm "
        "where the higher is 10 times the lower or more), or one of a list.",
    )
    parser.add_argument(
        "--trials", type=int, default=20, help="Configurations to try (default: 20)."
    )
    parser.add_argument(
        "--search-seed", type=int, default=0, help="Seed of their draw (default: 0)."
    )
    parser.add_argument(
        "--concurrent", type=int, help="Tried at once (default: as many as processors)."
    )
    parser.add_argument("--address", help="host:port of a Ray cluster (default: a local Ray).")
    parser.add_argument(
        "--out",
        type=parse_path,
        default=Path("var/rl/sweeps/sweep"),
        help="Folder for sweep.json and sweep.csv (default: var/rl/sweeps/sweep).",
    )
    add_options(parser)
    return parser


@contextmanager
def progress_bar(
    console: Console, arguments: TrainingArguments, folder: SweepFolder
) -> Iterator[TrialCallback]:
    """Show a progress bar in stages, with the time left and the best score so far."""
    columns = (*Progress.get_default_columns()[:-1], TimeRemainingColumn())
    total = len(folder.waiting) * arguments.stages
    done: dict[int, int] = {}
    best = folder.best.score if folder.best else -math.inf
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("Trying", total=total)

        def on_trial(trial: Trial) -> None:
            nonlocal best
            ended = trial.number in done and folder.state(trial.number) != "waiting"
            done[trial.number] = arguments.stages if ended else len(trial.scores)
            best = max(best, *trial.scores, -math.inf)
            description = f"best {best:.2f}" if math.isfinite(best) else "Trying"
            progress.update(task, completed=sum(done.values()), description=description)

        yield on_trial


def print_ranking(console: Console, base: TrainingArguments, folder: SweepFolder) -> None:
    """Print the ranking, how to read it, and the command that trains the best configuration."""
    count, seeds = len(folder.trials), len(base.members)
    table = Table(title=f"Sharpe ratio on the validation period, mean of {seeds} policies")
    names = list(dict.fromkeys(name for each in folder.trials for name in each.changes))
    for heading in ("", *names, "score", "stages", ""):
        table.add_column(heading)
    for each in folder.ranked:
        score = "–" if math.isnan(each.score) else f"{each.score:.3f}"
        values = (str(each.changes.get(name)) for name in names)
        state = each.error if each.state == "failed" else each.state
        table.add_row(str(each.number), *values, score, str(len(each.scores)), state)
    console.print(table)
    if folder.best is None:
        console.print("No configuration was tried to the end, so there is none to recommend.")
        return
    console.print(
        f"{count} configurations were tried. The best of many looks better than it is: expect less "
        "of it. The test period has not been looked at; this trains the best one and looks at it "
        "once:"
    )
    best = replace(folder.best.arguments(base), tried=count)
    console.print(shlex.join(train_command(best)), soft_wrap=True, markup=False, highlight=False)


def train_command(arguments: TrainingArguments) -> list[str]:
    """Return the words of the command that trains with `arguments`: only those that differ from the
    defaults."""
    words = ["python", "-m", "envs.train"]
    for name, option in options().items():
        value = getattr(arguments, name)
        if value != option.default:
            words += [option.flags[0], ",".join(value) if option.is_list else str(value)]
    return words
