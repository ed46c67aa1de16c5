"""Action spaces, and the conversion of actions to target shares of equity.

Rejects invalid actions. Leaves out how targets are traded (`batched_env.py`).
"""

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from domain.errors import InputError
from domain.panel import Floats
from envs.env_settings import ACTION_SHARES, NAMED_ACTIONS, EnvSettings

Space = spaces.Space[Any]


class SingleAssetAction:
    """Actions for one symbol per copy: Discrete for named targets, Box((1,)) for any share."""

    def __init__(self, settings: EnvSettings) -> None:
        self._lowest = -1.0 if settings.shorting else 0.0
        names = NAMED_ACTIONS.get(settings.actions)
        self._named_weights = (
            None if names is None else np.array([ACTION_SHARES[name] for name in names])
        )
        self.space: Space = (
            spaces.Box(self._lowest, 1.0, (1,), np.float32)
            if names is None
            else spaces.Discrete(len(names))
        )

    def to_targets(self, actions: Any, count: int) -> Floats:
        """Return the (M, 1) shares of equity that M actions ask for, clipped to the allowed range.

        Raises InputError for a number that names no action and for one that is not finite.
        """
        if self._named_weights is None:
            shares = _check_finite(actions, (count, 1))
            return np.clip(shares, self._lowest, 1.0)
        numbers = np.asarray(actions).reshape(count)
        known = len(self._named_weights)
        if not (numbers.dtype.kind in "iu" and numbers.min() >= 0 and numbers.max() < known):
            wrong = numbers if numbers.dtype.kind not in "iu" else _unknown_actions(numbers, known)
            raise InputError(
                f"{wrong.tolist()[0]} is no action. Give a whole number from 0 to {known - 1}."
            )
        named: Floats = self._named_weights[numbers].reshape(count, 1)
        return named


class PortfolioAction:
    """Actions for N symbols together: one weight per symbol; the rest is cash."""

    def __init__(self, settings: EnvSettings, symbols: int) -> None:
        """Raises InputError where the settings go short."""
        if settings.shorting:
            raise InputError(
                f"A portfolio holds nothing short, but its actions are {settings.actions!r}. "
                "Choose 'flat-long' or 'share'; both mean weights from 0 to 1."
            )
        self.space: Space = spaces.Box(0.0, 1.0, (symbols,), np.float32)
        self._symbols = symbols

    def to_targets(self, actions: Any, count: int) -> Floats:
        """Return the (M, N) shares of equity that M actions ask for. Weights below 0 become 0;
        where weights sum to more than 1, all are divided by the sum.

        Raises InputError for a weight that is not finite.
        """
        weights = np.maximum(_check_finite(actions, (count, self._symbols)), 0.0)
        total = np.zeros(count)
        for n in range(self._symbols):  # in a fixed order, whatever the number of copies
            total += weights[:, n]
        return weights / np.maximum(total, 1.0)[:, None]


def _check_finite(actions: Any, shape: tuple[int, int]) -> Floats:
    given = np.asarray(actions, np.float64).reshape(shape)
    if not np.isfinite(given).all():
        raise InputError(
            f"{given[~np.isfinite(given)][0]} is no share of equity. Give finite numbers: a policy "
            "that answers NaN has diverged."
        )
    return given


def _unknown_actions(numbers: NDArray[Any], known: int) -> NDArray[Any]:
    return numbers[(numbers < 0) | (numbers >= known)]
