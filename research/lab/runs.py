"""The training runs of a home: a folder each, under one roof, with the bars that they learn from.

What a page and a terminal begin is begun here. Leaves out what a run's folder holds
(`envs/training/run_folder.py`) and who trains (`training_jobs.py`, `local_training.py`).
"""

import re
import shutil
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from domain.errors import NotFoundError, QuorumError, StorageError
from envs.market_data import MarketHistory
from envs.training.arguments import TrainingArguments
from envs.training.run import build_context
from envs.training.run_folder import ENDED, RUN, RunFolder, RunState
from research.lab.bars import save_bars
from storage.atomic_files import storage_errors

BARS = "bars.npz"
RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def create_run(runs: Path, arguments: TrainingArguments, market: MarketHistory) -> RunFolder:
    """A new run's folder in `runs`, with its bars.

    Raises InputError for what cannot be trained and StorageError where nothing can be written;
    nothing is left of it then.
    """
    arguments.validate()
    build_context(arguments, market)
    path = _claim_folder(runs, arguments)
    try:
        folder = RunFolder.create(path, arguments, market)
        save_bars(path / BARS, market)
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise
    return folder


def open_run(runs: Path, identity: str) -> RunFolder:
    """Raises NotFoundError, and CorruptFileError where it cannot be read."""
    if not RUN_NAME.fullmatch(identity):
        raise NotFoundError(f"There is no training run {identity[:60]!r}.")
    return RunFolder.open(runs / identity)


def run_states(runs: Path) -> tuple[RunState, ...]:
    """Every run in the folder `runs`, newest first; one that cannot be read has failed and says
    why."""
    states = [_state(each.parent) for each in runs.glob(f"*/{RUN}")]
    return tuple(sorted(states, key=lambda state: (state.started_at, state.id), reverse=True))


def _state(path: Path) -> RunState:
    """A run that has ended is read once for as long as its files are what they were."""
    try:
        written = tuple((path / name).stat().st_mtime_ns for name in (RUN, ENDED))
    except OSError:
        return _read(path)
    return _read_once(path, written)


@lru_cache(1_000)
def _read_once(path: Path, written: tuple[int, ...]) -> RunState:  # noqa: ARG001 read again then
    return _read(path)


def _read(path: Path) -> RunState:
    try:
        return RunFolder.open(path).state()
    except QuorumError as error:
        started_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return RunState(
            path.name, path.name, "failed", "", 0, 0, None, str(error), started_at, {}, "", False
        )


def _claim_folder(runs: Path, arguments: TrainingArguments) -> Path:
    """A new folder, which no other process can have taken: `20261121-194501-ppo-dqn`,
    numbered where that is taken."""
    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{'-'.join(arguments.algo)}"
    with storage_errors(runs):
        runs.mkdir(parents=True, exist_ok=True)
        for path in (runs / name, *(runs / f"{name}-{number}" for number in range(2, 1_000))):
            with suppress(FileExistsError):
                path.mkdir()
                return path
    raise StorageError(f"There are too many runs called {name} in {runs}. Delete some.")
