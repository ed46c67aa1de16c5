"""Environments on the simulated market: ours, others', and baselines that only step.

Every `EnvEngine` runs episodes of `EPISODE` bars with random actions drawn beforehand, at a cost of
`COST` of the traded value if it can be set, and observes the eleven numbers of `FEATURES` if the
observation can be chosen; `differs` says in a word what it does otherwise. Imports happen when an
engine is made, so a peer that is not installed costs nothing. Most come with the extra `peers`;
tensortrade requires an old numpy and must be installed by hand (docs/trust/performance.md).
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

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.support.env_baselines import (
    COST,
    EPISODE,
    STOCKS,
    BareEnv,
    BenchmarkMarket,
    NumpyBatchWithCost,
    numpy_batch,
    random_actions,
)
from envs.env_settings import EnvSettings
from envs.observation import FEATURES
from envs.portfolio_env import PortfolioEnv
from envs.trading_env import TradingEnv
from envs.vector_env import VectorEnv

CASH = 100_000.0
CHANGE_PROBABILITY = 0.02
"""Probability that an account that seldom trades changes its target."""
ACTION_COUNT = 4_096
"""Steps after which the drawn actions repeat."""


@dataclass(frozen=True, slots=True)
class EnvEngine:
    """One environment. `run_steps(steps)` takes at least that many steps and returns how many it
    took; `steps` is how many it is measured on."""

    name: str
    run_steps: Callable[[int], int]
    steps: int
    differs: str = ""


def engines(market: BenchmarkMarket) -> Iterator[EnvEngine | str]:
    """Yield every engine, ours first; for a peer that is not installed, or lacks what it imports,
    its name."""
    yield from own_engines(market)
    yield EnvEngine(
        "bare gymnasium, one",
        run_scalar(BareEnv(market), discrete_actions(2)),
        200_000,
        "no cost, no account",
    )
    yield EnvEngine(
        "bare numpy, 1,024 copies", numpy_batch(market, 1_024), 4_000_000, "looks up, multiplies"
    )
    yield EnvEngine(
        "numpy with cost, 1,024 copies",
        NumpyBatchWithCost(market, 1_024).run_steps,
        2_000_000,
        "looks up, multiplies; a cost, a log, ends of its own",
    )
    for name, make in (
        ("gym-anytrading", _anytrading),
        ("gym-trading-env", _trading_env),
        ("FinRL, 1 stock", partial(_finrl, stocks=1)),
        (f"FinRL, {STOCKS} stocks", partial(_finrl, stocks=STOCKS)),
        ("tensortrade", _tensortrade),
    ):
        try:
            yield make(name, market)
        except ImportError:
            yield name


def own_engines(market: BenchmarkMarket) -> Iterator[EnvEngine]:
    settings, args = EnvSettings(episode=EPISODE), (market.market, market.observations, market.rows)
    yield EnvEngine(
        "quorum, one", run_scalar(TradingEnv(*args, settings), discrete_actions(2)), 6_000
    )
    for copies in (1_024, 4_096):
        for label, actions in (
            ("few trades", rare_actions(copies)),
            ("random", random_actions(copies)),
        ):
            many = VectorEnv(*args, settings, copies)
            name = f"quorum, {copies:,} copies, {label}"
            yield EnvEngine(name, run_vectorised(many, actions), EPISODE * 2_048)
    name = f"quorum, portfolio of {STOCKS}"
    yield EnvEngine(
        name, run_scalar(PortfolioEnv(*args, settings), box_actions(0.0, STOCKS)), 2_000
    )
    name = f"quorum, portfolio of {STOCKS}, 1,024 copies"
    portfolios = VectorEnv(*args, settings, 1_024, portfolio=True)
    weights = np.random.default_rng(0).random((64, 1_024, STOCKS), np.float32)
    yield EnvEngine(name, run_vectorised(portfolios, weights), EPISODE * 1_024)


def run_scalar(env: Any, actions: Sequence[Any]) -> Callable[[int], int]:
    """Return a function that steps a gymnasium environment, episode after episode."""

    def step_through(steps: int) -> int:
        env.reset(seed=0)
        for number in range(steps):
            _, _, over, cut, _ = env.step(actions[number % ACTION_COUNT])
            if over or cut:
                env.reset()
        return steps

    return step_through


def run_vectorised(env: Any, actions: NDArray[Any]) -> Callable[[int], int]:
    """Return a function that steps all M copies of a VecEnv at once, which resets each of them
    itself; `actions` (D, M, ...)."""

    def step_through(steps: int) -> int:
        env.reset()
        rounds = -(-steps // env.num_envs)
        for number in range(rounds):
            env.step(actions[number % len(actions)])
        return rounds * env.num_envs

    return step_through


def discrete_actions(count: int) -> list[int]:
    actions: list[int] = np.random.default_rng(0).integers(count, size=ACTION_COUNT).tolist()
    return actions


def box_actions(low: float, count: int) -> list[NDArray[np.float32]]:
    return list(
        np.random.default_rng(0).uniform(low, 1.0, (ACTION_COUNT, count)).astype(np.float32)
    )


def rare_actions(copies: int) -> NDArray[np.int64]:
    """Draw D actions for M accounts (D, M) that change their target with `CHANGE_PROBABILITY`."""
    changed = np.random.default_rng(0).random((256, copies)) < CHANGE_PROBABILITY
    actions: NDArray[np.int64] = np.cumsum(changed, axis=0) % 2
    return actions


def _anytrading(name: str, market: BenchmarkMarket) -> EnvEngine:
    from gym_anytrading.envs import StocksEnv

    bars = market.frame(0).rename(columns={"close": "Close"})
    env = StocksEnv(bars, window_size=1, frame_bound=(1, EPISODE + 1))
    env.trade_fee_bid_percent = env.trade_fee_ask_percent = COST
    return EnvEngine(
        name, run_scalar(env, discrete_actions(2)), 20_000, "sees two numbers, earns when it sells"
    )


def _trading_env(name: str, market: BenchmarkMarket) -> EnvEngine:
    with warnings.catch_warnings():  # its import turns every warning of the process into an error
        from gym_trading_env.environments import TradingEnv

    env = TradingEnv(market.frame(0), positions=[0, 1], trading_fees=COST,
                     portfolio_initial_value=CASH, verbose=0)  # fmt: skip
    return EnvEngine(
        name, run_scalar(env, discrete_actions(2)), 5_000, "fills at the close just seen"
    )


def _finrl(name: str, market: BenchmarkMarket, stocks: int) -> EnvEngine:
    env_of = _load_single_file(
        "finrl", "meta/env_stock_trading/env_stocktrading.py"
    ).StockTradingEnv
    frames = [market.frame(column).assign(tic=f"S{column:02}") for column in range(stocks)]
    bars = pd.concat(frames).rename_axis("date").reset_index().sort_values(["date", "tic"])
    bars.index = pd.Index(pd.factorize(bars["date"])[0])
    seen = [f"feature {name}" for name in FEATURES]
    env = env_of(
        bars, stocks, hmax=100, initial_amount=CASH, num_stock_shares=[0] * stocks,
        buy_cost_pct=[COST] * stocks, sell_cost_pct=[COST] * stocks, reward_scaling=1e-4,
        state_space=1 + (2 + len(seen)) * stocks, action_space=stocks, tech_indicator_list=seen,
        print_verbosity=10**9,
    )  # fmt: skip
    steps = 600 if stocks == 1 else 300
    return EnvEngine(
        name, run_scalar(env, box_actions(-1.0, stocks)), steps, "whole shares at the close"
    )


def _load_single_file(package: str, path: str) -> ModuleType:
    """Load one file of a package whose own import would load brokers and data vendors."""
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    file = Path(found.submodule_search_locations[0]) / path
    spec = spec_from_file_location(f"{package}_alone", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{package} has no {path}.")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _tensortrade(name: str, market: BenchmarkMarket) -> EnvEngine:
    for unused in ("tensortrade.agents", "tensortrade.stochastic"):  # they need tensorflow
        sys.modules.setdefault(unused, ModuleType(unused))
    from tensortrade.env import default
    from tensortrade.env.default.actions import BSH
    from tensortrade.feed.core import DataFeed, Stream
    from tensortrade.oms.exchanges import Exchange, ExchangeOptions
    from tensortrade.oms.instruments import USD, Instrument
    from tensortrade.oms.services.execution.simulated import execute_order
    from tensortrade.oms.wallets import Portfolio, Wallet

    bars, share = market.frame(0), Instrument("SHARE", 8, "share")

    def stream(column: str, name: str) -> Any:
        return Stream.source(bars[column].tolist(), dtype="float").rename(name)

    exchange = Exchange("simulated", execute_order, ExchangeOptions(commission=COST))(
        stream("close", "USD-SHARE")
    )
    cash, asset = Wallet(exchange, CASH * USD), Wallet(exchange, 0 * share)
    env = default.create(
        portfolio=Portfolio(USD, [cash, asset]), action_scheme=BSH(cash=cash, asset=asset),
        reward_scheme="simple", window_size=1, max_allowed_loss=1.0,
        feed=DataFeed([stream(f"feature {each}", each) for each in FEATURES]),
    )  # fmt: skip
    return EnvEngine(
        name, _run_old_gym(env, discrete_actions(2)), 600, "fills at the close just seen"
    )


def _run_old_gym(env: Any, actions: Sequence[Any]) -> Callable[[int], int]:
    """Step an environment from before gymnasium, whose step returned four values, one of them
    saying that the episode is over."""

    def step_through(steps: int) -> int:
        env.reset()
        for number in range(steps):
            _, _, over, _ = env.step(actions[number % ACTION_COUNT])
            if over:
                env.reset()
        return steps

    return step_through
