"""Train policies and say what they are worth: `python -m envs.train --help`.

History is divided by date into training, validation and test, with a gap between them. Each
algorithm learns on random windows of the training period, once a seed; the validation period says
when to stop and what a signal is worth; the test period is looked at once, at the end, for the
ensemble, every member and every benchmark. All is kept in one folder (`envs.training.run_folder`):
the same command goes on there where it was, and gives the same policy, to the byte, as if it had
never been stopped.
"""

import argparse
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from domain.errors import InputError, QuorumError
from domain.symbols import parse_symbols
from envs.market_data import MarketHistory, abbreviate_symbols, history, read_bars, select_symbols
from envs.policies.files import load_policy
from envs.simulated import simulate
from envs.training.arguments import TrainingArguments, parse_path
from envs.training.events import StageCompleted, TrainingEvent
from envs.training.member_training import StepCallback
from envs.training.options import add_options, arguments_from_options
from envs.training.run import build_context, run_training
from envs.training.run_folder import POLICY as POLICY_FOLDER
from envs.training.run_folder import RunFolder
from envs.training.score_tables import score_table

RUNS = Path("var/rl/runs")
EventCallback = Callable[[TrainingEvent], None]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser("python -m envs.train", description=__doc__)
    parser.add_argument(
        "--out",
        type=parse_path,
        metavar="FOLDER",
        help="Folder of the run; the same command on the same folder goes on where it was "
        f"(default: one named after the arguments, in {RUNS})",
    )
    add_options(parser)
    options = parser.parse_args(argv)
    console = Console()
    try:
        arguments = arguments_from_options(options)
        train(arguments, options.out or RUNS / run_name(arguments), console)
    except QuorumError as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        return error.exit_code
    except KeyboardInterrupt:
        console.print("Stopped. The same command goes on from the last checkpoint.")
        return 130
    return 0


def train(arguments: TrainingArguments, out: Path, console: Console) -> None:
    """Run a training, or what is left of it, store it in `out` and show it on `console`.

    Raises QuorumError where the arguments, the bars or the folder cannot be used; nothing is
    written then.
    """
    arguments.validate()
    market = load_market(arguments)
    build_context(arguments, market)
    folder = RunFolder.create(out, arguments, market)
    with folder.lock():
        if folder.policy() is None:
            _run_training(arguments, market, folder, console)
        else:
            console.print("This run was done before.")
    _print_report(folder, console)


def load_market(arguments: TrainingArguments) -> MarketHistory:
    """Load the bars that the arguments name. Raises InputError where they cannot be read, and for a
    symbol that is not among them."""
    symbols = parse_symbols(arguments.symbols)
    suffix = f": {abbreviate_symbols(symbols)}" if symbols else ""
    if arguments.bars is not None:
        bars = select_symbols(read_bars(arguments.bars), symbols)
        return history(bars, f"{arguments.bars.name}{suffix}")
    seed = arguments.market_seed
    if seed < 0:
        raise InputError(f"market_seed is {seed}, but it must be a whole number of at least 0.")
    return history(
        select_symbols(simulate(seed), symbols), f"simulated, seed {seed}{suffix}", simulated=True
    )


def run_name(arguments: TrainingArguments) -> str:
    """Return a folder name that is unique to these arguments."""
    text = json.dumps(arguments.to_json(), sort_keys=True)
    return f"{'-'.join(arguments.algo)}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _run_training(
    arguments: TrainingArguments, market: MarketHistory, folder: RunFolder, console: Console
) -> None:
    try:
        with _progress_bar(folder, arguments, console) as (on_steps, on_event):
            for event in run_training(arguments, market, folder.checkpoints(), on_steps):
                folder.record(event)
                on_event(event)
    except Exception as error:
        with suppress(QuorumError):  # a full disk cannot store the failure either
            folder.fail(str(error))
        raise


@contextmanager
def _progress_bar(
    folder: RunFolder, arguments: TrainingArguments, console: Console
) -> Iterator[tuple[StepCallback, EventCallback]]:
    """Show a progress bar over the steps of all members, with the time left."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        state = folder.state()
        task = progress.add_task(state.what or "Training", total=state.total, completed=state.done)

        def on_steps(member: str, steps: int) -> None:
            progress.update(task, description=member, advance=steps)

        def on_event(event: TrainingEvent) -> None:
            if isinstance(event, StageCompleted):
                before = (event.number - 1) * arguments.steps
                done = arguments.steps if event.ended else min(event.steps, arguments.steps)
                progress.update(task, completed=before + done)

        yield on_steps, on_event


def _print_report(folder: RunFolder, console: Console) -> None:
    path = folder.path / POLICY_FOLDER
    policy = load_policy(path)
    manifest = policy.manifest
    title = f"{manifest.data}, test period {' to '.join(manifest.periods['test'])}, net of cost"
    console.print(score_table(title, manifest.scores, policy))
    tempers = ", ".join(f"{name} {temper:.4f}" for name, temper in policy.tempers().items())
    console.print(f"Scaling factors: {tempers}.", highlight=False)
    console.print(f"Saved in {path}; curves: tensorboard --logdir {folder.path}.", highlight=False)


if __name__ == "__main__":
    raise SystemExit(main())
