"""Train policies and say what they are worth: `python -m envs.train --help`.

History is divided by date into training, validation and test, with a gap between them. Each
algorithm learns on random windows of the training period, once a seed; the validation period says
when to stop and what a wish is worth; the test period is looked at once, at the end, for the
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
from envs.market_data import History, history, listed, only, read_bars
from envs.policies.files import load_policy
from envs.simulated import simulate
from envs.training.arguments import Arguments
from envs.training.events import Event, Staged
from envs.training.member_training import Tick
from envs.training.options import add_options, chosen_options
from envs.training.run import ground_of, learn
from envs.training.run_folder import POLICY as POLICY_FOLDER
from envs.training.run_folder import RunFolder
from envs.training.score_tables import table_of

RUNS = Path("var/rl/runs")
Told = Callable[[Event], None]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser("python -m envs.train", description=__doc__)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="Folder of the run; the same command on the same folder goes on where it was "
        f"(default: one named after the arguments, in {RUNS})",
    )
    add_options(parser)
    asked = parser.parse_args(argv)
    console = Console()
    try:
        arguments = chosen_options(asked)
        train(arguments, asked.out or RUNS / name_of(arguments), console)
    except QuorumError as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        return error.exit_code
    except KeyboardInterrupt:
        console.print("Stopped. The same command goes on from the last checkpoint.")
        return 130
    return 0


def train(arguments: Arguments, out: Path, console: Console) -> None:
    """The whole of a run, or what is left of it, kept in `out` and told on `console`.

    Raises QuorumError where the arguments, the bars or the folder cannot be used; nothing is
    written then.
    """
    arguments.check()
    market = market_of(arguments)
    ground_of(arguments, market)
    folder = RunFolder.create(out, arguments, market)
    with folder.holding():
        if folder.policy() is None:
            _learn(arguments, market, folder, console)
        else:
            console.print("This run was done before.")
    _report(folder, console)


def market_of(arguments: Arguments) -> History:
    """The bars that the arguments name. Raises InputError where they cannot be read, and for a
    symbol that is not among them."""
    symbols = parse_symbols(arguments.symbols)
    of = f": {listed(symbols)}" if symbols else ""
    if arguments.bars is not None:
        bars = only(read_bars(arguments.bars), symbols)
        return history(bars, f"{arguments.bars.name}{of}")
    seed = arguments.market_seed
    if seed < 0:
        raise InputError(f"market_seed is {seed}, but it must be a whole number of at least 0.")
    return history(only(simulate(seed), symbols), f"simulated, seed {seed}{of}", simulated=True)


def name_of(arguments: Arguments) -> str:
    """A folder's name that other arguments do not have."""
    text = json.dumps(arguments.plain(), sort_keys=True)
    return f"{'-'.join(arguments.algo)}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _learn(arguments: Arguments, market: History, folder: RunFolder, console: Console) -> None:
    try:
        with _bar(folder, arguments, console) as (tick, told):
            for event in learn(arguments, market, folder.kept(), tick):
                folder.keep(event)
                told(event)
    except Exception as error:
        with suppress(QuorumError):  # a full disk takes no word of it either
            folder.fail(str(error))
        raise


@contextmanager
def _bar(folder: RunFolder, arguments: Arguments, console: Console) -> Iterator[tuple[Tick, Told]]:
    """A bar over all members' steps, with the time left."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        begun = folder.state()
        task = progress.add_task(begun.what or "Training", total=begun.total, completed=begun.done)

        def tick(member: str, steps: int) -> None:
            progress.update(task, description=member, advance=steps)

        def told(event: Event) -> None:
            if isinstance(event, Staged):
                before = (event.number - 1) * arguments.steps
                done = arguments.steps if event.ended else min(event.steps, arguments.steps)
                progress.update(task, completed=before + done)

        yield tick, told


def _report(folder: RunFolder, console: Console) -> None:
    path = folder.path / POLICY_FOLDER
    policy = load_policy(path)
    manifest = policy.manifest
    title = f"{manifest.data}, test period {' to '.join(manifest.periods['test'])}, net of cost"
    console.print(table_of(title, manifest.scores, policy))
    tempers = ", ".join(f"{name} {temper:.4f}" for name, temper in policy.tempers().items())
    console.print(f"Tempers: {tempers}.", highlight=False)
    console.print(f"Saved in {path}; curves: tensorboard --logdir {folder.path}.", highlight=False)


if __name__ == "__main__":
    raise SystemExit(main())
