"""One member of the ensemble: stages of learning, a score after each, and when to stop.

What is kept of a member is its best stage by the Sharpe ratio of the validation period (a policy
that never trades has none, and counts as 0). A checkpoint holds all that is needed to go on after
a stage; going on gives the same bytes as never having stopped.
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

from domain.errors import DamagedError
from domain.panel import Floats
from envs.market_data import History, Periods
from envs.observation import OBSERVATION_VERSION
from envs.policies.network import Network
from envs.policies.policy import Member
from envs.training.algorithms import Learner, Seen, kind_of
from envs.training.arguments import Algo, Arguments
from envs.training.checkpoint_arrays import Arrays
from envs.training.evaluation import SHARPE, Judge
from envs.training.events import Staged

Tick = Callable[[str, int], None]
"""Hears of a member's steps as they are done."""
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What all members of a run stand on. `mean` and `scale` (K,) are of the training period,
    `seen` (T, N, K) the observation standardised by them and clipped."""

    arguments: Arguments
    market: History
    periods: Periods
    mean: Floats
    scale: Floats
    seen: Seen
    validation: Judge

    def key(self, member: str) -> NDArray[np.uint8]:
        """(32,) hash of all that decides what a member learns."""
        plain = self.arguments.plain()
        for name in ("bars", "seeds", "algo", "select", "parent", "tried"):
            del plain[name]
        text = json.dumps([member, plain, self.market.digest], sort_keys=True)
        return np.frombuffer(hashlib.sha256(text.encode()).digest(), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """`stage` stages are done and `steps` steps; `best` is the score of the best one, number
    `best_stage`, and `network` its policy. `arrays` are the learner's, empty where `ended`."""

    stage: int
    steps: int
    best: float
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
            "best": np.array([self.best]),
        }
        for index, (weight, bias) in enumerate(self.network.layers):
            tensors |= {f"policy/{index}/weight": weight, f"policy/{index}/bias": bias}
        tensors |= {f"learner/{name}": array for name, array in self.arrays.items()}
        return save_tensors({name: np.ascontiguousarray(t) for name, t in tensors.items()})


def decode(content: bytes, member: str, ground: Ground) -> Checkpoint:
    """What `Checkpoint.encode` made of `member`.

    Raises DamagedError for what is damaged, of another run or of another observation.
    """
    try:
        tensors = load_tensors(content)
        version = int(tensors["observation_version"][0])
        same = np.array_equal(tensors["run"], ground.key(member))
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


def train(
    ground: Ground, algo: Algo, seed: int, number: int, kept: Checkpoint | None, tick: Tick
) -> Iterator[tuple[Staged, Checkpoint]]:
    """A member's stages from `kept` on, or from the first; the last one has `ended`.

    Raises InputError where no episode fits into the training period, and DamagedError for
    a checkpoint that does not fit the algorithm.
    """
    arguments, name = ground.arguments, f"{algo}-{seed}"
    learner = Learner(algo, seed, arguments, ground.market, ground.seen, ground.periods.train)
    if kept is not None:
        try:
            learner.restore(kept.arrays)
        except (KeyError, ValueError, RuntimeError) as error:
            raise _refusal(name, f"it does not fit the algorithm ({error})") from error
    point = kept or Checkpoint(0, 0, -math.inf, 0, False, Network(()), {})
    while not point.ended:
        began = time.monotonic()
        stage = point.stage + 1
        learnt = learner.learn(
            stage, arguments.steps * stage // arguments.stages, lambda steps: tick(name, steps)
        )
        scores = _scores(ground, algo, seed, learner.network)
        merit = scores[SHARPE] if math.isfinite(scores[SHARPE]) else 0.0
        point = replace(point, stage=stage, steps=learnt.steps)
        if merit > point.best:
            point = replace(point, best=merit, best_stage=stage, network=learner.network)
        ended = stage == arguments.stages or stage - point.best_stage >= arguments.patience
        point = replace(point, ended=ended, arrays={} if ended else learner.arrays)
        event = Staged(
            member=name,
            number=number,
            members=len(arguments.members),
            steps=learnt.steps,
            total=arguments.steps,
            seconds=time.monotonic() - began,
            scores={
                **scores,
                "episode reward": learnt.reward * arguments.episode,
                "loss": learnt.loss,
            },
            checkpoint=point.encode(ground.key(name)),
            ended=ended,
        )
        yield event, point


def member_of(ground: Ground, algo: Algo, seed: int, network: Network, temper: float) -> Member:
    settings = ground.arguments.settings
    kind, squash = kind_of(algo, settings)
    return Member(algo, seed, kind, settings.actions, network, temper, squash)


def _scores(ground: Ground, algo: Algo, seed: int, network: Network) -> Mapping[str, float]:
    """On the validation period."""
    member, judge = member_of(ground, algo, seed, network, 0.0), ground.validation
    seen = ground.seen[judge.rows.start : judge.rows.stop].astype(np.float64)
    there = ~np.isnan(seen).any(axis=-1)
    shares = np.zeros(there.shape)
    shares[there] = member.share(seen[there])
    return judge.figures(shares)


def _refusal(member: str, what: str) -> DamagedError:
    return DamagedError(
        f"The checkpoint checkpoints/{member}.safetensors is refused: {what}. Delete the file to "
        "train this member anew, or give another folder."
    )
