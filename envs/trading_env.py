"""A gymnasium environment: one symbol, one target per bar, filled in the next bar, net of cost."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded

from envs.env_settings import DEFAULT_SETTINGS, EnvSettings
from envs.environments.actions import PortfolioAction, SingleAssetAction
from envs.environments.batched_env import BatchedEnv
from envs.environments.batched_observation import ObservationArray
from envs.market_data import MarketHistory


class SingleEnv(gymnasium.Env[ObservationArray, Any]):
    """One copy of `BatchedEnv` behind gymnasium's contract; the base of both scalar
    environments."""

    metadata = {"render_modes": []}  # noqa: RUF012 - gymnasium's own declaration

    def __init__(
        self, batched_env: BatchedEnv, actions: SingleAssetAction | PortfolioAction
    ) -> None:
        self._env, self._actions = batched_env, actions
        self._running = False
        self._indices = np.zeros(1, np.int64)
        self.observation_space, self.action_space = batched_env.observation_space, actions.space

    def reset(
        self,
        *,
        seed: int | None = None,
        options: dict[str, Any] | None = None,  # noqa: ARG002 - gymnasium's signature; none here
    ) -> tuple[ObservationArray, dict[str, Any]]:
        super().reset(seed=seed)
        self._env.reset(self._indices, (self.np_random,))
        self._running = True
        return self._env.observation[0], self._env.info(0)

    def step(self, action: Any) -> tuple[ObservationArray, float, bool, bool, dict[str, Any]]:
        """Advance by one bar. Raises InputError for an invalid action, ResetNeeded outside of an
        episode."""
        if not self._running:
            raise ResetNeeded("No episode is being played. Call reset() first.")
        result = self._env.step(self._actions.to_targets(action, 1))
        terminated, truncated = bool(result.terminated[0]), bool(result.truncated[0])
        self._running = not (terminated or truncated)
        observation, info = self._env.observation[0], self._env.info(0)
        return observation, float(result.reward[0]), terminated, truncated, info


class TradingEnv(SingleEnv):
    """Hold, leave or sell short one symbol through a random window of history.

    Observation: Box(±CLIP, (K,)) float32, row t of `observations`, known at the close of bar t.
    Action: Discrete(2), flat or long; Discrete(3), short, flat or long; Box(0, 1, (1,)) or
    Box(-1, 1, (1,)), any share (`settings.actions`): the share of equity to hold. It becomes an
    order at the close of bar t, which is filled in bar t + 1 by the paper account's fill model: at
    the open, with half the spread, a commission and impact, within the bar's volume, whole lots,
    the cash there is and the no-trade band.
    Reward: of equity at the close of t + 1 over that at the close of t
    (`envs/environments/rewards.py`), a number. Equity starts at `settings.capital`, in currency.
    Episode: `settings.episode` steps from a start drawn with its symbol at reset, from those
    windows inside `rows` in which the symbol has every bar and observation. It ends by truncation
    after so many steps, or terminates when equity is used up (a short that went wrong).
    Randomisation, drawn at reset: `dearer`, `delay` and `noise` of the settings.
    Info: `symbol`, `row` (of the bar just closed), `equity`, `share` (held), `cost` (of this step's
    fills, currency).
    Seeding: `reset(seed=...)` fixes every later episode until the next seed.

    Version 2: trades through the paper account; shares of equity, other rewards, randomisation.
    Version 1: an arithmetic of its own, without impact, lots, volume and band.
    The position is not observed in either.
    """

    def __init__(
        self,
        history: MarketHistory,
        observations: ObservationArray,
        rows: range,
        settings: EnvSettings = DEFAULT_SETTINGS,
    ) -> None:
        """`observations` (T, N, K), standardised and clipped, belongs to the rows of `history`.

        Raises InputError where `observations` or `rows` do not fit it, and where no window does.
        """
        super().__init__(
            BatchedEnv(history, observations, rows, settings, 1), SingleAssetAction(settings)
        )
