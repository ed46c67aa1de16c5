"""One symbol's environment: gymnasium's contract, the paper account's fills, honest endings."""

import math
import warnings

import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from stable_baselines3.common.env_checker import check_env as check_for_sb3

from domain.errors import InputError
from envs.env_settings import EnvSettings
from envs.market_data import MarketHistory, history
from envs.simulated import simulate
from envs.trading_env import TradingEnv
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
from trading.account.simulation import simulate_trading, targets_where
from trading.costs import CostSettings
from trading.kernels.state import BarArrays

ACTIONS = ("flat-long", "short-flat-long", "share", "short-share")


def environment(market: MarketHistory = MARKET, rows: range = ROWS, **kwargs) -> TradingEnv:
    return TradingEnv(market, observations_of(market), rows, short_episodes(**kwargs))


def path_of(env: TradingEnv, seed: int, actions: list) -> list[tuple]:
    seen, info = env.reset(seed=seed)
    path = [(seen.tobytes(), info)]
    for action in actions:
        seen, reward, terminated, truncated, info = env.step(action)
        path.append((seen.tobytes(), reward, terminated, truncated, info))
        if terminated:
            break
    return path


@pytest.mark.parametrize("actions", ACTIONS)
def test_it_keeps_the_contracts_of_gymnasium_and_of_stable_baselines3(actions):
    env = environment(actions=actions, noise=0.1, delay=1)
    check_env(env, skip_render_check=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*symmetric and normalized.*")
        check_for_sb3(env)


@settings(max_examples=20)
@given(st.integers(0, 2**31 - 1), st.lists(st.integers(0, 2), min_size=20, max_size=20))
def test_the_same_seed_and_actions_are_the_same_episode(seed, actions):
    randomised = {"actions": "short-flat-long", "dearer": 0.5, "delay": 2, "noise": 0.3}
    assert path_of(environment(**randomised), seed, actions) == path_of(
        environment(**randomised), seed, actions
    )


@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**31 - 1),
    shares=st.lists(st.floats(-1, 1, width=32), min_size=20, max_size=20),
    delay=st.integers(0, 3),
    costs=st.sampled_from([CostSettings(), CostSettings(half_spread_bps=50, volume_cap=1e-4)]),
)
def test_equity_is_that_of_the_paper_account_to_the_last_bit(seed, shares, delay, costs):
    env = environment(actions="short-share", delay=delay, costs=costs)
    path = path_of(env, seed, [np.array([share], np.float32) for share in shares])
    start = path[0][1]
    rows, col = slice(start["row"], start["row"] + 21), MARKET.symbols.index(start["symbol"])
    bars = bar_arrays_from(MARKET.bar_matrix)
    window = BarArrays(
        *(each[rows, col : col + 1] if each.ndim == 2 else each[rows] for each in bars)
    )
    targets = np.zeros((21, 1))
    targets[:20, 0] = shares
    requested = targets_where(targets, np.ones((21, 1), bool))
    equities = [start["equity"], *(step[-1]["equity"] for step in path[1:])]
    trading = env.unwrapped._env.settings.trading
    late = int(env.unwrapped._env._delay[0])
    settled = simulate_trading((start["symbol"],), window, requested, trading, 100_000.0, late)
    assert np.array(equities).tobytes() == settled.equity.tobytes()


@settings(max_examples=20)
@given(st.integers(0, 2**31 - 1), st.lists(st.integers(0, 2), min_size=20, max_size=20))
def test_rewards_add_up_to_the_growth_of_equity(seed, actions):
    path = path_of(environment(actions="short-flat-long"), seed, actions)
    total = sum(step[1] for step in path[1:])
    assert total == pytest.approx(np.log(path[-1][-1]["equity"] / 100_000.0), abs=1e-9)


def test_an_episode_stays_inside_its_rows_and_ends_by_truncation():
    env = environment()
    starts = {env.reset(seed=seed)[1]["row"] for seed in range(2_000)}
    assert (min(starts), max(starts)) == (ROWS.start, ROWS.stop - 21)
    assert [step[2:4] for step in path_of(env, 1, [1] * 20)[1:]] == [(False, False)] * 19 + [
        (False, True)
    ]


def test_an_order_fills_at_the_next_open_and_pays_spread_and_commission():
    opening = np.array([10.0, 10.0, 20.0, 20.0, 40.0])
    close = np.array([10.0, 10.0, 25.0, 30.0, 50.0])
    costs = CostSettings(half_spread_bps=10, commission_bps=5, impact=0, volume_cap=1)
    env = environment(market_of(opening, close), range(1, 5), episode=3, costs=costs, band=0)
    env.reset(seed=0)
    _, reward, *_, info = env.step(1)
    paid = 20.0 * 1.0010 * 1.0005
    assert reward == pytest.approx(np.log(25.0 / paid), abs=1e-5)  # whole lots, the rest is cash
    assert info["cost"] == pytest.approx(100_000.0 * (1.0 - 20.0 / paid), rel=1e-3)
    assert info["share"] == pytest.approx(1.0, abs=1e-5)
    assert env.step(1)[1] == pytest.approx(np.log(30.0 / 25.0), abs=1e-5)
    got = 40.0 * (1.0 - 0.0010) * (1.0 - 0.0005)
    assert env.step(0)[1] == pytest.approx(np.log(got / 30.0), abs=1e-5)


def test_a_buy_of_more_than_its_part_of_the_volume_takes_several_bars():
    market = market_of(np.full(8, 10.0), np.full(8, 10.0), volume=50_000.0)
    costs = FREE.model_copy(update={"volume_cap": 0.1})
    env = environment(market, range(0, 8), episode=6, costs=costs)
    env.reset(seed=0)
    shares = [env.step(1)[4]["share"] for _ in range(4)]
    assert shares == pytest.approx([0.5, 1.0, 1.0, 1.0], abs=1e-3)


def test_a_turn_from_short_to_long_takes_two_bars_the_first_of_which_closes():
    flat = np.full(10, 10.0)
    env = environment(
        market_of(flat, flat), range(0, 10), episode=8, actions="short-flat-long", costs=FREE
    )
    env.reset(seed=0)
    shares = [env.step(action)[4]["share"] for action in (0, 2, 2, 0, 0)]
    assert shares == pytest.approx([-1.0, 0.0, 1.0, 0.0, -1.0], abs=1e-3)


def test_staying_flat_costs_and_earns_nothing():
    assert all(step[1] == 0.0 for step in path_of(environment(), 9, [0] * 20)[1:])


def test_no_trade_is_made_this_near_the_target():
    env = environment(actions="share", band=0.3, costs=FREE)
    env.reset(seed=4)
    shares = [env.step(np.array([share]))[4]["share"] for share in (0.25, 0.5, 0.6)]
    assert shares[0] == 0.0
    assert shares[1] == pytest.approx(0.5, abs=0.05)
    assert shares[2] == pytest.approx(0.5, abs=0.1)


def test_a_short_that_loses_everything_terminates_with_a_finite_reward():
    price = np.full(80, 10.0)
    price[70:] = 30.0
    env = environment(market_of(price, price), range(60, 80), episode=15, actions="short-flat-long")
    path = path_of(env, 0, [0] * 15)
    assert path[-1][2]
    assert path[-1][1] == -5.0
    assert math.isnan(path[-1][-1]["share"])
    with pytest.raises(ResetNeeded, match=r"Call reset\(\) first"):
        env.step(0)


@pytest.mark.parametrize("delay", [1, 3])
def test_a_delayed_action_goes_out_so_many_bars_later(delay):
    flat = np.full(40, 10.0)
    env = environment(market_of(flat, flat), range(0, 40), delay=delay, costs=FREE)
    late = set()
    for seed in range(40):
        env.reset(seed=seed)
        shares = [env.step(1)[4]["share"] for _ in range(6)]
        late.add(shares.index(max(shares)))
    assert late == set(range(delay + 1))


def test_dearer_episodes_cost_up_to_so_much_more_and_less():
    costs = {"half_spread_bps": 10.0, "commission_bps": 0.0, "impact": 0.0}
    flat = np.full(40, 10.0)
    market = market_of(flat, flat)
    env = environment(market, range(0, 40), dearer=0.5, costs=CostSettings(**costs))
    costs = []
    for seed in range(200):
        env.reset(seed=seed)
        costs.append(env.step(1)[4]["cost"] / 100_000.0 * 10_000)
    assert 5.0 <= min(costs) < 6.0
    assert 14.0 < max(costs) <= 15.0


def test_noise_is_of_the_requested_size_and_clipped():
    quiet, noisy, loud = environment(), environment(noise=0.5), environment(noise=5.0)
    added = np.concatenate(
        [noisy.reset(seed=seed)[0] - quiet.reset(seed=seed)[0] for seed in range(300)]
    )
    assert np.std(added) == pytest.approx(0.5, rel=0.1)
    assert all(np.abs(loud.reset(seed=seed)[0]).max() <= 5.0 for seed in range(100))


def test_randomisation_of_one_kind_does_not_move_the_windows():
    plain, other = environment(), environment(noise=0.1, delay=3, dearer=1.0)
    for seed in range(20):
        assert plain.reset(seed=seed)[1]["row"] == other.reset(seed=seed)[1]["row"]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_share_that_is_not_finite_is_refused_by_name(bad):
    env = environment(actions="share")
    env.reset(seed=0)
    with pytest.raises(InputError, match=f"{bad} is no share of equity"):
        env.step(np.array([bad], np.float32))


@pytest.mark.parametrize("bad", [2, -1, 0.5])
def test_a_number_that_names_no_action_is_refused(bad):
    env = environment()
    env.reset(seed=0)
    with pytest.raises(InputError, match=f"^{bad} is no action. Give a whole number from 0 to 1"):
        env.step(bad)


def test_windows_with_a_missing_bar_are_never_episodes():
    market = MARKET
    for col in range(3):
        market = remove_bar(market, 150, col)
    env = environment(market)
    rows = [env.reset(seed=seed)[1]["row"] for seed in range(500)]
    assert not any(row <= 150 <= row + 20 for row in rows)
    assert min(rows) < 150 < max(rows)


def test_windows_with_a_missing_observation_are_never_episodes():
    seen = observations_of(MARKET)
    seen[150, :, 2] = np.nan
    env = TradingEnv(MARKET, seen, ROWS, short_episodes())
    rows = [env.reset(seed=seed)[1]["row"] for seed in range(300)]
    assert not any(row <= 150 <= row + 20 for row in rows)


@pytest.mark.parametrize(
    ("rows", "settings", "expected_message"),
    [
        (range(60, 300), {"episode": 500}, "episode of 500 bars needs 501 rows, but 240"),
        (range(60, 60), {}, r"range\(60, 60\) are no rows of a history of 400"),
        (range(300, 401), {}, "are no rows of a history of 400"),
        (range(-5, 100), {}, "are no rows"),
        (range(0, 100), {"episode": 60}, "No symbol has 61 bars in a row, each with an obs"),
    ],
)
def test_rows_in_which_no_episode_fits_are_refused(rows, settings, expected_message):
    with pytest.raises(InputError, match=expected_message):
        environment(rows=rows, **settings)


def test_a_market_of_one_price_is_refused():
    still = simulate(1, symbols=2, days=200).assign(open=10.0, high=10.0, low=10.0, close=10.0)
    with pytest.raises(InputError, match="leave out symbols whose price never moves"):
        environment(history(still, "still"), range(60, 200))


def test_what_is_seen_of_another_history_is_refused():
    with pytest.raises(InputError, match=r"\(399, 3, 11\), but the history has 400 bars of 3"):
        TradingEnv(MARKET, observations_of(MARKET)[1:], ROWS, short_episodes())


@pytest.mark.parametrize(
    ("settings", "expected_message"),
    [
        ({"episode": 0}, "episode is 0, but it must be at least 1"),
        ({"capital": 0.0}, "capital is 0.0, but it must be above 0"),
        ({"noise": math.nan}, "noise is nan"),
        ({"delay": -1}, "delay is -1"),
        ({"dearer": 1.5}, "dearer is 1.5"),
        ({"costs": {"half_spread_bps": -1}}, "half_spread_bps is -1.0, but a cost is at least 0"),
        ({"reward": "wealth"}, "log-return"),
    ],
)
def test_settings_that_cannot_be_are_refused_with_their_value(settings, expected_message):
    with pytest.raises(ValidationError, match=expected_message):
        EnvSettings(**settings)
