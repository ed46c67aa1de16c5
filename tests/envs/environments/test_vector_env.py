"""Many environments at once: each is the scalar one to the last bit, and SB3 can train on them."""

import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from hypothesis import given, settings
from hypothesis import strategies as st
from stable_baselines3 import A2C, DQN, PPO, SAC, TD3
from stable_baselines3.common.vec_env import VecMonitor, VecNormalize

from domain.errors import InputError
from envs.env_settings import EnvSettings
from envs.portfolio_env import PortfolioEnv
from envs.trading_env import TradingEnv
from envs.vector_env import VectorEnv
from tests.envs.market_fixtures import (
    MARKET,
    ROWS,
    market_of,
    observations_of,
    remove_bar,
    short_episodes,
)
from trading.kernels import step_batch
from trading.warmup import compile_kernels

SEEN = observations_of(MARKET)
HOLEY = remove_bar(remove_bar(MARKET, 100, 0), 200, 1)
RISING = 10.0 * 3.0 ** (np.arange(120) // 10)
RUINOUS = market_of(RISING, RISING)
"""A short position here is ruined within ten bars."""
all_settings = st.builds(
    EnvSettings,
    actions=st.sampled_from(["flat-long", "short-flat-long", "share", "short-share"]),
    reward=st.sampled_from(["log-return", "differential-sharpe", "drawdown"]),
    episode=st.integers(1, 25),
    band=st.sampled_from([0.0, 0.02]),
    dearer=st.sampled_from([0.0, 0.5]),
    delay=st.sampled_from([0, 3]),
    noise=st.sampled_from([0.0, 0.3]),
)


def some_actions(env, dice, count):
    """`count` actions, each kept for a while: half of all steps repeat the one before."""
    fresh = [env.action_space.sample() for _ in range(2)]
    return np.array([fresh[int(dice.random() < 0.2)] for _ in range(count)])


def same_as_scalar(vector, scalars, seed, steps=60):
    """Steps both; how many episodes ended."""
    dice = np.random.default_rng(seed)
    scalars[0].action_space.seed(seed)
    vector.seed(seed)
    seen = vector.reset()
    assert all(
        env.reset(seed=seed + number)[0].tobytes() == seen[number].tobytes()
        for number, env in enumerate(scalars)
    )
    ended = 0
    for _ in range(steps):
        actions = some_actions(scalars[0], dice, len(scalars))
        seen, rewards, done, infos = vector.step(actions)
        for number, env in enumerate(scalars):
            own, reward, terminated, truncated, info = env.step(actions[number])
            assert np.float64(reward).tobytes() == rewards[number].tobytes()
            assert (terminated or truncated) == done[number]
            if done[number]:
                ended += 1
                info = infos[number]
                assert info["terminal_observation"].tobytes() == own.tobytes()
                assert info["TimeLimit.truncated"] == (truncated and not terminated)
                own, info = env.reset()
            else:
                assert not infos[number]
            assert own.tobytes() == seen[number].tobytes()
            equity, row = vector.info(number)["equity"], vector.info(number)["row"]
            assert (equity, row) == (info["equity"], info["row"])
    return ended


@settings(max_examples=25)
@given(all_settings, st.integers(0, 2**31))
def test_each_copy_is_the_scalar_environment_to_the_last_bit(chosen, seed):
    vector = VectorEnv(MARKET, SEEN, ROWS, chosen, 4)
    scalars = [TradingEnv(MARKET, SEEN, ROWS, chosen) for _ in range(4)]
    assert same_as_scalar(vector, scalars, seed) >= 4 * (60 // chosen.episode)


@settings(max_examples=10)
@given(all_settings.filter(lambda chosen: not chosen.shorting), st.integers(0, 2**31))
def test_each_copy_of_a_portfolio_is_the_scalar_one(chosen, seed):
    seen = observations_of(HOLEY)
    vector = VectorEnv(HOLEY, seen, ROWS, chosen, 3, portfolio=True)
    scalars = [PortfolioEnv(HOLEY, seen, ROWS, chosen) for _ in range(3)]
    same_as_scalar(vector, scalars, seed)


@pytest.mark.parametrize("reward", ["log-return", "differential-sharpe", "drawdown"])
def test_copies_that_are_ruined_are_the_scalar_ones_too(reward):
    chosen = short_episodes(actions="short-flat-long", reward=reward, episode=50)
    seen = observations_of(RUINOUS)
    vector = VectorEnv(RUINOUS, seen, range(0, 120), chosen, 3)
    scalars = [TradingEnv(RUINOUS, seen, range(0, 120), chosen) for _ in range(3)]
    for env in scalars:
        env.action_space = type(env.action_space)(1)  # always short
    assert same_as_scalar(vector, scalars, 1, steps=100) >= 3 * 8


def test_what_was_given_is_not_changed_by_later_steps():
    env = VectorEnv(MARKET, SEEN, ROWS, short_episodes(episode=2), 8)
    arrays = [env.reset()]
    for _ in range(7):
        seen, rewards, done, _ = env.step(np.ones(8, int))
        arrays += [seen, rewards, done]
    before = [each.tobytes() for each in arrays]
    env.step(np.zeros(8, int))
    env.reset()
    assert [each.tobytes() for each in arrays] == before


def test_a_seed_fixes_all_later_episodes_and_copies_differ():
    env = VectorEnv(MARKET, SEEN, ROWS, short_episodes(), 16)
    env.seed(7)
    first = [env.reset(), env.reset()]
    env.seed(7)
    assert [each.tobytes() for each in first] == [env.reset().tobytes() for _ in range(2)]
    assert len(np.unique(first[0], axis=0)) > 10
    assert first[0].tobytes() != first[1].tobytes()


def test_an_ended_episode_is_summed_up():
    env = VectorEnv(MARKET, SEEN, ROWS, short_episodes(episode=5), 2)
    env.seed(0)
    env.reset()
    steps = [env.step(np.ones(2, int)) for _ in range(5)]
    episode = steps[-1][3][1]["episode"]
    assert episode["l"] == 5
    assert episode["r"] == pytest.approx(sum(step[1][1] for step in steps))
    assert episode["r"] == pytest.approx(episode["growth"])


def test_a_thousand_copies_step_through_several_episodes():
    env = VectorEnv(MARKET, SEEN, ROWS, short_episodes(delay=1, noise=0.1, dearer=0.2), 1_500)
    env.seed(0)
    env.reset()
    dice = np.random.default_rng(0)
    ended = 0
    for _ in range(50):
        seen, rewards, done, infos = env.step(dice.integers(0, 2, 1_500))
        ended += int(done.sum())
        assert [number for number, info in enumerate(infos) if info] == np.flatnonzero(
            done
        ).tolist()
        assert np.isfinite(seen).all()
        assert np.isfinite(rewards).all()
    assert ended == 3_000


@pytest.mark.parametrize(
    ("algorithm", "actions", "options"),
    [
        (PPO, "flat-long", {"n_steps": 4, "batch_size": 2048, "n_epochs": 1}),
        (A2C, "short-flat-long", {"n_steps": 4}),
        (DQN, "flat-long", {"learning_starts": 0, "buffer_size": 4096, "batch_size": 16}),
        (SAC, "short-share", {"learning_starts": 0, "buffer_size": 4096, "batch_size": 16}),
        (TD3, "share", {"learning_starts": 0, "buffer_size": 4096, "batch_size": 16}),
    ],
)
def test_every_algorithm_learns_on_a_thousand_copies(algorithm, actions, options):
    env = VecMonitor(
        VectorEnv(MARKET, SEEN, ROWS, short_episodes(actions=actions, episode=3), 1_024)
    )
    model = algorithm("MlpPolicy", env, seed=1, policy_kwargs={"net_arch": [4]}, **options)
    model.learn(4 * 1_024)
    assert model.num_timesteps == 4_096
    assert len(model.ep_info_buffer) > 0


def test_one_account_many_and_portfolios_are_one_compiled_step_made_ready_at_set_up():
    compile_kernels()
    plain, holding = short_episodes(), short_episodes(dearer=0.1, delay=1)
    for env in (
        VectorEnv(MARKET, SEEN, ROWS, plain, 4),
        VectorEnv(MARKET, SEEN, ROWS, holding, 4, portfolio=True),
    ):
        env.reset()
        env.step(np.array([env.action_space.sample() for _ in range(4)]))
    assert len(step_batch.signatures) == 1


def test_wrappers_of_sb3_work_around_it():
    env = VecNormalize(VectorEnv(MARKET, SEEN, ROWS, short_episodes(episode=3), 4))
    env.reset()
    for _ in range(4):
        _, _, _, infos = env.step(np.zeros(4, int))
    assert infos == [{}] * 4
    assert env.env_is_wrapped(VecMonitor) == [False] * 4
    assert env.get_attr("settings", indices=[1]) == [short_episodes(episode=3)]
    assert {info["symbol"] for info in env.env_method("info")} <= set(MARKET.symbols)
    with pytest.raises(AttributeError, match="settings cannot be set"):
        env.set_attr("settings", short_episodes())
    with pytest.raises(AttributeError, match="no method walk"):
        env.env_method("walk")


def test_what_cannot_be_is_refused():
    env = VectorEnv(MARKET, SEEN, ROWS, short_episodes(actions="share"), 2)
    with pytest.raises(ResetNeeded, match=r"Call reset\(\) first"):
        env.step(np.zeros((2, 1)))
    env.reset()
    with pytest.raises(InputError, match="nan is no share of equity"):
        env.step(np.array([[0.1], [np.nan]]))
    with pytest.raises(InputError, match="0 copies"):
        VectorEnv(MARKET, SEEN, ROWS, short_episodes(), 0)
    with pytest.raises(InputError, match="A portfolio holds nothing short"):
        VectorEnv(MARKET, SEEN, ROWS, short_episodes(actions="short-share"), 2, portfolio=True)
