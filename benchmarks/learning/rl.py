"""How fast policies are learnt: eight scalar environments against a batch of 1,024.

`python -m benchmarks rl [steps=200000] [part=speed|score|same]`:

- speed: frames a second of PPO end to end, stepping and learning, on the simulated market. The
  same algorithm with the same network, epochs and learning rate learns from 8 scalar environments
  in stable-baselines3's DummyVecEnv, in minibatches of 64 as is usual there and in large ones, and
  from `VectorEnv` with 1,024 copies; and the same through `envs.training`, as `envs.train` does it.
- score: seconds of learning until a policy earns `TARGET_FRACTION` of what the best one earns on
  the validation rows of a planted toy market (`envs/environments/synthetic_markets.py`), as the
  median over seeds.
- same: whether a whole training run, here and in a fresh process, leaves the same bytes, for
  every algorithm.

Each figure by the clock is followed by one by processor time, because the machine may have other
load.
"""

import hashlib
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np

from benchmarks.support.env_baselines import EPISODE, BenchmarkMarket, build_market
from domain.panel import Floats
from envs.env_settings import EnvSettings
from envs.environments.synthetic_markets import planted_market
from envs.training.algorithms import Learner
from envs.training.arguments import Algo, TrainingArguments
from envs.training.evaluation import Evaluator
from envs.training.events import RunEvaluated
from envs.training.run import run_training

LARGE = 4_096
"""Steps in a minibatch if there are enough copies."""
EPOCHS = 10
TARGET_FRACTION = 0.9
SEEDS = range(3)
MAX_STEPS = 300_000
"""Steps after which the score part gives up."""
ROWS, TRAINED = 2_000, 1_300
"""Rows of the toy market, and how many of them are for training."""
SMALL = TrainingArguments(seeds=1, steps=4_096, stages=2, episode=60, copies=64, batch=256)


@dataclass(frozen=True, slots=True)
class TrainingSetup:
    """`copies` environments, each stepped `steps` times before PPO learns in minibatches of
    `batch`; `scalar` ones are stepped one after another."""

    name: str
    copies: int
    steps: int
    batch: int
    scalar: bool


SETUPS = (
    TrainingSetup("8 scalar, batches of 64", 8, 256, 64, scalar=True),
    TrainingSetup(f"8 scalar, batches of {LARGE:,}", 8, 512, LARGE, scalar=True),
    TrainingSetup(f"1,024 copies, batches of {LARGE:,}", 1_024, 16, LARGE, scalar=False),
)


def run(steps: str = "200000", part: str = "") -> dict[str, Any]:
    figures: dict[str, Any] = {}
    if part in ("", "speed"):
        figures |= _speed(int(steps))
    if part in ("", "score"):
        figures |= _score()
    if part in ("", "same"):
        figures |= _same_bytes()
    return figures


def _speed(steps: int) -> dict[str, Any]:
    benchmark, figures = build_market(), dict[str, Any]()
    for setup in SETUPS:
        model = _ppo(setup, benchmark, EnvSettings(episode=EPISODE), 0)
        model.learn(2 * setup.copies * setup.steps)
        max_steps = steps if setup.batch == LARGE else steps // 4
        figures |= _rates(f"PPO, {setup.name}", partial(model.learn, max_steps), model)
    arguments = TrainingArguments(steps=10**6, copies=1_024, batch=LARGE)
    learner = Learner("ppo", 0, arguments, benchmark.market, benchmark.observations, benchmark.rows)
    done = learner.learn(1, 20_000, lambda _: None).steps
    clock, processor = time.perf_counter(), time.process_time()
    frames = learner.learn(2, done + steps, lambda _: None).steps - done
    name = "PPO through envs.training, 1,024 copies, frames a second"
    figures[name] = round(frames / (time.perf_counter() - clock))
    figures[f"{name} of processor time"] = round(frames / (time.process_time() - processor))
    return figures


def _rates(name: str, learn: Any, model: Any) -> dict[str, Any]:
    clock, processor = time.perf_counter(), time.process_time()
    learn()
    frames = model.num_timesteps
    return {
        f"{name}, frames a second": round(frames / (time.perf_counter() - clock)),
        f"{name}, frames a second of processor time": round(
            frames / (time.process_time() - processor)
        ),
    }


def _score() -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for setup in (SETUPS[0], SETUPS[2]):
        reached = [_train_to_target(setup, seed) for seed in SEEDS]
        for unit, values in zip(
            ("s", "processor s", "steps"), zip(*reached, strict=True), strict=True
        ):
            name = f"to {TARGET_FRACTION:.0%} of the best in a planted market, {setup.name}, {unit}"
            figures[name] = round(statistics.median(values), 2)
    return figures


def _train_to_target(setup: TrainingSetup, seed: int) -> tuple[float, float, float]:
    """Return seconds of learning, seconds of processor time, and steps; infinite if the target was
    not reached."""
    synthetic, settings = planted_market(seed, rows=ROWS), EnvSettings(episode=20)
    observations = np.clip(synthetic.market.observation, -5, 5).astype(np.float32)
    model = _ppo(
        setup, BenchmarkMarket(synthetic.market, observations), settings, seed, range(TRAINED)
    )
    evaluator = Evaluator(synthetic.market, range(TRAINED, ROWS), settings)
    enough = TARGET_FRACTION * _growth(evaluator, synthetic.best_weights[TRAINED:])
    spent = np.zeros(2)
    while model.num_timesteps < MAX_STEPS:
        began = np.array([time.perf_counter(), time.process_time()])
        model.learn(setup.copies * setup.steps, reset_num_timesteps=False)
        spent += np.array([time.perf_counter(), time.process_time()]) - began
        if _growth(evaluator, _predicted_weights(model, observations)) > enough:
            return float(spent[0]), float(spent[1]), float(model.num_timesteps)
    return np.inf, np.inf, np.inf


def _predicted_weights(model: Any, observations: Any) -> Floats:
    """Return the shares (R, N) on the rows that are evaluated."""
    rows = observations[TRAINED:]
    actions, _ = model.predict(rows.reshape(-1, rows.shape[-1]), deterministic=True)
    return np.asarray(actions.reshape(len(rows), -1), np.float64)


def _growth(evaluator: Evaluator, shares: Floats) -> float:
    return float(np.log1p(evaluator.returns(shares)).sum())


def _ppo(
    setup: TrainingSetup,
    benchmark: BenchmarkMarket,
    settings: EnvSettings,
    seed: int,
    rows: range | None = None,
) -> Any:
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import DummyVecEnv

    from envs.trading_env import TradingEnv
    from envs.vector_env import VectorEnv

    torch.set_num_threads(1)
    env_args = (benchmark.market, benchmark.observations, rows or benchmark.rows, settings)
    environment = (
        DummyVecEnv([partial(TradingEnv, *env_args)] * setup.copies)
        if setup.scalar
        else VectorEnv(*env_args, setup.copies)
    )
    return PPO(
        "MlpPolicy", environment, n_steps=setup.steps, batch_size=setup.batch, n_epochs=EPOCHS,
        learning_rate=3e-3, gamma=0.8, gae_lambda=0.9, seed=seed, device="cpu",
        policy_kwargs={"net_arch": [16, 16], "activation_fn": torch.nn.ReLU},
    )  # fmt: skip


def _same_bytes() -> dict[str, Any]:
    figures: dict[str, Any] = {}
    with ProcessPoolExecutor(1, get_context("spawn")) as fresh:
        for algo, actions in _algorithms():
            arguments = replace(SMALL, algo=(algo,), actions=actions)
            elsewhere = fresh.submit(_policy, arguments)
            figures[f"same bytes of a policy, {algo}"] = _policy(arguments) == elsewhere.result()
    return figures


def _algorithms() -> Iterator[tuple[Algo, Any]]:
    yield from (("ppo", "flat-long"), ("a2c", "flat-long"), ("dqn", "flat-long"))
    yield from (("sac", "share"), ("td3", "share"))


def _policy(arguments: TrainingArguments) -> Sequence[str]:
    """Return hashes of everything that a training run leaves."""
    toy = planted_market(0, rows=ROWS)
    days = toy.market.dates.astype("datetime64[D]").astype(object)
    run_arguments = replace(arguments, train_until=days[TRAINED], validate_until=days[1_600])
    *_, last = run_training(run_arguments, toy.market, {})
    if not isinstance(last, RunEvaluated):
        raise TypeError(f"A training run ended with {last}.")
    contents = (last.tensors, last.manifest, last.held_out)
    return [hashlib.sha256(content).hexdigest() for content in contents]
