"""Learning itself: five algorithms of stable-baselines3, stage by stage, with all they know as
plain arrays.

A stage begins anew: random numbers come from (seed, stage) and episodes from a reset. What is
carried from stage to stage is in `Learner.arrays` (`state.py`) and nothing else. One thread: two
gain nothing here, and sums would depend on how they share the work.

Leaves out when to stop and what a policy is worth (`member.py`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from envs.env_settings import NAMED, EnvSettings
from envs.market_data import History
from envs.policies.network import Layer, Network
from envs.policies.policy import Kind, Squash
from envs.training.arguments import Algo, Arguments
from envs.training.checkpoint_arrays import Arrays, arrays_of, restore

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

Seen = NDArray[np.float32]

PROBES = 64
"""Environments, and steps in each, by which the size of a reward is found."""


@dataclass(frozen=True, slots=True)
class Usual:
    """What suits an algorithm where nothing is asked for: the best policy in the least time, on a
    simulated market of another seed than it was trained on."""

    copies: int
    batch: int
    learning_rate: float
    entropy: float


USUAL: Mapping[Algo, Usual] = {
    "ppo": Usual(copies=1_024, batch=1_024, learning_rate=3e-3, entropy=0.01),
    "a2c": Usual(copies=256, batch=512, learning_rate=3e-3, entropy=0.05),
    "dqn": Usual(copies=64, batch=512, learning_rate=1e-3, entropy=0.0),
    "sac": Usual(copies=64, batch=512, learning_rate=1e-3, entropy=0.01),
    "td3": Usual(copies=64, batch=512, learning_rate=1e-3, entropy=0.0),
}
ROLLOUT = 20_480
"""Steps of all copies together that PPO learns from at a time, at most about: a stage is divided
into rollouts of one length."""
BUFFER = 50_000
"""Steps that are remembered to learn from again (dqn, sac, td3)."""
AGAIN = 32
"""Steps of all copies for which a batch is learnt from again."""
SHORTEST = 16
"""Steps of each copy in a stage, at least: fewer copies are used where a stage is short."""
WARMUP = 2_048
"""Random steps before learning from memory begins."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a stage brought: environment `steps` done so far, mean `reward` of a step of the stage,
    and the last update's `loss` (NaN before the first)."""

    steps: int
    reward: float
    loss: float


class Learner:
    """One algorithm with one seed on windows of `rows`. `seen` (T, N, K) float32 is the
    observation, standardised and clipped."""

    def __init__(
        self, algo: Algo, seed: int, arguments: Arguments, market: History, seen: Seen, rows: range
    ) -> None:
        """Raises InputError where no episode fits into `rows`."""
        import torch

        from envs.vector_env import VectorEnv

        torch.set_num_threads(1)
        self._algo, self._seed, self._total = algo, seed, arguments.steps
        self._settings = arguments.settings
        copies = _copies(algo, arguments)
        environment = VectorEnv(market, seen, rows, self._settings, copies)
        scale = _reward_scale(market, seen, rows, self._settings)
        self._model: Any = _model(algo, seed, arguments, _scaled(environment, scale))
        self._scale = scale

    def learn(self, stage: int, until: int, tick: Callable[[int], None]) -> Learnt:
        """Go on to `until` steps, or as few beyond as whole rollouts allow; `tick` hears of every
        so many. `stage` is the number of this part, from 0."""
        model, watch = self._model, _watch(self._total, tick)
        if model.num_timesteps < until:
            drawn = np.random.SeedSequence((self._seed, stage)).generate_state(1)[0]
            model.set_random_seed(int(drawn) >> 1)
            model._last_obs = None  # so that episodes begin anew
            if (explores := getattr(model, "exploration_schedule", None)) is not None:
                model.exploration_rate = explores(1.0 - model.num_timesteps / self._total)
            model.learn(
                until - model.num_timesteps,
                callback=watch,
                log_interval=None,
                reset_num_timesteps=False,
            )
        return Learnt(model.num_timesteps, watch.mean / self._scale, _loss(model))

    @property
    def network(self) -> Network:
        """The policy as plain layers."""
        return Network(tuple(_layer(module) for module in _linear(self._model, self._algo)))

    @property
    def arrays(self) -> Arrays:
        """All that is carried from stage to stage."""
        return arrays_of(self._model)

    def restore(self, arrays: Arrays) -> None:
        """Go on from `arrays`. Raises ValueError or KeyError where they are another learner's."""
        restore(self._model, arrays)


def kind_of(algo: Algo, settings: EnvSettings) -> tuple[Kind, Squash | None]:
    """What the outputs of the algorithm's network are."""
    if settings.actions not in NAMED:
        return "share", "tanh" if algo in ("sac", "td3") else "clip"
    return ("values" if algo == "dqn" else "logits"), None


def _model(algo: Algo, seed: int, arguments: Arguments, environment: Any) -> "BaseAlgorithm":
    import torch
    from stable_baselines3 import A2C, DQN, PPO, SAC, TD3
    from stable_baselines3.common.logger import Logger
    from stable_baselines3.common.noise import NormalActionNoise

    usual = USUAL[algo]
    copies = environment.num_envs
    batch = arguments.batch or usual.batch
    entropy = usual.entropy if arguments.entropy is None else arguments.entropy
    common: dict[str, Any] = {
        "policy": "MlpPolicy",
        "env": environment,
        "learning_rate": arguments.learning_rate or usual.learning_rate,
        "gamma": arguments.gamma,
        "policy_kwargs": {
            "net_arch": [arguments.hidden, arguments.hidden],
            "activation_fn": torch.nn.ReLU,
        },
        "seed": seed,
        "device": "cpu",
    }
    remembering = {
        "buffer_size": max(min(BUFFER, arguments.steps), copies),
        "batch_size": batch,
        "learning_starts": min(WARMUP, arguments.steps // 10),
        "train_freq": 1,
        "gradient_steps": max(copies // AGAIN, 1),
    }
    stage = -(-arguments.steps // arguments.stages)
    rollouts = -(-stage // ROLLOUT)
    steps = max(-(-stage // (rollouts * copies)), 2)
    model: BaseAlgorithm
    match algo:
        case "ppo":
            model = PPO(
                **common,
                n_steps=steps,
                batch_size=_even(steps * copies, batch),
                n_epochs=5,
                gae_lambda=0.9,
                ent_coef=entropy,
            )
        case "a2c":
            model = A2C(
                **common,
                n_steps=max(batch // copies, 1),
                gae_lambda=0.9,
                ent_coef=entropy,
                use_rms_prop=False,
            )
        case "dqn":
            model = DQN(**common, **remembering, target_update_interval=1_000)
        case "sac":
            model = SAC(**common, **remembering, ent_coef=entropy)
        case "td3":
            size = environment.action_space.shape
            noise = NormalActionNoise(np.zeros(size), np.full(size, 0.2))
            model = TD3(**common, **remembering, action_noise=noise)
    model.set_logger(Logger(None, []))
    return model


def _copies(algo: Algo, arguments: Arguments) -> int:
    stage = arguments.steps // arguments.stages
    usual = min(USUAL[algo].copies, max(stage // SHORTEST, 1))
    return min(arguments.copies or usual, stage)


def _even(size: int, batch: int) -> int:
    """The largest part of a rollout that is no larger than about `batch` and divides it."""
    parts = max(round(size / batch), 1)
    while size % parts:
        parts += 1
    return size // parts


def _scaled(environment: Any, scale: float) -> Any:
    """The environment with rewards of size 1, which step sizes are made for."""
    from stable_baselines3.common.vec_env import VecEnvWrapper

    class Scaled(VecEnvWrapper):
        def reset(self) -> Any:
            return self.venv.reset()

        def step_wait(self) -> Any:
            observation, reward, ended, infos = self.venv.step_wait()
            return observation, reward * scale, ended, infos

    return Scaled(environment)


def _reward_scale(market: History, seen: Seen, rows: range, settings: EnvSettings) -> float:
    """One over the root mean square of the rewards of random actions; 1 where there are none."""
    from envs.vector_env import VectorEnv

    environment = VectorEnv(market, seen, rows, settings, PROBES)
    environment.seed(0)
    environment.reset()
    environment.action_space.seed(0)
    total = 0.0
    for _ in range(PROBES):
        actions = np.array([environment.action_space.sample() for _ in range(PROBES)])
        total += float((environment.step(actions)[1] ** 2).mean())
    return float((PROBES / total) ** 0.5) if total > 0.0 else 1.0


def _watch(total: int, tick: Callable[[int], None]) -> Any:
    """A callback that tells of steps, adds up rewards, and makes what runs down with time (how
    often DQN explores) run down over the whole training instead of over a stage."""
    from stable_baselines3.common.callbacks import BaseCallback

    class Watch(BaseCallback):
        rewards, seen = 0.0, 0

        @property
        def mean(self) -> float:
            return self.rewards / self.seen if self.seen else float("nan")

        def _on_training_start(self) -> None:
            self.model._total_timesteps = total

        def _on_step(self) -> bool:
            tick(self.training_env.num_envs)
            self.rewards += float(self.locals["rewards"].sum())
            self.seen += self.training_env.num_envs
            return True

    return Watch()


def _loss(model: "BaseAlgorithm") -> float:
    """What the last update said of itself; the critic's loss where there are two."""
    told = model.logger.name_to_value
    for name in ("train/loss", "train/critic_loss", "train/value_loss"):
        if name in told:
            return float(told[name])
    return float("nan")


def _linear(model: Any, algo: Algo) -> list[Any]:
    """The layers of the actor, first to last."""
    import torch

    match algo:
        case "ppo" | "a2c":
            modules = [*model.policy.mlp_extractor.policy_net, model.policy.action_net]
        case "dqn":
            modules = [*model.policy.q_net.q_net]
        case "sac":
            modules = [*model.actor.latent_pi, model.actor.mu]
        case "td3":
            modules = [*model.actor.mu]
    return [module for module in modules if isinstance(module, torch.nn.Linear)]


def _layer(module: Any) -> Layer:
    return (
        np.ascontiguousarray(module.weight.detach().numpy().T, np.float64),
        module.bias.detach().numpy().astype(np.float64),
    )
