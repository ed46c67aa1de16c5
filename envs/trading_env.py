"""A gymnasium environment: one symbol, a target a bar, filled at the next open, net of cost."""

from typing import Any, Literal

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from domain.errors import InputError
from domain.panel import Floats
from envs.market_data import History
from envs.policies.policy import CLIP
from trading.account import Account, equity, new_account, rebalance
from trading.costs import CostSettings

Targets = Literal["flat-long", "short-flat-long"]
ACTIONS: dict[Targets, tuple[str, ...]] = {
    "flat-long": ("flat", "long"),
    "short-flat-long": ("short", "flat", "long"),
}
SHARES = {"short": -1.0, "flat": 0.0, "long": 1.0}
"""Share of equity that each action asks for."""


class TradingEnv(gymnasium.Env[NDArray[np.float32], np.int64]):
    """Hold or leave one symbol through a random window of history.

    Observation: Box(±CLIP, (K,)) float32, row t of `observation`, known at the close of bar t.
    Action: Discrete(A), a name of `ACTIONS[targets]`: the share of equity to hold, traded at the
    open of bar t + 1 with half the spread and a commission (trading.account).
    Reward: log of equity at the close of t + 1 over equity at the close of t, net of cost.
    Equity starts at 1.
    Episode: `bars` steps from a start drawn with its symbol at reset from those windows inside
    `rows` in which the symbol has every bar and observation. It ends by truncation after `bars`
    steps, or terminates when equity is used up (a short that went wrong).
    Info: `symbol`, `row` (of the bar just closed), `equity`, `share` (held), `cost` (paid in this
    step, currency).
    Seeding: `reset(seed=...)` fixes every later window until the next seed.

    Version 1: flat and long, or short, flat and long; the position is not observed.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 - gymnasium's own declaration

    def __init__(
        self,
        history: History,
        observation: NDArray[np.float32],
        rows: range,
        *,
        bars: int = 252,
        costs: CostSettings | None = None,
        targets: Targets = "flat-long",
    ) -> None:
        """`observation` (T, N, K), standardised and clipped, belongs to the rows of `history`.

        Raises InputError where no window of `bars` fits into `rows`.
        """
        self._open, self._close, self._symbols = history.open, history.close, history.symbols
        self._seen = observation
        self._bars, self._costs = bars, costs or CostSettings()
        self._shares = np.array([SHARES[name] for name in ACTIONS[targets]])
        self._starts = _windows(history.usable & ~np.isnan(observation).any(axis=-1), rows, bars)
        if not len(self._starts):
            raise InputError(
                f"No symbol has {bars + 1} bars in a row in the {len(rows)} rows given. "
                "Shorten the episodes or bring more bars."
            )
        self.observation_space = spaces.Box(-CLIP, CLIP, (observation.shape[-1],), np.float32)
        self.action_space = spaces.Discrete(len(self._shares))

    def reset(
        self,
        *,
        seed: int | None = None,
        options: dict[str, Any] | None = None,  # noqa: ARG002 - gymnasium's signature; none here
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        super().reset(seed=seed)
        self._row, self._column = self._starts[self.np_random.integers(len(self._starts))]
        self._end = self._row + self._bars
        self._account = new_account(1.0, 1)
        self._equity = 1.0
        return self._seen[self._row, self._column].copy(), self._info(0.0)

    def step(
        self, action: np.int64
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        last = self._price(self._close)
        self._row += 1
        target = self._shares[int(action)].reshape(1)
        self._account, fills = rebalance(
            self._account, target, opening=self._price(self._open), last=last, costs=self._costs
        )
        worth = float(equity(self._account, self._price(self._close)))
        broke = worth <= 0.0
        reward = -np.inf if broke else float(np.log(worth / self._equity))
        self._equity = worth
        return (
            self._seen[self._row, self._column].copy(),
            max(reward, RUIN),
            broke,
            bool(self._row >= self._end),
            self._info(float(fills.cost[0])),
        )

    def _price(self, prices: Floats) -> Floats:
        return prices[self._row, self._column : self._column + 1]

    def _info(self, cost: float) -> dict[str, Any]:
        held: Account = self._account
        return {
            "symbol": self._symbols[self._column],
            "row": int(self._row),
            "equity": self._equity,
            "share": float(held.units[0] * self._close[self._row, self._column] / self._equity),
            "cost": cost,
        }


RUIN = -5.0
"""Smallest reward of one step: equity fell to 0.7% or below."""


def _windows(usable: NDArray[np.bool_], rows: range, bars: int) -> NDArray[np.int64]:
    """(W, 2) row and column of every start in `rows` that is followed by `bars` usable bars, all
    of them in `rows`."""
    first, last = max(rows.start, 0), min(rows.stop, len(usable)) - bars
    if last <= first:
        return np.empty((0, 2), np.int64)
    counted = np.vstack([np.zeros((1, usable.shape[1]), int), np.cumsum(usable, axis=0)])
    full = counted[first + bars + 1 : last + bars + 1] - counted[first:last] == bars + 1
    starts: NDArray[np.int64] = np.argwhere(full) + np.array([first, 0])
    return starts
