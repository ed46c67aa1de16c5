"""Environments to step through the simulated market, ours, others', and two that do nothing else.

Every `Engine` plays episodes of `EPISODE` bars with random actions drawn beforehand, at a cost of
`COST` of what is traded where one can be told it, and sees the eleven numbers of `FEATURES` where
one can say what is seen; `differs` says in a word what it does otherwise. Imports happen when an
engine is made, so a peer that is not installed costs nothing. Most come with the extra `peers`;
tensortrade is pinned to an old numpy and goes in by hand (docs/performance.md).
"""

import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium
import numpy as np
import pandas as pd
from gymnasium import spaces
from numpy.typing import NDArray

from domain.panel import Floats
from envs.env_settings import EnvSettings
from envs.market_data import History, history
from envs.observation import FEATURES, WARMUP
from envs.portfolio_env import PortfolioEnv
from envs.simulated import simulate
from envs.trading_env import TradingEnv
from envs.vector_env import VectorEnv

EPISODE = 252
CASH = 100_000.0
COST = 3e-4
"""Half the spread and the commission of `CostSettings()`, a share of what is traded."""
STOCKS = 30
FEW = 0.02
"""Probability that an account that trades seldom changes what it wants."""
DRAWN = 4_096
"""Steps after which the drawn actions begin again."""


@dataclass(frozen=True, slots=True)
class Engine:
    """`play(steps)` plays at least so many, and says how many they were; `steps` is on how many it
    is measured."""

    name: str
    play: Callable[[int], int]
    steps: int
    differs: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What all play on: `seen` (T, N, K) is what an observation shows."""

    market: History
    seen: NDArray[np.float32]

    @property
    def rows(self) -> range:
        return range(WARMUP, len(self.market.dates))

    def frame(self, column: int) -> pd.DataFrame:
        """An episode's bars of one symbol, with what is seen as columns `feature ...`."""
        tape, rows = self.market.tape, slice(WARMUP, WARMUP + EPISODE + 1)
        prices = {
            name: getattr(tape, name)[rows, column]
            for name in ("open", "high", "low", "close", "volume")
        }
        features = {
            f"feature {name}": self.seen[rows, column, k] for k, name in enumerate(FEATURES)
        }
        return pd.DataFrame({**prices, **features}, index=pd.DatetimeIndex(tape.known_at[rows]))


def ground() -> Ground:
    market = history(simulate(7, symbols=STOCKS, days=1_500), "simulated, seed 7", simulated=True)
    return Ground(market, np.clip(np.nan_to_num(market.observation), -5, 5).astype(np.float32))


def engines(on: Ground) -> Iterator[Engine | str]:
    """Every engine, ours first; for a peer that is not installed, or lacks what it imports, its
    name."""
    yield from ours(on)
    yield Engine("bare gymnasium, one", scalar(Bare(on), ints(2)), 200_000, "no cost, no account")
    yield Engine("bare numpy, 1,024 copies", batch(on, 1_024), 4_000_000, "looks up, multiplies")
    least = "looks up, multiplies; a cost, a log, ends of its own"
    yield Engine("numpy with cost, 1,024 copies", Costly(on, 1_024).play, 2_000_000, least)
    for name, make in (
        ("gym-anytrading", _anytrading),
        ("gym-trading-env", _trading_env),
        ("FinRL, 1 stock", partial(_finrl, stocks=1)),
        (f"FinRL, {STOCKS} stocks", partial(_finrl, stocks=STOCKS)),
        ("tensortrade", _tensortrade),
    ):
        try:
            yield make(name, on)
        except ImportError:
            yield name


def ours(on: Ground) -> Iterator[Engine]:
    settings, told = EnvSettings(episode=EPISODE), (on.market, on.seen, on.rows)
    yield Engine("quorum, one", scalar(TradingEnv(*told, settings), ints(2)), 6_000)
    for copies in (1_024, 4_096):
        for what, wanted in (("few trades", few(copies)), ("random", coins(copies))):
            many = VectorEnv(*told, settings, copies)
            name = f"quorum, {copies:,} copies, {what}"
            yield Engine(name, vectorised(many, wanted), EPISODE * 2_048)
    name = f"quorum, portfolio of {STOCKS}"
    yield Engine(name, scalar(PortfolioEnv(*told, settings), boxes(0.0, STOCKS)), 2_000)
    name = f"quorum, portfolio of {STOCKS}, 1,024 copies"
    portfolios = VectorEnv(*told, settings, 1_024, portfolio=True)
    weights = np.random.default_rng(0).random((64, 1_024, STOCKS), np.float32)
    yield Engine(name, vectorised(portfolios, weights), EPISODE * 1_024)


def scalar(env: Any, actions: Sequence[Any]) -> Callable[[int], int]:
    """Episode after episode of a gymnasium environment."""

    def play(steps: int) -> int:
        env.reset(seed=0)
        for number in range(steps):
            _, _, over, cut, _ = env.step(actions[number % DRAWN])
            if over or cut:
                env.reset()
        return steps

    return play


def vectorised(env: Any, actions: NDArray[Any]) -> Callable[[int], int]:
    """All copies of a VecEnv at once, which resets each of them itself; `actions` (D, M, ...)."""

    def play(steps: int) -> int:
        env.reset()
        rounds = -(-steps // env.num_envs)
        for number in range(rounds):
            env.step(actions[number % len(actions)])
        return rounds * env.num_envs

    return play


def ints(count: int) -> list[int]:
    drawn: list[int] = np.random.default_rng(0).integers(count, size=DRAWN).tolist()
    return drawn


def boxes(low: float, count: int) -> list[NDArray[np.float32]]:
    return list(np.random.default_rng(0).uniform(low, 1.0, (DRAWN, count)).astype(np.float32))


def coins(copies: int) -> NDArray[np.int64]:
    """(D, M) anew at every bar: half of the accounts trade."""
    return np.random.default_rng(0).integers(2, size=(256, copies))


def few(copies: int) -> NDArray[np.int64]:
    """(D, M) of accounts that change what they want with probability FEW."""
    changed = np.random.default_rng(0).random((256, copies)) < FEW
    wanted: NDArray[np.int64] = np.cumsum(changed, axis=0) % 2
    return wanted


class Bare(gymnasium.Env[NDArray[np.float32], int]):
    """The least that keeps gymnasium's contract: a row looked up, a return earned if long."""

    def __init__(self, on: Ground) -> None:
        self.observation_space = spaces.Box(-5.0, 5.0, (len(FEATURES),), np.float32)
        self.action_space = spaces.Discrete(2)
        self._seen = on.seen[WARMUP:, 0].copy()
        self._growth = np.diff(np.log(on.market.close[WARMUP:, 0])).tolist()
        self._row = self._end = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        super().reset(seed=seed, options=options)
        self._row = int(self.np_random.integers(len(self._growth) - EPISODE))
        self._end = self._row + EPISODE
        return self._seen[self._row], {}

    def step(self, action: int) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        reward = self._growth[self._row] if action else 0.0
        self._row += 1
        return self._seen[self._row], reward, False, self._row == self._end, {}


def batch(on: Ground, copies: int) -> Callable[[int], int]:
    """Rows looked up and returns multiplied, for all copies at once: what nobody can beat."""
    seen = np.ascontiguousarray(on.seen[WARMUP:].reshape(-1, len(FEATURES)))
    close = on.market.close[WARMUP:]
    growth = np.vstack([close[1:] / close[:-1] - 1.0, np.zeros((1, STOCKS))]).reshape(-1)
    wanted, random = coins(copies).astype(np.float64), np.random.default_rng(0)

    def play(steps: int) -> int:
        rounds = -(-steps // copies)
        for number in range(rounds):
            if number % EPISODE == 0:
                at = random.integers(len(close) - EPISODE, size=copies) * STOCKS
                at += random.integers(STOCKS, size=copies)
                worth = np.ones(copies)
            reward = wanted[number % len(wanted)] * growth[at]
            worth *= 1.0 + reward
            at += STOCKS
            seen[at]
        return rounds * copies

    return play


class Costly:
    """The batch with the least that a VecEnv of a market must do: a cost where a target changes,
    the log of growth, copies that end by themselves and begin anew, and arrays of its own to hand
    out."""

    def __init__(self, on: Ground, copies: int) -> None:
        self._seen = np.ascontiguousarray(on.seen[WARMUP:].reshape(-1, len(FEATURES)))
        close = on.market.close[WARMUP:]
        self._growth = (close[1:] / close[:-1] - 1.0).reshape(-1)
        self._starts = (len(close) - EPISODE) * STOCKS
        self._wanted, self._random = coins(copies).astype(np.float64), np.random.default_rng(0)
        self._at = self._random.integers(self._starts, size=copies)
        self._left, self._held = np.full(copies, EPISODE), np.zeros(copies)
        self._worth = np.ones(copies)

    def play(self, steps: int) -> int:
        rounds = -(-steps // len(self._at))
        for number in range(rounds):
            self.step(self._wanted[number % len(self._wanted)])
        return rounds * len(self._at)

    def step(self, wanted: Floats) -> tuple[NDArray[np.float32], Floats, NDArray[np.bool_]]:
        grown = 1.0 + wanted * self._growth[self._at] - COST * np.abs(wanted - self._held)
        self._worth *= grown
        self._held = wanted.copy()
        self._at = self._at + STOCKS
        self._left -= 1
        over = self._left == 0
        if over.any():
            anew = np.flatnonzero(over)
            self._at[anew] = self._random.integers(self._starts, size=len(anew))
            self._left[anew], self._held[anew], self._worth[anew] = EPISODE, 0.0, 1.0
        return self._seen[self._at], np.log(grown), over


def _anytrading(name: str, on: Ground) -> Engine:
    from gym_anytrading.envs import StocksEnv

    bars = on.frame(0).rename(columns={"close": "Close"})
    env = StocksEnv(bars, window_size=1, frame_bound=(1, EPISODE + 1))
    env.trade_fee_bid_percent = env.trade_fee_ask_percent = COST
    return Engine(name, scalar(env, ints(2)), 20_000, "sees two numbers, earns when it sells")


def _trading_env(name: str, on: Ground) -> Engine:
    with warnings.catch_warnings():  # its import turns every warning of the process into an error
        from gym_trading_env.environments import TradingEnv

    env = TradingEnv(on.frame(0), positions=[0, 1], trading_fees=COST,
                     portfolio_initial_value=CASH, verbose=0)  # fmt: skip
    return Engine(name, scalar(env, ints(2)), 5_000, "fills at the close just seen")


def _finrl(name: str, on: Ground, stocks: int) -> Engine:
    env_of = _alone("finrl", "meta/env_stock_trading/env_stocktrading.py").StockTradingEnv
    frames = [on.frame(column).assign(tic=f"S{column:02}") for column in range(stocks)]
    bars = pd.concat(frames).rename_axis("date").reset_index().sort_values(["date", "tic"])
    bars.index = pd.Index(pd.factorize(bars["date"])[0])
    seen = [f"feature {each}" for each in FEATURES]
    env = env_of(
        bars, stocks, hmax=100, initial_amount=CASH, num_stock_shares=[0] * stocks,
        buy_cost_pct=[COST] * stocks, sell_cost_pct=[COST] * stocks, reward_scaling=1e-4,
        state_space=1 + (2 + len(seen)) * stocks, action_space=stocks, tech_indicator_list=seen,
        print_verbosity=10**9,
    )  # fmt: skip
    steps = 600 if stocks == 1 else 300
    return Engine(name, scalar(env, boxes(-1.0, stocks)), steps, "whole shares at the close")


def _alone(package: str, path: str) -> ModuleType:
    """One file of a package whose own start would load brokers and data vendors."""
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    where = Path(found.submodule_search_locations[0]) / path
    spec = spec_from_file_location(f"{package}_alone", where)
    if spec is None or spec.loader is None:
        raise ImportError(f"{package} has no {path}.")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _tensortrade(name: str, on: Ground) -> Engine:
    for unused in ("tensortrade.agents", "tensortrade.stochastic"):  # they want tensorflow
        sys.modules.setdefault(unused, ModuleType(unused))
    from tensortrade.env import default
    from tensortrade.env.default.actions import BSH
    from tensortrade.feed.core import DataFeed, Stream
    from tensortrade.oms.exchanges import Exchange, ExchangeOptions
    from tensortrade.oms.instruments import USD, Instrument
    from tensortrade.oms.services.execution.simulated import execute_order
    from tensortrade.oms.wallets import Portfolio, Wallet

    bars, share = on.frame(0), Instrument("SHARE", 8, "share")

    def stream(column: str, called: str) -> Any:
        return Stream.source(bars[column].tolist(), dtype="float").rename(called)

    exchange = Exchange("simulated", execute_order, ExchangeOptions(commission=COST))(
        stream("close", "USD-SHARE")
    )
    cash, asset = Wallet(exchange, CASH * USD), Wallet(exchange, 0 * share)
    env = default.create(
        portfolio=Portfolio(USD, [cash, asset]), action_scheme=BSH(cash=cash, asset=asset),
        reward_scheme="simple", window_size=1, max_allowed_loss=1.0,
        feed=DataFeed([stream(f"feature {each}", each) for each in FEATURES]),
    )  # fmt: skip
    return Engine(name, _old_gym(env, ints(2)), 600, "fills at the close just seen")


def _old_gym(env: Any, actions: Sequence[Any]) -> Callable[[int], int]:
    """Before gymnasium a step answered four things, of which one said that it is over."""

    def play(steps: int) -> int:
        env.reset()
        for number in range(steps):
            _, _, over, _ = env.step(actions[number % DRAWN])
            if over:
                env.reset()
        return steps

    return play
