"""The market that environments are measured on, and three baselines that do nothing but step.

`numpy_batch` looks up and multiplies: no environment can be faster. `NumpyBatchWithCost` does the
least that a market environment must do. Leaves out environments that keep an account
(`env_peers.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import pandas as pd
from gymnasium import spaces
from numpy.typing import NDArray

from domain.panel import Floats
from envs.market_data import MarketHistory, history
from envs.observation import FEATURES, WARMUP
from envs.simulated import simulate

EPISODE = 252
COST = 3e-4
"""Half the spread and the commission of `CostSettings()`, a fraction of the traded value."""
STOCKS = 30


@dataclass(frozen=True, slots=True, eq=False)
class BenchmarkMarket:
    """The market that all run on: `observations` (T, N, K) has the K features of an observation."""

    market: MarketHistory
    observations: NDArray[np.float32]

    @property
    def rows(self) -> range:
        return range(WARMUP, len(self.market.dates))

    def frame(self, column: int) -> pd.DataFrame:
        """Return an episode's bars of one symbol, with its observations as columns `feature
        ...`."""
        bars, rows = self.market.bar_matrix, slice(WARMUP, WARMUP + EPISODE + 1)
        prices = {
            name: getattr(bars, name)[rows, column]
            for name in ("open", "high", "low", "close", "volume")
        }
        features = {
            f"feature {name}": self.observations[rows, column, k] for k, name in enumerate(FEATURES)
        }
        return pd.DataFrame({**prices, **features}, index=pd.DatetimeIndex(bars.known_at[rows]))


def build_market() -> BenchmarkMarket:
    market = history(simulate(7, symbols=STOCKS, days=1_500), "simulated, seed 7", simulated=True)
    return BenchmarkMarket(
        market, np.clip(np.nan_to_num(market.observation), -5, 5).astype(np.float32)
    )


def random_actions(copies: int) -> NDArray[np.int64]:
    """Draw D actions for M copies (D, M), independent at every bar: half of the accounts trade."""
    return np.random.default_rng(0).integers(2, size=(256, copies))


class BareEnv(gymnasium.Env[NDArray[np.float32], int]):
    """The minimal gymnasium environment: it looks up a row and earns the return if long."""

    def __init__(self, market: BenchmarkMarket) -> None:
        self.observation_space = spaces.Box(-5.0, 5.0, (len(FEATURES),), np.float32)
        self.action_space = spaces.Discrete(2)
        self._observations = market.observations[WARMUP:, 0].copy()
        self._growth = np.diff(np.log(market.market.close[WARMUP:, 0])).tolist()
        self._row = self._end = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        super().reset(seed=seed, options=options)
        self._row = int(self.np_random.integers(len(self._growth) - EPISODE))
        self._end = self._row + EPISODE
        return self._observations[self._row], {}

    def step(self, action: int) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        reward = self._growth[self._row] if action else 0.0
        self._row += 1
        return self._observations[self._row], reward, False, self._row == self._end, {}


def numpy_batch(market: BenchmarkMarket, copies: int) -> Callable[[int], int]:
    """Look up rows and multiply returns, for all copies at once: an upper bound for every
    environment."""
    observations = np.ascontiguousarray(market.observations[WARMUP:].reshape(-1, len(FEATURES)))
    close = market.market.close[WARMUP:]
    growth = np.vstack([close[1:] / close[:-1] - 1.0, np.zeros((1, STOCKS))]).reshape(-1)
    targets, random = random_actions(copies).astype(np.float64), np.random.default_rng(0)

    def run_steps(steps: int) -> int:
        rounds = -(-steps // copies)
        for number in range(rounds):
            if number % EPISODE == 0:
                at = random.integers(len(close) - EPISODE, size=copies) * STOCKS
                at += random.integers(STOCKS, size=copies)
                value = np.ones(copies)
            reward = targets[number % len(targets)] * growth[at]
            value *= 1.0 + reward
            at += STOCKS
            observations[at]
        return rounds * copies

    return run_steps


class NumpyBatchWithCost:
    """The batch with the least that a VecEnv of a market must do: a cost when a target changes, the
    log of growth, copies that end and reset by themselves, and newly allocated arrays to return."""

    def __init__(self, market: BenchmarkMarket, copies: int) -> None:
        self._observations = np.ascontiguousarray(
            market.observations[WARMUP:].reshape(-1, len(FEATURES))
        )
        close = market.market.close[WARMUP:]
        self._growth = (close[1:] / close[:-1] - 1.0).reshape(-1)
        self._starts = (len(close) - EPISODE) * STOCKS
        self._targets, self._random = (
            random_actions(copies).astype(np.float64),
            np.random.default_rng(0),
        )
        self._at = self._random.integers(self._starts, size=copies)
        self._left, self._positions = np.full(copies, EPISODE), np.zeros(copies)
        self._value = np.ones(copies)

    def run_steps(self, steps: int) -> int:
        rounds = -(-steps // len(self._at))
        for number in range(rounds):
            self.step(self._targets[number % len(self._targets)])
        return rounds * len(self._at)

    def step(self, targets: Floats) -> tuple[NDArray[np.float32], Floats, NDArray[np.bool_]]:
        grown = 1.0 + targets * self._growth[self._at] - COST * np.abs(targets - self._positions)
        self._value *= grown
        self._positions = targets.copy()
        self._at = self._at + STOCKS
        self._left -= 1
        over = self._left == 0
        if over.any():
            ended = np.flatnonzero(over)
            self._at[ended] = self._random.integers(self._starts, size=len(ended))
            self._left[ended], self._positions[ended], self._value[ended] = EPISODE, 0.0, 1.0
        return self._observations[self._at], np.log(grown), over
