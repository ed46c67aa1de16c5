"""Weights of many symbols: the rest is cash, and what has no bars cannot be held."""

import warnings

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st
from stable_baselines3.common.env_checker import check_env as check_for_sb3

from domain.errors import InputError
from envs.market_data import MarketHistory
from envs.portfolio_env import PortfolioEnv
from tests.envs.market_fixtures import (
    FREE,
    MARKET,
    ROWS,
    market_of,
    observations_of,
    remove_bar,
    short_episodes,
)
from trading.account.account_arrays import bar_arrays_from
from trading.account.simulation import simulate_trading
from trading.kernels.codes import KEEP, TARGET
from trading.kernels.state import BarArrays, TargetMatrix

HOLEY = remove_bar(remove_bar(MARKET, 100, 0), 200, 1)


def portfolio(market: MarketHistory = MARKET, rows: range = ROWS, **kwargs) -> PortfolioEnv:
    return PortfolioEnv(market, observations_of(market), rows, short_episodes(**kwargs))


def test_it_keeps_the_contracts_of_gymnasium_and_of_stable_baselines3():
    check_env(portfolio(HOLEY), skip_render_check=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*symmetric and normalized.*")
        check_for_sb3(portfolio(HOLEY))


def test_weights_are_held_and_the_rest_is_cash():
    flat = np.full((10, 3), 10.0)
    env = portfolio(market_of(flat, flat), range(0, 10), episode=8, costs=FREE)
    seen, _ = env.reset(seed=0)
    assert seen[-3:].tolist() == [0.0, 0.0, 0.0]
    seen, _, _, _, info = env.step(np.array([0.5, 0.2, 0.0], np.float32))
    assert list(info["shares"].values()) == pytest.approx([0.5, 0.2, 0.0], abs=1e-3)
    assert seen[-3:] == pytest.approx([0.5, 0.2, 0.0], abs=1e-3)


def test_weights_above_one_together_are_scaled_down():
    flat = np.full((10, 3), 10.0)
    env = portfolio(market_of(flat, flat), range(0, 10), episode=8, costs=FREE)
    env.reset(seed=0)
    *_, info = env.step(np.array([1.0, 1.0, 0.5], np.float32))
    assert list(info["shares"].values()) == pytest.approx([0.4, 0.4, 0.2], abs=1e-3)


def test_sales_pay_for_buys_of_the_same_bar():
    flat = np.full((10, 2), 10.0)
    env = portfolio(market_of(flat, flat), range(0, 10), episode=8, costs=FREE)
    env.reset(seed=0)
    env.step(np.array([1.0, 0.0], np.float32))
    *_, info = env.step(np.array([0.0, 1.0], np.float32))
    assert list(info["shares"].values()) == pytest.approx([0.0, 1.0], abs=1e-3)


def test_a_symbol_that_misses_a_bar_of_the_window_is_marked_and_never_held():
    env = portfolio(HOLEY)
    absences = set()
    for seed in range(200):
        seen, info = env.reset(seed=seed)
        for _ in range(20):
            absent = [n for n, symbol in enumerate(HOLEY.symbols) if symbol not in info["shares"]]
            for n in range(3):
                features = seen[n * 11 : (n + 1) * 11]
                assert (seen[33 + n] == -1.0) == (n in absent)
                assert not (features.any() and n in absent)
            absences.add(tuple(absent))
            if seed > 20:
                break
            seen, *_, info = env.step(np.full(3, 1.0, np.float32))
    assert absences == {(), (0,), (1,)}


@settings(max_examples=15)
@given(st.integers(0, 2**31 - 1), st.integers(0, 2))
def test_equity_is_that_of_the_paper_account_to_the_last_bit(seed, delay):
    env = portfolio(HOLEY, delay=delay, band=0.0)
    _, start = env.reset(seed=seed)
    dice = np.random.default_rng(seed)
    wanted = (dice.random((20, 3)) * 0.6).astype(np.float32)
    equity = [start["equity"], *(env.step(weights)[-1]["equity"] for weights in wanted)]
    rows = slice(start["row"], start["row"] + 21)
    window = BarArrays(*(each[rows] for each in bar_arrays_from(HOLEY.bar_matrix)))
    total = np.maximum((wanted[:, 0].astype(float) + wanted[:, 1]) + wanted[:, 2], 1.0)
    targets = np.vstack([wanted / total[:, None], np.zeros((1, 3))])
    is_held = np.array([symbol in start["shares"] for symbol in HOLEY.symbols])
    kinds = np.where(np.tile(is_held, (21, 1)), TARGET, KEEP).astype(np.int8)
    requested = TargetMatrix(kinds, targets, np.full((21, 3), np.inf))
    late = int(env._env._delay[0])
    trading = env._env.settings.trading
    simulated = simulate_trading(HOLEY.symbols, window, requested, trading, 100_000.0, late)
    assert np.array(equity).tobytes() == simulated.equity.tobytes()


def test_a_weight_that_is_not_finite_is_refused_by_name():
    env = portfolio()
    env.reset(seed=0)
    with pytest.raises(InputError, match="nan is no share of equity"):
        env.step(np.array([0.1, np.nan, 0.2], np.float32))


def test_a_portfolio_is_long_only():
    with pytest.raises(InputError, match="its actions are 'short-flat-long'"):
        portfolio(actions="short-flat-long")
