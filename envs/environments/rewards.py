"""Rewards of one step: small named functions of equity before and after it, net of every cost.

Each reward may keep two numbers per copy between steps. All are clipped to ±LIMIT, so that one
broken step cannot dominate the others; a step that uses up equity is worth -LIMIT. Leaves out how
equity is computed.
"""

from typing import Any

import numpy as np

from domain.panel import Bools, Floats
from envs.env_settings import RewardName
from envs.environments.batched_observation import Ints
from quant.jit import cached_njit

LIMIT = 5.0
"""The largest reward: equity growing 148-fold or falling to 0.7% in one step."""
AVERAGING_RATE = 1.0 / 63.0
"""Weight of the newest return in the averages of the differential Sharpe ratio: 63 daily bars, a
quarter."""
PRIOR_VOLATILITY = 0.01
"""Volatility of one bar, assumed for the time before the episode."""
MIN_VOLATILITY = 0.001
"""Lowest volatility of one bar by which a return is divided; that of cash is 0."""
DRAWDOWN_PENALTY = 1.0
"""Penalty for deepening a drawdown, on top of the loss itself: such losses count twice."""

REWARDS: tuple[RewardName, ...] = ("log-return", "differential-sharpe", "drawdown")
"""Rewards by number, as the compiled loops refer to them."""
_LOG_RETURN, _SHARPE, _DRAWDOWN = (np.int64(number) for number in range(3))


def initial_memory(name: RewardName, capital: float) -> Floats:
    """Return the (2,) memory with which an episode begins."""
    by_name = {
        "log-return": (0.0, 0.0),
        "differential-sharpe": (0.0, PRIOR_VOLATILITY**2),
        "drawdown": (capital, 0.0),
    }
    return np.array(by_name[name])


@cached_njit
def log_return(before: float, after: float) -> float:
    """Return log(after / before); its sum over an episode is the log of the growth of equity."""
    return float(np.log(after / before))


@cached_njit
def differential_sharpe(before: float, after: float, memory: Any) -> float:
    """Return what a return R adds to the Sharpe ratio of an exponential moving average (Moody and
    Saffell, "Reinforcement Learning for Trading", 1998), per unit of its weight `AVERAGING_RATE`:

        D = (B (R - A) - A (R^2 - B) / 2) / (B - A^2)^(3/2)

    A and B, the `memory`, are averages of the returns and of their squares up to the step before.
    They begin at 0 and `PRIOR_VOLATILITY`^2; B - A^2 is taken as at least `MIN_VOLATILITY`^2,
    because the ratio has no meaning below.
    """
    average, square = memory[0], memory[1]
    growth = after / before - 1.0
    to_average, to_square = growth - average, growth * growth - square
    variance = max(square - average * average, MIN_VOLATILITY * MIN_VOLATILITY)
    memory[0] += AVERAGING_RATE * to_average
    memory[1] += AVERAGING_RATE * to_square
    surprise = (square * to_average - 0.5 * average * to_square) / (variance * np.sqrt(variance))
    return float(surprise)


@cached_njit
def drawdown_penalised(before: float, after: float, memory: Any) -> float:
    """Return the log return, less `DRAWDOWN_PENALTY` times the increase in drawdown, in logs, from
    the peak of equity (the `memory`)."""
    depth = np.log(memory[0] / before)
    memory[0] = max(memory[0], after)
    deeper = max(np.log(memory[0] / after) - depth, 0.0)
    return float(np.log(after / before) - DRAWDOWN_PENALTY * deeper)


@cached_njit
def step_reward(number: int, before: float, after: float, memory: Any) -> float:
    """Return the reward of a step by its number in `REWARDS`; update `memory` (2,) in place."""
    if not after > 0.0:
        return -LIMIT
    if number == _LOG_RETURN:
        reward = log_return(before, after)
    elif number == _SHARPE:
        reward = differential_sharpe(before, after, memory)
    else:
        reward = drawdown_penalised(before, after, memory)
    return min(max(reward, -LIMIT), LIMIT)


@cached_njit
def batch_rewards(
    number: int,
    before: Floats,
    after: Floats,
    memory: Floats,
    remaining: Ints,
    reward: Floats,
    terminated: Bools,
    truncated: Bools,
) -> int:
    """Fill `reward` (M,), `terminated` (M,), where equity was used up, and `truncated` (M,), where
    no bar of the episode is `remaining` (M,). Return how many episodes have ended."""
    ended = 0
    for m in range(len(before)):
        reward[m] = step_reward(number, before[m], after[m], memory[m])
        remaining[m] -= 1
        terminated[m], truncated[m] = not after[m] > 0.0, remaining[m] <= 0
        ended += terminated[m] or truncated[m]
    return ended
