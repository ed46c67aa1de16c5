"""The training of one member of the ensemble: stages of learning, a score after each, and when to
stop.

A member is the policy of its best stage by the Sharpe ratio of the validation period (a policy that
never trades has none, and counts as 0). A checkpoint holds everything needed to continue after a
stage; the result has the same bytes as without an interruption.
"""

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from domain.errors import CorruptFileError
from domain.panel import Floats
from envs.market_data import DataPeriods, MarketHistory
from envs.observation import OBSERVATION_VERSION
from envs.policies.network import Network
from envs.policies.policy import Member
from envs.training.algorithms import Learner, ObservationArray, output_kind
from envs.training.arguments import Algo, TrainingArguments
from envs.training.checkpoint_arrays import Arrays
from envs.training.evaluation import SHARPE, Evaluator
from envs.training.events import StageCompleted

StepCallback = Callable[[str, int], None]
"""Called with a member's name and its steps as they are done."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingContext:
    """What all members of a run share. `mean` and `scale` (K,) of the K features are of the
    training period, `observations` (T, N, K) is standardised by them and clipped."""

    arguments: TrainingArguments
    market: MarketHistory
    periods: DataPeriods
    mean: Floats
    scale: Floats
    observations: ObservationArray
    validation: Evaluator

    def run_key(self, member: str) -> NDArray[np.uint8]:
        """Return the (32,) hash of everything that determines what a member learns."""
        plain = self.arguments.to_json()
        for name in ("bars", "symbols", "seeds", "algo", "select", "parent", "tried"):
            plain.pop(name, None)
        text = json.dumps([member, plain, self.market.digest], sort_keys=True)
        return np.frombuffer(hashlib.sha256(text.encode()).digest(), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """The state of a member after `stage` stages and `steps` steps; `best_score` is the score of
    the best stage, number `best_stage`, and `network` its policy. `arrays` are the learner's, empty
    where `ended`."""

    stage: int
    steps: int
    best_score: float
    best_stage: int
    ended: bool
    network: Network
    arrays: Arrays

    def encode(self, key: NDArray[np.uint8]) -> bytes:
        counts = [self.stage, self.steps, self.best_stage, int(self.ended)]
        tensors = {
            "run": key,
            "observation_version": np.array([OBSERVATION_VERSION]),
            "counts": np.array(counts),
            "best": np.array([self.best_score]),
        }
        for index, (weight, bias) in enumerate(self.network.layers):
            tensors |= {f"policy/{index}/weight": weight, f"policy/{index}/bias": bias}
        tensors |= {f"learner/{name}": array for name, array in self.arrays.items()}
        return save_tensors({name: np.ascontiguousarray(t) for name, t in tensors.items()})


def decode_checkpoint(content: bytes, member: str, context: TrainingContext) -> Checkpoint:
    """Decode what `Checkpoint.encode` made of `member`.

    Raises CorruptFileError for a checkpoint that is damaged, of another run or of another
    observation.
    """
    try:
        tensors = load_tensors(content)
        version = int(tensors["observation_version"][0])
        same = np.array_equal(tensors["run"], context.run_key(member))
        stage, steps, best_stage, ended = tensors["counts"].tolist()
        layers = tuple(
            (tensors[f"policy/{index}/weight"], tensors[f"policy/{index}/bias"])
            for index in range(sum(name.startswith("policy/") for name in tensors) // 2)
        )
        best = float(tensors["best"][0])
    except (SafetensorError, KeyError, ValueError, IndexError) as error:
        raise _refusal(member, f"it is truncated or damaged ({error})") from error
    if version != OBSERVATION_VERSION:
        raise _refusal(
            member,
            f"it was trained on observation version {version}, this program makes version "
            f"{OBSERVATION_VERSION}",
        )
    if not same:
        raise _refusal(member, "it belongs to another run: other arguments or other bars")
    prefix = "learner/"
    arrays = {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }
    return Checkpoint(stage, steps, best, best_stage, bool(ended), Network(layers), arrays)


def train_member(
    context: TrainingContext,
    algo: Algo,
    seed: int,
    number: int,
    checkpoint: Checkpoint | None,
    on_steps: StepCallback,
) -> Iterator[tuple[StageCompleted, Checkpoint]]:
    """Train a member from `checkpoint` on, or from the start, and yield each stage; the last one
    has `ended`.

    Raises InputError where no episode fits into the training period, and CorruptFileError for a
    checkpoint that does not fit the algorithm.
    """
    arguments, name = context.arguments, f"{algo}-{seed}"
    learner = Learner(
        algo, seed, arguments, context.market, context.observations, context.periods.train
    )
    if checkpoint is not None:
        try:
            learner.restore(checkpoint.arrays)
        except (KeyError, ValueError, RuntimeError) as error:
            raise _refusal(name, f"it does not fit the algorithm ({error})") from error
    point = checkpoint or Checkpoint(0, 0, -math.inf, 0, False, Network(()), {})
    while not point.ended:
        began = time.monotonic()
        stage = point.stage + 1
        result = learner.learn(
            stage, arguments.steps * stage // arguments.stages, lambda steps: on_steps(name, steps)
        )
        scores = _validation_scores(context, algo, seed, learner.network)
        score = scores[SHARPE] if math.isfinite(scores[SHARPE]) else 0.0
        point = replace(point, stage=stage, steps=result.steps)
        if score > point.best_score:
            point = replace(point, best_score=score, best_stage=stage, network=learner.network)
        ended = stage == arguments.stages or stage - point.best_stage >= arguments.patience
        point = replace(point, ended=ended, arrays={} if ended else learner.arrays)
        event = StageCompleted(
            member=name,
            number=number,
            members=len(arguments.members),
            steps=result.steps,
            total=arguments.steps,
            seconds=time.monotonic() - began,
            scores={
                **scores,
                "episode reward": result.reward * arguments.episode,
                "loss": result.loss,
            },
            checkpoint=point.encode(context.run_key(name)),
            ended=ended,
        )
        yield event, point


def build_member(
    context: TrainingContext, algo: Algo, seed: int, network: Network, temper: float
) -> Member:
    settings = context.arguments.settings
    kind, squash = output_kind(algo, settings)
    return Member(algo, seed, kind, settings.actions, network, temper, squash)


def _validation_scores(
    context: TrainingContext, algo: Algo, seed: int, network: Network
) -> Mapping[str, float]:
    """Return the scores on the validation period."""
    member, evaluator = build_member(context, algo, seed, network, 0.0), context.validation
    observations = context.observations[evaluator.rows.start : evaluator.rows.stop].astype(
        np.float64
    )
    observed = ~np.isnan(observations).any(axis=-1)
    shares = np.zeros(observed.shape)
    shares[observed] = member.share(observations[observed])
    return evaluator.point_estimates(shares)


def _refusal(member: str, what: str) -> CorruptFileError:
    return CorruptFileError(
        f"The checkpoint checkpoints/{member}.safetensors is refused: {what}. Delete the file to "
        "train this member anew, or give another folder."
    )
