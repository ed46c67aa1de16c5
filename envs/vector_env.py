"""Many environments as one: the VecEnv that stable-baselines3 trains on.

Copy i equals the scalar environment seeded with `seed` + i, to the last bit. Leaves out rendering
and changing a single copy: all are identical.
"""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.utils.seeding import np_random
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from domain.errors import InputError
from envs.env_settings import EnvSettings
from envs.environments.actions import PortfolioAction, SingleAssetAction
from envs.environments.batched_env import BatchedEnv, StepResult
from envs.environments.batched_observation import Ints, ObservationArray
from envs.market_data import MarketHistory

Info = Mapping[str, Any]

_EMPTY_INFO: Info = MappingProxyType({})
"""The info of a copy whose episode continues. All copies share one, because making a thousand
dictionaries takes as long as a thousand steps; it is read-only."""


class VectorEnv(VecEnv):
    """`count` copies of `TradingEnv`, or with `portfolio` of `PortfolioEnv`, with their spaces,
    units, rewards and endings.

    A copy whose episode has ended starts the next at once: `step` returns the new episode's first
    observation for it, and its info holds `terminal_observation`, `TimeLimit.truncated` and
    `episode`: `r`, the sum of rewards, `l`, the number of steps, and `growth`, the log of the
    growth of equity.

    Version history: as in the scalar environments.
    """

    render_mode = None

    def __init__(
        self,
        history: MarketHistory,
        observations: ObservationArray,
        rows: range,
        settings: EnvSettings,
        count: int,
        portfolio: bool = False,
    ) -> None:
        """Raises InputError as the scalar environments do, and for less than one copy."""
        if count < 1:
            raise InputError(f"There cannot be {count} copies. Give 1 or more.")
        self._env = BatchedEnv(history, observations, rows, settings, count, portfolio)
        self._actions = (
            PortfolioAction(settings, len(history.symbols))
            if portfolio
            else SingleAssetAction(settings)
        )
        self._generators: list[np.random.Generator | None] = [None] * count
        self._targets = np.zeros((count, 1))
        self._total = np.zeros(count)
        self.settings = settings
        super().__init__(count, self._env.observation_space, self._actions.space)

    def reset(self) -> ObservationArray:
        """Start new episodes in all copies. After `seed(s)` copy i draws from s + i; otherwise its
        generator continues."""
        self._generators = [
            generator if seed is None and generator is not None else np_random(seed)[0]
            for seed, generator in zip(self._seeds, self._generators, strict=True)
        ]
        self._reset_seeds()
        self._reset_options()
        self._reset_copies(np.arange(self.num_envs))
        return self._env.observation

    def step_async(self, actions: NDArray[Any]) -> None:
        """Set the next actions. Raises InputError for an invalid action, ResetNeeded before the
        first reset."""
        if self._generators[0] is None:
            raise ResetNeeded("No episodes are being played. Call reset() first.")
        self._targets = self._actions.to_targets(actions, self.num_envs)

    def step_wait(
        self,
    ) -> tuple[ObservationArray, NDArray[np.float64], NDArray[np.bool_], list[Any]]:
        result = self._env.step(self._targets)
        ended = result.terminated | result.truncated
        self._total += result.reward
        infos = [_EMPTY_INFO] * self.num_envs
        if result.ended_count:
            ended_copies = np.flatnonzero(ended)
            for copy, info in zip(
                ended_copies.tolist(), self._episode_infos(ended_copies, result), strict=True
            ):
                infos[copy] = info
            self._reset_copies(ended_copies)
        return self._env.observation, result.reward, ended, infos

    def info(self, copy: int) -> dict[str, Any]:
        """Return the state of one copy, as the scalar environment's info."""
        return self._env.info(copy)

    def close(self) -> None:
        """Do nothing: no resource is held open."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Return the same value for every copy, because all are identical."""
        return [getattr(self, attr_name)] * len(self._indices(indices))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:  # noqa: ARG002
        raise AttributeError(
            f"{attr_name} cannot be set: the copies are one environment. Make another of them."
        )

    def env_method(
        self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call `info`, the only method of a copy."""
        if method_name != "info":
            raise AttributeError(f"A copy has no method {method_name}, only info.")
        return [self.info(copy, *method_args, **method_kwargs) for copy in self._indices(indices)]

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:  # noqa: ARG002
        return [False] * len(self._indices(indices))

    def _indices(self, indices: int | Iterable[int] | None) -> list[int]:
        return list(self._get_indices(indices))

    def _reset_copies(self, indices: Ints) -> None:
        generators = (self._generators[copy] for copy in indices.tolist())
        self._env.reset(indices, [generator for generator in generators if generator is not None])
        self._total[indices] = 0.0

    def _episode_infos(self, ended_copies: Ints, result: StepResult) -> Iterator[Info]:
        """Yield the infos of the copies whose episode has ended."""
        last = self._env.observation[ended_copies]
        cut = result.truncated[ended_copies] & ~result.terminated[ended_copies]
        figures = (
            self._total[ended_copies],
            self._env.elapsed_steps[ended_copies],
            self._env.log_growth[ended_copies],
        )
        for observation, truncated, *summary in zip(
            last, cut.tolist(), *(each.tolist() for each in figures), strict=True
        ):
            yield {
                "terminal_observation": observation,
                "TimeLimit.truncated": truncated,
                "episode": dict(zip(("r", "l", "growth"), summary, strict=True)),
            }
