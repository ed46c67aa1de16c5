"""The environment: gymnasium's contract, next-open fills, honest rewards."""

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InputError
from envs.market_data import History, history
from envs.simulated import simulate
from envs.trading_env import TradingEnv
from trading.costs import CostSettings

MARKET = history(simulate(5, symbols=3, days=400))
ROWS = range(60, 300)


def environment(market: History = MARKET, **kwargs) -> TradingEnv:
    seen = np.clip(market.observation, -5, 5).astype(np.float32)
    return TradingEnv(market, seen, kwargs.pop("rows", ROWS), **{"bars": 40, **kwargs})


@pytest.mark.parametrize("targets", ["flat-long", "short-flat-long"])
def test_it_keeps_gymnasiums_contract(targets):
    check_env(environment(targets=targets), skip_render_check=True)


def play(env: TradingEnv, seed: int, actions: list[int]) -> list[tuple]:
    seen, info = env.reset(seed=seed)
    path = [(seen.tobytes(), info)]
    for action in actions:
        seen, reward, terminated, truncated, info = env.step(np.int64(action))
        path.append((seen.tobytes(), reward, terminated, truncated, info))
    return path


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31 - 1), st.lists(st.integers(0, 1), min_size=40, max_size=40))
def test_the_same_seed_and_actions_are_the_same_episode(seed, actions):
    assert play(environment(), seed, actions) == play(environment(), seed, actions)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31 - 1), st.lists(st.integers(0, 2), min_size=40, max_size=40))
def test_rewards_add_up_to_the_growth_of_equity(seed, actions):
    path = play(environment(targets="short-flat-long"), seed, actions)
    total = sum(step[1] for step in path[1:])
    assert total == pytest.approx(np.log(path[-1][-1]["equity"]), abs=1e-9)


def test_an_episode_stays_inside_its_rows_and_ends_by_truncation():
    env = environment()
    for seed in range(200):
        _, info = env.reset(seed=seed)
        assert info["row"] >= ROWS.start
        assert info["row"] + 40 < ROWS.stop
    assert [step[3] for step in play(env, 1, [1] * 40)[1:]] == [False] * 39 + [True]


def test_an_order_fills_at_the_next_open_and_pays_spread_and_commission():
    costs = CostSettings(half_spread_bps=10, commission_bps=5)
    env = environment(costs=costs)
    _, start = env.reset(seed=3)
    column, row = MARKET.symbols.index(start["symbol"]), start["row"]
    _, reward, _, _, info = env.step(np.int64(1))
    paid = MARKET.open[row + 1, column] * (1 + 0.0010) * (1 + 0.0005)
    assert reward == pytest.approx(np.log(MARKET.close[row + 1, column] / paid), rel=1e-9)
    assert info["cost"] > 0
    _, reward, *_ = env.step(np.int64(1))
    held = MARKET.close[row + 2, column] / MARKET.close[row + 1, column]
    assert reward == pytest.approx(np.log(held), rel=1e-9)
    _, reward, *_ = env.step(np.int64(0))
    got = MARKET.open[row + 3, column] * (1 - 0.0010) * (1 - 0.0005)
    assert reward == pytest.approx(np.log(got / MARKET.close[row + 2, column]), rel=1e-9)


def test_staying_flat_costs_and_earns_nothing():
    assert all(step[1] == 0.0 for step in play(environment(), 9, [0] * 40)[1:])


def test_a_short_that_loses_everything_ends_the_episode():
    dates = np.arange(80).astype("datetime64[D]").astype("datetime64[us]")
    price = np.full((80, 1), 10.0)
    price[70:] = 30.0
    market = History(("UP",), dates, price, price, np.zeros((80, 1, 2)), "")
    env = environment(market, rows=range(60, 80), bars=15, targets="short-flat-long")
    env.reset(seed=0)
    steps = []
    for _ in range(15):
        steps.append(env.step(np.int64(0)))
        if steps[-1][2]:
            break
    assert steps[-1][2]
    assert np.isfinite(steps[-1][1])


def test_windows_with_a_missing_bar_are_never_played():
    close = MARKET.close.copy()
    close[150, :] = np.nan
    market = History(MARKET.symbols, MARKET.dates, MARKET.open, close, MARKET.observation, "")
    env = environment(market)
    for seed in range(100):
        _, info = env.reset(seed=seed)
        assert not info["row"] <= 150 <= info["row"] + 40


def test_an_episode_longer_than_the_rows_is_refused():
    with pytest.raises(InputError, match="No symbol has 501 bars in a row in the 240 rows"):
        environment(bars=500)
