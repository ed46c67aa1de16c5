"""What an action asks for: spaces, and actions made into target shares of equity.

Refuses what is no action. Leaves out how targets are traded (`batched_env.py`).
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
    """Of one symbol a copy: named targets are Discrete, any share Box((1,))."""

    def __init__(self, settings: EnvSettings) -> None:
        self._lowest = -1.0 if settings.shorting else 0.0
        names = NAMED_ACTIONS.get(settings.actions)
        self._named_shares = (
            None if names is None else np.array([ACTION_SHARES[name] for name in names])
        )
        self.space: Space = (
            spaces.Box(self._lowest, 1.0, (1,), np.float32)
            if names is None
            else spaces.Discrete(len(names))
        )

    def to_targets(self, actions: Any, count: int) -> Floats:
        """(M, 1) shares of equity that M actions ask for; shares beyond the ends are the ends.

        Raises InputError for a number that names no action and for one that is not finite.
        """
        if self._named_shares is None:
            shares = _check_finite(actions, (count, 1))
            return np.clip(shares, self._lowest, 1.0)
        numbers = np.asarray(actions).reshape(count)
        known = len(self._named_shares)
        if not (numbers.dtype.kind in "iu" and numbers.min() >= 0 and numbers.max() < known):
            wrong = numbers if numbers.dtype.kind not in "iu" else _unknown_actions(numbers, known)
            raise InputError(
                f"{wrong.tolist()[0]} is no action. Give a whole number from 0 to {known - 1}."
            )
        named: Floats = self._named_shares[numbers].reshape(count, 1)
        return named


class PortfolioAction:
    """Of N symbols together: a weight each, the rest is cash."""

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
        """(M, N) shares of equity; weights below 0 are 0, and where their sum is above 1 all are
        divided by it.

        Raises InputError for a weight that is not finite.
        """
        weights = np.maximum(_check_finite(actions, (count, self._symbols)), 0.0)
        total = np.zeros(count)
        for n in range(self._symbols):  # in a fixed order, however many copies there are
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
