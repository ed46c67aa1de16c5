"""Rewards: what each adds up to, and that none grows too large."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.environments.rewards import (
    AVERAGING_RATE,
    LIMIT,
    MIN_VOLATILITY,
    PRIOR_VOLATILITY,
    REWARDS,
    initial_memory,
    step_reward,
)

growths = st.lists(st.floats(0.8, 1.25), min_size=1, max_size=60)


def rewards(name, path):
    """Of every step of equity along `path`."""
    memory = initial_memory(name, path[0])
    return [
        step_reward(REWARDS.index(name), before, after, memory) for before, after in pairwise(path)
    ]


def path_of(steps):
    return np.cumprod([1e5, *steps])


@given(growths)
def test_log_returns_add_up_to_growth(steps):
    path = path_of(steps)
    assert sum(rewards("log-return", path)) == pytest.approx(np.log(path[-1] / path[0]), abs=1e-9)


@given(growths)
def test_the_drawdown_reward_takes_every_new_loss_below_the_peak_twice(steps):
    path = path_of(steps)
    below = np.log(np.maximum.accumulate(path) / path)
    deeper = np.maximum(np.diff(below), 0.0).sum()
    total = sum(rewards("drawdown", path))
    assert total == pytest.approx(np.log(path[-1] / path[0]) - deeper, abs=1e-9)


@given(st.lists(st.floats(-0.04, 0.04), min_size=2, max_size=80))
def test_the_differential_sharpe_ratio_is_the_derivative_of_the_average_one(returns):
    """Against the derivative by differences: d S / d `rate` at 0 of the moving Sharpe ratio,
    wherever its variance is not too small to mean anything."""
    average, square = 0.0, PRIOR_VOLATILITY**2
    path = path_of(1.0 + np.array(returns))
    for gained, given_ in zip(returns, rewards("differential-sharpe", path), strict=True):

        def sharpe(rate, gained=gained, average=average, square=square):
            a = average + rate * (gained - average)
            b = square + rate * (gained**2 - square)
            return a / np.sqrt(b - a * a)

        if square - average**2 > 2 * MIN_VOLATILITY**2:
            derivative = (sharpe(1e-6) - sharpe(-1e-6)) / 2e-6
            assert given_ == pytest.approx(np.clip(derivative, -LIMIT, LIMIT), rel=1e-3, abs=1e-5)
        average += AVERAGING_RATE * (gained - average)
        square += AVERAGING_RATE * (gained**2 - square)


def test_the_first_steps_are_measured_in_the_usual_volatility():
    assert rewards("differential-sharpe", [1e5, 1.01e5])[0] == pytest.approx(1.0)
    assert rewards("differential-sharpe", [1e5, 1e5]) == [0.0]


@pytest.mark.parametrize("name", REWARDS)
def test_staying_in_cash_is_worth_nothing_and_does_not_make_the_next_step_shout(name):
    path = [1e5] * 2_000 + [1.002e5]
    given_ = rewards(name, path)
    assert given_[:-1] == [0.0] * 1_999
    assert 0.0 < given_[-1] <= 2.1


@pytest.mark.parametrize("name", REWARDS)
@given(st.floats(1e-9, 1e12), st.floats(-1e12, 1e12))
def test_no_step_is_worth_more_than_the_limit(name, before, after):
    assert abs(rewards(name, [before, after])[0]) <= LIMIT


@pytest.mark.parametrize("name", REWARDS)
@pytest.mark.parametrize("after", [0.0, -1.0])
def test_ruin_is_worth_the_least(name, after):
    assert rewards(name, [1e5, after]) == [-LIMIT]
