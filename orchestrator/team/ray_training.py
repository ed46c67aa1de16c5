"""One training run in a Ray worker of its own, its events streamed back as they happen.

Promises that stopping takes effect at once, that the worker yields its processor to the agents that
vote, and that it ends with this process: nothing is detached, so a server that is killed leaves no
training behind. The bars pass through the object store, and nothing is written on the worker's
machine, so a cluster needs no shared disk. Leaves out storing the events
(`research/lab/training_jobs.py`).
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress

from domain.errors import ProviderError
from envs.market_data import MarketHistory, copy_history
from envs.training.arguments import TrainingArguments
from envs.training.events import TrainingEvent
from orchestrator.team.ray_session import RaySession

NICENESS = 10
"""Added to Ray's own niceness, so that agents that vote come first."""


class WorkerLostError(ProviderError):
    """The worker was stopped, killed or ran out of memory, or its node is gone. The run itself is
    intact and can be resumed."""


class _TrainingActor:
    """The part that runs in the worker's process."""

    def __init__(self) -> None:
        os.nice(NICENESS)

    def pid(self) -> int:
        return os.getpid()

    def learn(
        self, arguments: TrainingArguments, market: MarketHistory, checkpoints: Mapping[str, bytes]
    ) -> Iterator[TrainingEvent]:
        from envs.training.run import run_training

        yield from run_training(arguments, copy_history(market), checkpoints)


class RayTrainingWorker:
    """A worker called `quorum-training-<run>` in `namespace`, with one processor to itself; it
    waits for one while all are taken."""

    def __init__(self, session: RaySession, run: str, namespace: str) -> None:
        self._ray = session.ray
        self._actor = session.start_actor(
            _TrainingActor, name=f"quorum-training-{run}", namespace=namespace, num_cpus=1
        )

    def train(
        self, arguments: TrainingArguments, market: MarketHistory, checkpoints: Mapping[str, bytes]
    ) -> Iterator[TrainingEvent]:
        """Yield what `envs.training.run.run_training` yields; the worker is gone afterwards.

        Raises what that raises, and WorkerLostError.
        """
        errors = self._ray.exceptions
        learn = self._actor.learn.options(num_returns="streaming")
        try:
            for reference in learn.remote(arguments, self._ray.put(market), checkpoints):
                yield self._ray.get(reference)
        except errors.RayTaskError as error:
            raise error.cause from error
        except errors.RayError as error:
            raise WorkerLostError(
                "Its process ended before the training did: it was killed, ran out of memory, or "
                "its machine is gone. Go on with the run; it starts at its last checkpoint."
            ) from error
        finally:
            self.stop()

    def stop(self) -> None:
        """End the worker at once, from any thread; does nothing if it has ended."""
        with suppress(Exception):  # it may be gone already, and Ray with it
            self._ray.kill(self._actor, no_restart=True)
