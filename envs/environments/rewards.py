"""Rewards of one step: small named functions of equity before and after it, net of every cost.

Each may keep two numbers a copy between its steps. All are kept within ±LIMIT, so that one broken
step cannot drown the others; a step that uses up equity is worth -LIMIT. Leaves out what equity
comes to.
"""

from typing import Any

import numpy as np

from domain.panel import Floats
from envs.env_settings import RewardName
from envs.environments.batched_observation import Bools, Ints
from quant.jit import cached_njit

LIMIT = 5.0
"""A growth of equity to its 148-fold, or its fall to 0.7%."""
AVERAGING_RATE = 1.0 / 63.0
"""Weight of the newest return in the averages of the differential Sharpe ratio: a quarter of daily
bars."""
PRIOR_VOLATILITY = 0.01
"""Volatility of one bar that stands for what was before the episode."""
MIN_VOLATILITY = 0.001
"""Volatility of one bar that a return is never measured in less than; that of cash is none."""
DRAWDOWN_PENALTY = 1.0
"""What a step deeper into drawdown costs beside its loss: such losses count twice."""

REWARDS: tuple[RewardName, ...] = ("log-return", "differential-sharpe", "drawdown")
"""By number, as the compiled loops know them."""
_LOG_RETURN, _SHARPE, _DRAWDOWN = (np.int64(number) for number in range(3))


def initial_memory(name: RewardName, capital: float) -> Floats:
    """(2,) what an episode's first step finds."""
    by_name = {
        "log-return": (0.0, 0.0),
        "differential-sharpe": (0.0, PRIOR_VOLATILITY**2),
        "drawdown": (capital, 0.0),
    }
    return np.array(by_name[name])


@cached_njit
def log_return(before: float, after: float) -> float:
    """log(after / before): summed over an episode, the log of what equity grew by."""
    return float(np.log(after / before))


@cached_njit
def differential_sharpe(before: float, after: float, memory: Any) -> float:
    """What a return R adds to the Sharpe ratio of an exponential moving average (Moody and Saffell,
    "Reinforcement Learning for Trading", 1998), per unit of its weight
    `AVERAGING_RATE`:

        D = (B (R - A) - A (R^2 - B) / 2) / (B - A^2)^(3/2)

    with A and B, the `memory`, averages of returns and of their squares up to the step before. They
    begin at 0 and `PRIOR_VOLATILITY`^2, and B - A^2 is never taken below `MIN_VOLATILITY`^2, where
    the ratio has no meaning.
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
    """The log return, less `DRAWDOWN_PENALTY` times how much deeper, in logs, equity lies below its
    peak (the `memory`) than before."""
    depth = np.log(memory[0] / before)
    memory[0] = max(memory[0], after)
    deeper = max(np.log(memory[0] / after) - depth, 0.0)
    return float(np.log(after / before) - DRAWDOWN_PENALTY * deeper)


@cached_njit
def step_reward(number: int, before: float, after: float, memory: Any) -> float:
    """The reward of a step by its number in `REWARDS`; `memory` (2,) changes in place."""
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
    """Fills `reward` (M,), `terminated` (M,), where equity was used up, and `truncated` (M,), where
    no bar is `remaining` (M,) of the episode; how many episodes have ended."""
    ended = 0
    for m in range(len(before)):
        reward[m] = step_reward(number, before[m], after[m], memory[m])
        remaining[m] -= 1
        terminated[m], truncated[m] = not after[m] > 0.0, remaining[m] <= 0
        ended += terminated[m] or truncated[m]
    return ended
