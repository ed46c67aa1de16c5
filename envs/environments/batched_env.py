"""Copies of an environment, stepped together: the one core of the scalar and the vectorised one.

Promises that a copy's path is a function of its own seed and actions, to the last bit, however many
others there are beside it. The accounts are the paper account's (`trading/kernels/batch.py`): what
is wanted at the close of bar t meets bar t + 1. Arrays that it gives are new in every step.

Leaves out what an action is (`actions.py`) and the contracts of gymnasium and stable-baselines3.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces

from domain.panel import Floats
from envs.env_settings import EnvSettings
from envs.environments.batched_observation import Bools, Ints, Seen, noise_table, observe_many, sets
from envs.environments.episode_sampling import episodes
from envs.environments.rewards import REWARDS, first_memory, judge_many
from envs.market_data import History
from envs.policies.policy import CLIP
from trading.account.account_arrays import bars_of
from trading.kernels import step_many
from trading.kernels.batch import in_lines, new_many, side_by_side
from trading.kernels.codes import DECIDE, LEAVE
from trading.kernels.state import Bars, new_desk

_COSTS = ("half_spread", "commission", "impact", "borrow")
"""What randomisation makes dearer or cheaper."""


@dataclass(frozen=True, slots=True, eq=False)
class Stepped:
    """Of M copies, each (M,): the reward, whether equity was used up (`terminated`) and whether the
    window is over (`truncated`). `ended` counts the copies of which one of both is true."""

    reward: Floats
    terminated: Bools
    truncated: Bools
    ended: int


class Copies:
    """`count` copies over `rows` of `history`. `seen` (T, N, K) float32 is the observation,
    standardised and clipped. A copy trades one symbol, drawn with its window, or with `portfolio`
    all N.

    After `begin` and `step`, `observation` (M, W) float32 is what is seen at the close of `row`
    (M,), and `equity` (M,) what the accounts are worth there; `cost` (M,) is what the step's fills
    took, in currency.
    """

    def __init__(
        self,
        history: History,
        seen: Seen,
        rows: range,
        settings: EnvSettings,
        count: int,
        portfolio: bool = False,
    ) -> None:
        """Raises InputError as `episodes` does."""
        self.settings, self.count, self.symbols = settings, count, history.symbols
        self._episodes = episodes(history, seen, rows, settings, portfolio=portfolio)
        self._portfolio = portfolio
        self._bars = _bars(history, portfolio)
        self._seen = in_lines(sets(np.asarray(seen, np.float32), portfolio))
        self._width = self._seen.shape[2]
        self._noise = noise_table(settings.noise, seen.shape[2])
        traded = [self.symbols] if portfolio else [(symbol,) for symbol in self.symbols]
        self._many = new_many(traded, settings.trading, count, alike=not settings.dearer)
        self._fresh = new_desk(traded[0], settings.trading)
        for name in ("cash", "equity", "high", "day_equity"):
            self._fresh.state[name] = settings.capital
        self._units, self._last = (
            self._many.held["quantity"],
            self._many.held["last_price"],
        )  # as they stand
        self._everyone = np.arange(count)
        self._reward = REWARDS.index(settings.reward)
        self._memory = np.tile(first_memory(settings.reward, settings.capital), (count, 1))
        self._start, self._delay, self._offset, self._left = np.zeros((4, count), np.int64)
        self._words = np.full((count, self._width), LEAVE, np.int8)
        self._later = np.zeros((settings.delay + 1, count, self._width))
        self._whole = np.ones((count, self._width), bool)
        self.equity = np.full(count, settings.capital)
        self.cost = np.zeros(count)
        features = self._width * (seen.shape[2] + portfolio)
        self.observation = np.zeros((count, features), np.float32)

    @property
    def space(self) -> spaces.Space[Seen]:
        """Of one copy's observation."""
        return spaces.Box(-CLIP, CLIP, (self.observation.shape[1],), np.float32)

    @property
    def row(self) -> Ints:
        """(M,) of the bar just closed."""
        return self._many.row

    @property
    def traded(self) -> Ints:
        """(M,) number of the symbol that a copy trades; 0 of a portfolio."""
        return self._many.traded

    @property
    def steps(self) -> Ints:
        """(M,) since the episode began."""
        return self._many.row - self._start

    @property
    def growth(self) -> Floats:
        """(M,) log of what equity grew by since the episode began; -inf when it is used up."""
        with np.errstate(divide="ignore"):
            grown: Floats = np.log(np.maximum(self.equity, 0.0) / self.settings.capital)
            return grown

    @property
    def shares(self) -> Floats:
        """(M, N) share of equity held at the last prices; -1 where the symbol cannot be held in
        this episode."""
        value = np.where(self._units == 0.0, 0.0, self._units * self._last)
        return np.where(self._whole, value / self.equity[:, None], -1.0)

    def begin(self, which: Ints, generators: Sequence[np.random.Generator]) -> None:
        """New episodes for the copies `which`, drawn from a generator each."""
        drawn, many = self._episodes.draw(generators), self._many
        self.observation = self.observation.copy()
        many.book[which], many.held[which] = self._fresh.book, self._fresh.held
        many.state[which] = self._fresh.state[0]
        if self.settings.dearer:
            many.rules[which] = self._fresh.rules[0]
            for name in _COSTS:
                many.rules[name][which] *= drawn.factor
        self._start[which], self._delay[which] = drawn.row, drawn.delay
        self._left[which] = self.settings.episode
        self._offset[which], self._whole[which] = drawn.noise, drawn.whole
        self._memory[which] = first_memory(self.settings.reward, self.settings.capital)
        many.traded[which], many.row[which] = drawn.traded, drawn.row - 1
        self._words[which] = LEAVE
        step_many(
            many, self._bars, which, self._words, self._later[0], self.equity, self.cost
        )  # the first bar is seen and marks the account, which holds nothing
        self._words[which] = np.where(drawn.whole & (drawn.delay == 0)[:, None], DECIDE, LEAVE)
        self._observe(which)

    def step(self, targets: Floats) -> Stepped:
        """`targets` (M, N), shares of equity, are asked for at the closes of `row`, or `delay` bars
        later, and the next bars are met."""
        if self.settings.delay:
            targets = self._late(targets)
        before, self.equity = self.equity, np.empty(self.count)
        self.cost = np.empty(self.count)
        step_many(
            self._many, self._bars, self._everyone, self._words, targets, self.equity, self.cost
        )
        reward, over = np.empty(self.count), np.empty((2, self.count), bool)
        ended = judge_many(
            self._reward, before, self.equity, self._memory, self._left, reward, over[0], over[1]
        )
        self.observation = np.empty_like(self.observation)
        self._observe(self._everyone)
        return Stepped(reward, over[0], over[1], ended)

    def info(self, copy: int) -> dict[str, Any]:
        """Where a copy stands, in words of people."""
        equity = float(self.equity[copy])
        info = {"row": int(self.row[copy]), "equity": equity, "cost": float(self.cost[copy])}
        if not self._portfolio:
            value = float(self._units[copy, 0]) * float(self._last[copy, 0])
            share = value / equity if equity > 0.0 else math.nan
            return {"symbol": self.symbols[self.traded[copy]], "share": share, **info}
        held = zip(self.symbols, self.shares[copy].tolist(), self._whole[copy], strict=True)
        return {"shares": {symbol: share for symbol, share, whole in held if whole}, **info}

    def _late(self, targets: Floats) -> Floats:
        """What goes out now: the targets of `delay` bars ago, and nothing before there are any."""
        gone, size = self.steps, len(self._later)
        self._later[gone % size, self._everyone] = targets
        self._words[:] = np.where(self._whole & (gone >= self._delay)[:, None], DECIDE, LEAVE)
        return np.ascontiguousarray(self._later[(gone - self._delay) % size, self._everyone])

    def _observe(self, which: Ints) -> None:
        many = self._many
        observe_many(
            which, many.traded, many.row, self._start, self._seen, self._whole, self._noise,
            self._offset, self.observation,
        )  # fmt: skip
        if self._portfolio:
            held = np.clip(self.shares[which], -CLIP, CLIP)
            self.observation[which, -self._width :] = held


def _bars(history: History, portfolio: bool) -> Bars:
    bars = bars_of(history.tape)
    return side_by_side(
        Bars._make(sets(each, portfolio) if each.ndim == 2 else each for each in bars)
    )
