"""A training run in this process: what a terminal does, with the same folder as a page's run.

Promises that the policy is kept before its run counts as done, and that a run that was interrupted
is gone on with on its own bars. Leaves out runs in workers (`jobs.py`).
"""

from collections.abc import Callable
from contextlib import suppress

from domain.errors import InputError, QuorumError
from envs.market_data import History
from envs.training.events import Judged, Staged
from envs.training.run import learn
from envs.training.run_folder import RunFolder
from research.lab.bars import load_bars
from research.lab.runs import BARS

Keep = Callable[[bytes, bytes], str]
"""Keeps the two files of a policy; its id."""
Tell = Callable[[str, int, int], None]
"""Told (what, done, total) in steps."""


def learn_here(folder: RunFolder, keep: Keep, tell: Tell) -> str:
    """Learn what is left of the run and keep its policy; the model's id.

    Raises InputError for a run that is done or that somebody else trains.
    """
    if folder.policy():
        raise InputError(
            f"The run {folder.path.name} is done. `quorum rl show` tells of its model; train "
            "again for another."
        )
    with folder.holding():
        market = load_bars(folder.path / BARS)
        try:
            model = _learn(folder, market, keep, tell)
        except Exception as error:
            with suppress(QuorumError):  # a full disk takes no word of it either
                folder.fail(str(error))
            raise
        (folder.path / BARS).unlink(missing_ok=True)
    return model


def _learn(folder: RunFolder, market: History, keep: Keep, tell: Tell) -> str:
    begun, model = folder.state(), ""
    done, total = begun.done, begun.total

    def tick(member: str, steps: int) -> None:
        nonlocal done
        done += steps
        tell(member, min(done, total), total)

    tell(begun.what or "training", done, total)
    for event in learn(folder.arguments, market, folder.kept(), tick):
        if isinstance(event, Judged):
            model = keep(event.tensors, event.manifest)
        folder.keep(event)
        if isinstance(event, Staged):  # a member may end before its steps are done
            done = folder.state().done
            tell(event.member, done, total)
    return model
