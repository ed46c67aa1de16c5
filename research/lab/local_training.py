"""A training run in this process: what a terminal does, with the same folder as a page's run.

Promises that the policy is kept before its run counts as done, and that a run that was interrupted
is gone on with on its own bars. Leaves out runs in workers (`training_jobs.py`).
"""

from collections.abc import Callable
from contextlib import suppress

from domain.errors import InputError, QuorumError
from envs.market_data import MarketHistory
from envs.training.events import RunEvaluated, StageCompleted
from envs.training.run import run_training
from envs.training.run_folder import RunFolder
from research.lab.bars import load_bars
from research.lab.runs import BARS

RegisterPolicy = Callable[[bytes, bytes], str]
"""Keeps the two files of a policy; its id."""
ProgressCallback = Callable[[str, int, int], None]
"""Told (what, done, total) in steps."""


def train_locally(
    folder: RunFolder, register: RegisterPolicy, on_progress: ProgressCallback
) -> str:
    """Learn what is left of the run and keep its policy; the model's id.

    Raises InputError for a run that is done or that somebody else trains.
    """
    if folder.policy():
        raise InputError(
            f"The run {folder.path.name} is done. `quorum rl show` tells of its model; train "
            "again for another."
        )
    with folder.lock():
        market = load_bars(folder.path / BARS)
        try:
            model = _train(folder, market, register, on_progress)
        except Exception as error:
            with suppress(QuorumError):  # a full disk takes no word of it either
                folder.fail(str(error))
            raise
        (folder.path / BARS).unlink(missing_ok=True)
    return model


def _train(
    folder: RunFolder,
    market: MarketHistory,
    register: RegisterPolicy,
    on_progress: ProgressCallback,
) -> str:
    state, model = folder.state(), ""
    done, total = state.done, state.total

    def on_steps(member: str, steps: int) -> None:
        nonlocal done
        done += steps
        on_progress(member, min(done, total), total)

    on_progress(state.what or "training", done, total)
    for event in run_training(folder.arguments, market, folder.checkpoints(), on_steps):
        if isinstance(event, RunEvaluated):
            model = register(event.tensors, event.manifest)
        folder.record(event)
        if isinstance(event, StageCompleted):  # a member may end before its steps are done
            done = folder.state().done
            on_progress(event.member, done, total)
    return model
