"""Copies of an environment stepped together: the core of the scalar and the vectorised
environments.

Promises that the path of a copy depends only on its own seed and actions, to the last bit, whatever
the number of copies. The accounts are the paper account's (`trading/kernels/batch.py`): what is
requested at the close of bar t is filled in bar t + 1. Every step returns new arrays.

Leaves out what an action is (`actions.py`) and the contracts of gymnasium and stable-baselines3.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces

from domain.panel import Bools, Floats
from envs.env_settings import EnvSettings
from envs.environments.batched_observation import (
    Ints,
    ObservationArray,
    noise_table,
    observe_batch,
    symbol_sets,
)
from envs.environments.episode_sampling import episode_windows
from envs.environments.rewards import REWARDS, batch_rewards, initial_memory
from envs.market_data import MarketHistory
from envs.policies.policy import CLIP
from trading.account.account_arrays import bar_arrays_from
from trading.kernels import step_batch
from trading.kernels.batch import align_rows, interleave_bars, new_account_batch
from trading.kernels.codes import KEEP, TARGET
from trading.kernels.state import BarArrays, new_account_arrays

_RANDOMISED_COSTS = ("half_spread", "commission", "impact", "borrow")
"""Costs that randomisation multiplies by a factor."""


@dataclass(frozen=True, slots=True, eq=False)
class StepResult:
    """The outcome of one step of M copies, each array (M,): the reward, whether equity was used up
    (`terminated`) and whether the episode ran its full length (`truncated`). `ended_count` is the
    number of copies that ended either way."""

    reward: Floats
    terminated: Bools
    truncated: Bools
    ended_count: int


class BatchedEnv:
    """`count` copies (M) that trade the `rows` of `history`. `observations` (T, N, K) float32 holds
    the K features, standardised and clipped. Each copy trades one symbol, drawn with its window, or
    all N symbols with `portfolio`.

    After `reset` and `step`, `observation` (M, W) float32 is the observation of W numbers at the
    close of `row` (M,), `equity` (M,) is the equity of the accounts there, and `cost` (M,) is the
    cost of the step's fills, in currency.
    """

    def __init__(
        self,
        history: MarketHistory,
        observations: ObservationArray,
        rows: range,
        settings: EnvSettings,
        count: int,
        portfolio: bool = False,
    ) -> None:
        """Raises InputError under the same conditions as `episode_windows`."""
        self.settings, self.count, self.symbols = settings, count, history.symbols
        self._episodes = episode_windows(history, observations, rows, settings, portfolio=portfolio)
        self._portfolio = portfolio
        self._bars = _kernel_bars(history, portfolio)
        self._observations = align_rows(
            symbol_sets(np.asarray(observations, np.float32), portfolio)
        )
        self._width = self._observations.shape[2]
        self._noise = noise_table(settings.noise, observations.shape[2])
        traded = [self.symbols] if portfolio else [(symbol,) for symbol in self.symbols]
        self._accounts = new_account_batch(
            traded, settings.trading, count, share_rules=not settings.dearer
        )
        self._initial_account = new_account_arrays(traded[0], settings.trading)
        for name in ("cash", "equity", "high", "day_equity"):
            self._initial_account.state[name] = settings.capital
        self._quantities, self._last_prices = (
            self._accounts.positions["quantity"],
            self._accounts.positions["last_price"],
        )  # views, so always current
        self._all_indices = np.arange(count)
        self._reward = REWARDS.index(settings.reward)
        self._memory = np.tile(initial_memory(settings.reward, settings.capital), (count, 1))
        self._start, self._delay, self._offset, self._remaining = np.zeros((4, count), np.int64)
        self._instructions = np.full((count, self._width), KEEP, np.int8)
        self._delayed_targets = np.zeros((settings.delay + 1, count, self._width))
        self._tradable = np.ones((count, self._width), bool)
        self.equity = np.full(count, settings.capital)
        self.cost = np.zeros(count)
        features = self._width * (observations.shape[2] + portfolio)
        self.observation = np.zeros((count, features), np.float32)

    @property
    def observation_space(self) -> spaces.Space[ObservationArray]:
        """The observation space of one copy."""
        return spaces.Box(-CLIP, CLIP, (self.observation.shape[1],), np.float32)

    @property
    def row(self) -> Ints:
        """(M,) row of the bar just closed."""
        return self._accounts.row

    @property
    def traded(self) -> Ints:
        """(M,) column of the symbol that each copy trades; 0 for a portfolio."""
        return self._accounts.symbol_set

    @property
    def elapsed_steps(self) -> Ints:
        """(M,) steps since the episode began."""
        return self._accounts.row - self._start

    @property
    def log_growth(self) -> Floats:
        """(M,) log of the growth of equity since the episode began; -inf when equity is used up."""
        with np.errstate(divide="ignore"):
            grown: Floats = np.log(np.maximum(self.equity, 0.0) / self.settings.capital)
            return grown

    @property
    def shares(self) -> Floats:
        """(M, N) shares of equity held at the last prices; -1 where the symbol cannot be held in
        this episode."""
        value = np.where(self._quantities == 0.0, 0.0, self._quantities * self._last_prices)
        return np.where(self._tradable, value / self.equity[:, None], -1.0)

    def reset(self, indices: Ints, generators: Sequence[np.random.Generator]) -> None:
        """Start new episodes for the copies `indices`, each drawn from its own generator."""
        sample, accounts = self._episodes.sample(generators), self._accounts
        self.observation = self.observation.copy()
        accounts.orders[indices], accounts.positions[indices] = (
            self._initial_account.orders,
            self._initial_account.positions,
        )
        accounts.state[indices] = self._initial_account.state[0]
        if self.settings.dearer:
            accounts.rules[indices] = self._initial_account.rules[0]
            for name in _RANDOMISED_COSTS:
                accounts.rules[name][indices] *= sample.cost_factor
        self._start[indices], self._delay[indices] = sample.row, sample.delay
        self._remaining[indices] = self.settings.episode
        self._offset[indices], self._tradable[indices] = sample.noise_row, sample.tradable
        self._memory[indices] = initial_memory(self.settings.reward, self.settings.capital)
        accounts.symbol_set[indices], accounts.row[indices] = sample.traded, sample.row - 1
        self._instructions[indices] = KEEP
        step_batch(
            accounts,
            self._bars,
            indices,
            self._instructions,
            self._delayed_targets[0],
            self.equity,
            self.cost,
        )  # the first bar is observed and marks the account, which holds nothing
        self._instructions[indices] = np.where(
            sample.tradable & (sample.delay == 0)[:, None], TARGET, KEEP
        )
        self._observe(indices)

    def step(self, targets: Floats) -> StepResult:
        """Advance all copies by one bar. `targets` (M, N), shares of equity, are requested at the
        closes of `row`, or `delay` bars later, and filled in the bar after."""
        if self.settings.delay:
            targets = self._delay_targets(targets)
        before, self.equity = self.equity, np.empty(self.count)
        self.cost = np.empty(self.count)
        step_batch(
            self._accounts,
            self._bars,
            self._all_indices,
            self._instructions,
            targets,
            self.equity,
            self.cost,
        )
        reward, is_over = np.empty(self.count), np.empty((2, self.count), bool)
        ended_count = batch_rewards(
            self._reward,
            before,
            self.equity,
            self._memory,
            self._remaining,
            reward,
            is_over[0],
            is_over[1],
        )
        self.observation = np.empty_like(self.observation)
        self._observe(self._all_indices)
        return StepResult(reward, is_over[0], is_over[1], ended_count)

    def info(self, copy: int) -> dict[str, Any]:
        """Return the state of one copy for people to read."""
        equity = float(self.equity[copy])
        info = {"row": int(self.row[copy]), "equity": equity, "cost": float(self.cost[copy])}
        if not self._portfolio:
            value = float(self._quantities[copy, 0]) * float(self._last_prices[copy, 0])
            weight = value / equity if equity > 0.0 else math.nan
            return {"symbol": self.symbols[self.traded[copy]], "share": weight, **info}
        positions = zip(self.symbols, self.shares[copy].tolist(), self._tradable[copy], strict=True)
        return {
            "shares": {symbol: weight for symbol, weight, tradable in positions if tradable},
            **info,
        }

    def _delay_targets(self, targets: Floats) -> Floats:
        """Return the targets to request now, those of `delay` bars ago; request nothing before
        there are any."""
        elapsed, size = self.elapsed_steps, len(self._delayed_targets)
        self._delayed_targets[elapsed % size, self._all_indices] = targets
        self._instructions[:] = np.where(
            self._tradable & (elapsed >= self._delay)[:, None], TARGET, KEEP
        )
        return np.ascontiguousarray(
            self._delayed_targets[(elapsed - self._delay) % size, self._all_indices]
        )

    def _observe(self, indices: Ints) -> None:
        accounts = self._accounts
        observe_batch(
            indices, accounts.symbol_set, accounts.row, self._start, self._observations,
            self._tradable, self._noise, self._offset, self.observation,
        )  # fmt: skip
        if self._portfolio:
            shares = np.clip(self.shares[indices], -CLIP, CLIP)
            self.observation[indices, -self._width :] = shares


def _kernel_bars(history: MarketHistory, portfolio: bool) -> BarArrays:
    bars = bar_arrays_from(history.bar_matrix)
    return interleave_bars(
        BarArrays._make(symbol_sets(each, portfolio) if each.ndim == 2 else each for each in bars)
    )
