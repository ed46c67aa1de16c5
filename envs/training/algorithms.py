"""The learning itself: five algorithms of stable-baselines3, stage by stage, with their whole state
as plain arrays.

A stage begins anew: random numbers come from (seed, stage) and episodes from a reset. Only
`Learner.arrays` (`checkpoint_arrays.py`) is carried from stage to stage. One thread: a second
brings no speed here, and sums would depend on how they share the work.

Leaves out when to stop and how a policy is scored (`member_training.py`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from envs.env_settings import NAMED_ACTIONS, EnvSettings
from envs.market_data import MarketHistory
from envs.policies.network import Layer, Network
from envs.policies.policy import OutputKind, Squash
from envs.training.arguments import Algo, TrainingArguments
from envs.training.checkpoint_arrays import Arrays, model_arrays, restore_model

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

ObservationArray = NDArray[np.float32]

PROBE_ENVS = 64
"""Environments, and steps in each, that measure the size of a reward."""


@dataclass(frozen=True, slots=True)
class AlgorithmDefaults:
    """Default settings of an algorithm: the best policy in the least time, found on a simulated
    market of another seed than the default policy was trained on."""

    copies: int
    batch: int
    learning_rate: float
    entropy: float


ALGORITHM_DEFAULTS: Mapping[Algo, AlgorithmDefaults] = {
    "ppo": AlgorithmDefaults(copies=1_024, batch=1_024, learning_rate=3e-3, entropy=0.01),
    "a2c": AlgorithmDefaults(copies=256, batch=512, learning_rate=3e-3, entropy=0.05),
    "dqn": AlgorithmDefaults(copies=64, batch=512, learning_rate=1e-3, entropy=0.0),
    "sac": AlgorithmDefaults(copies=64, batch=512, learning_rate=1e-3, entropy=0.01),
    "td3": AlgorithmDefaults(copies=64, batch=512, learning_rate=1e-3, entropy=0.0),
}
ROLLOUT_STEPS = 20_480
"""Steps of all copies together in one PPO rollout, at most about: a stage is divided into rollouts
of equal length."""
REPLAY_BUFFER_SIZE = 50_000
"""Steps in the replay buffer (dqn, sac, td3)."""
STEPS_PER_UPDATE = 32
"""Steps of all copies per batch learnt from the replay buffer."""
MIN_STAGE_STEPS = 16
"""Fewest steps of each copy in a stage: a short stage uses fewer copies."""
RANDOM_STEPS = 2_048
"""Random steps before learning from the replay buffer begins."""


@dataclass(frozen=True, slots=True)
class StageResult:
    """The result of a stage: environment `steps` done so far, mean `reward` of a step of the stage,
    and the last update's `loss` (NaN before the first)."""

    steps: int
    reward: float
    loss: float


class Learner:
    """One algorithm with one seed on windows of `rows`. `observations` (T, N, K) float32 holds the
    K features, standardised and clipped."""

    def __init__(
        self,
        algo: Algo,
        seed: int,
        arguments: TrainingArguments,
        market: MarketHistory,
        observations: ObservationArray,
        rows: range,
    ) -> None:
        """Raises InputError where no episode fits into `rows`."""
        import torch

        from envs.vector_env import VectorEnv

        torch.set_num_threads(1)
        self._algo, self._seed, self._total = algo, seed, arguments.steps
        self._settings = arguments.settings
        copies = _env_count(algo, arguments)
        environment = VectorEnv(market, observations, rows, self._settings, copies)
        scale = _reward_scale(market, observations, rows, self._settings)
        self._model: Any = _build_model(algo, seed, arguments, _scale_rewards(environment, scale))
        self._scale = scale

    def learn(self, stage: int, until: int, on_steps: Callable[[int], None]) -> StageResult:
        """Continue to `until` steps, or as few beyond as whole rollouts allow; call `on_steps`
        every few steps. `stage` is the number of this stage, from 0."""
        model, recorder = self._model, _progress_callback(self._total, on_steps)
        if model.num_timesteps < until:
            drawn = np.random.SeedSequence((self._seed, stage)).generate_state(1)[0]
            model.set_random_seed(int(drawn) >> 1)
            model._last_obs = None  # so that episodes begin anew
            if (schedule := getattr(model, "exploration_schedule", None)) is not None:
                model.exploration_rate = schedule(1.0 - model.num_timesteps / self._total)
            model.learn(
                until - model.num_timesteps,
                callback=recorder,
                log_interval=None,
                reset_num_timesteps=False,
            )
        return StageResult(model.num_timesteps, recorder.mean / self._scale, _last_loss(model))

    @property
    def network(self) -> Network:
        """Return the policy as plain layers."""
        return Network(
            tuple(_plain_layer(module) for module in _actor_layers(self._model, self._algo))
        )

    @property
    def arrays(self) -> Arrays:
        """Return everything that is carried from stage to stage."""
        return model_arrays(self._model)

    def restore(self, arrays: Arrays) -> None:
        """Continue from `arrays`. Raises ValueError or KeyError where they are another
        learner's."""
        restore_model(self._model, arrays)


def output_kind(algo: Algo, settings: EnvSettings) -> tuple[OutputKind, Squash | None]:
    """Return what the outputs of the algorithm's network are."""
    if settings.actions not in NAMED_ACTIONS:
        return "share", "tanh" if algo in ("sac", "td3") else "clip"
    return ("values" if algo == "dqn" else "logits"), None


def _build_model(
    algo: Algo, seed: int, arguments: TrainingArguments, environment: Any
) -> "BaseAlgorithm":
    import torch
    from stable_baselines3 import A2C, DQN, PPO, SAC, TD3
    from stable_baselines3.common.logger import Logger
    from stable_baselines3.common.noise import NormalActionNoise

    defaults = ALGORITHM_DEFAULTS[algo]
    copies = environment.num_envs
    batch = arguments.batch or defaults.batch
    entropy = defaults.entropy if arguments.entropy is None else arguments.entropy
    common: dict[str, Any] = {
        "policy": "MlpPolicy",
        "env": environment,
        "learning_rate": arguments.learning_rate or defaults.learning_rate,
        "gamma": arguments.gamma,
        "policy_kwargs": {
            "net_arch": [arguments.hidden, arguments.hidden],
            "activation_fn": torch.nn.ReLU,
        },
        "seed": seed,
        "device": "cpu",
    }
    off_policy = {
        "buffer_size": max(min(REPLAY_BUFFER_SIZE, arguments.steps), copies),
        "batch_size": batch,
        "learning_starts": min(RANDOM_STEPS, arguments.steps // 10),
        "train_freq": 1,
        "gradient_steps": max(copies // STEPS_PER_UPDATE, 1),
    }
    stage = -(-arguments.steps // arguments.stages)
    rollouts = -(-stage // ROLLOUT_STEPS)
    steps = max(-(-stage // (rollouts * copies)), 2)
    model: BaseAlgorithm
    match algo:
        case "ppo":
            model = PPO(
                **common,
                n_steps=steps,
                batch_size=_minibatch_size(steps * copies, batch),
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
            model = DQN(**common, **off_policy, target_update_interval=1_000)
        case "sac":
            model = SAC(**common, **off_policy, ent_coef=entropy)
        case "td3":
            size = environment.action_space.shape
            noise = NormalActionNoise(np.zeros(size), np.full(size, 0.2))
            model = TD3(**common, **off_policy, action_noise=noise)
    model.set_logger(Logger(None, []))
    return model


def _env_count(algo: Algo, arguments: TrainingArguments) -> int:
    stage = arguments.steps // arguments.stages
    default = min(ALGORITHM_DEFAULTS[algo].copies, max(stage // MIN_STAGE_STEPS, 1))
    return min(arguments.copies or default, stage)


def _minibatch_size(size: int, batch: int) -> int:
    """Return the largest divisor of a rollout's `size` that is no larger than about `batch`."""
    parts = max(round(size / batch), 1)
    while size % parts:
        parts += 1
    return size // parts


def _scale_rewards(environment: Any, scale: float) -> Any:
    """Return the environment with rewards scaled to size 1, which learning rates assume."""
    from stable_baselines3.common.vec_env import VecEnvWrapper

    class ScaledRewards(VecEnvWrapper):
        def reset(self) -> Any:
            return self.venv.reset()

        def step_wait(self) -> Any:
            observation, reward, ended, infos = self.venv.step_wait()
            return observation, reward * scale, ended, infos

    return ScaledRewards(environment)


def _reward_scale(
    market: MarketHistory, observations: ObservationArray, rows: range, settings: EnvSettings
) -> float:
    """Return one over the root mean square of the rewards of random actions; 1 where all are 0."""
    from envs.vector_env import VectorEnv

    environment = VectorEnv(market, observations, rows, settings, PROBE_ENVS)
    environment.seed(0)
    environment.reset()
    environment.action_space.seed(0)
    total = 0.0
    for _ in range(PROBE_ENVS):
        actions = np.array([environment.action_space.sample() for _ in range(PROBE_ENVS)])
        total += float((environment.step(actions)[1] ** 2).mean())
    return float((PROBE_ENVS / total) ** 0.5) if total > 0.0 else 1.0


def _progress_callback(total: int, on_steps: Callable[[int], None]) -> Any:
    """Return a callback that reports steps, sums rewards, and makes decaying schedules (how often
    DQN explores) decay over the whole training instead of over a stage."""
    from stable_baselines3.common.callbacks import BaseCallback

    class StepRecorder(BaseCallback):
        rewards, steps = 0.0, 0

        @property
        def mean(self) -> float:
            return self.rewards / self.steps if self.steps else float("nan")

        def _on_training_start(self) -> None:
            self.model._total_timesteps = total

        def _on_step(self) -> bool:
            on_steps(self.training_env.num_envs)
            self.rewards += float(self.locals["rewards"].sum())
            self.steps += self.training_env.num_envs
            return True

    return StepRecorder()


def _last_loss(model: "BaseAlgorithm") -> float:
    """Return the loss of the last update; the critic's where there are two."""
    logged = model.logger.name_to_value
    for name in ("train/loss", "train/critic_loss", "train/value_loss"):
        if name in logged:
            return float(logged[name])
    return float("nan")


def _actor_layers(model: Any, algo: Algo) -> list[Any]:
    """Return the layers of the actor, first to last."""
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


def _plain_layer(module: Any) -> Layer:
    return (
        np.ascontiguousarray(module.weight.detach().numpy().T, np.float64),
        module.bias.detach().numpy().astype(np.float64),
    )
