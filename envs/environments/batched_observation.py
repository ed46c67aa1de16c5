"""The observation of each copy at its current row, with noise where the settings ask for it.

Leaves out what an observation contains (`envs/observation.py`).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.panel import Bools
from envs.policies.policy import CLIP
from quant.jit import cached_njit

ObservationArray = NDArray[np.float32]
Ints = NDArray[np.int64]

NOISE_ROWS = 16_384
"""Rows of the noise table."""
_NOISE_SEED = 0
_CLIP = np.float32(CLIP)


def noise_table(deviation: float, features: int) -> ObservationArray:
    """Return the noise added to observations of K features, (NOISE_ROWS, K), or (0, K) for no
    noise. The table is the same for every seed; an episode draws only the row at which it
    begins."""
    if deviation == 0.0:
        return np.empty((0, features), np.float32)
    table = np.random.default_rng(_NOISE_SEED).standard_normal((NOISE_ROWS, features), np.float32)
    return table * np.float32(deviation)


def symbol_sets(values: NDArray[Any], portfolio: bool) -> NDArray[Any]:
    """Return (T, N, ...) as (S, T, n, ...), S sets of n symbols: all symbols as one set
    (`portfolio`), or each symbol as a set of its own."""
    return values[None] if portfolio else values.swapaxes(0, 1)[:, :, None]


@cached_njit
def observe_batch(
    indices: Ints,
    traded: Ints,
    row: Ints,
    start: Ints,
    observations: Any,
    tradable: Bools,
    noise: Any,
    offset: Ints,
    observation: Any,
) -> None:
    """Fill `observation` (M, N * K and more) for the copies `indices` from `observations` (S, T, N,
    K), S being the symbol sets and K the features; 0 where a symbol is not traded. With a noise
    table, add its rows and clip the sum."""
    symbols, features = observations.shape[2], observations.shape[3]
    for m in indices:
        s, t = traded[m], row[m]
        for n in range(symbols):
            first = n * features
            if not tradable[m, n]:
                for k in range(features):
                    observation[m, first + k] = 0.0
            elif len(noise) == 0:
                line = observations[s, t, n]
                for k in range(features):
                    observation[m, first + k] = line[k]
            else:
                place = (offset[m] + (t - start[m]) * symbols + n) % len(noise)
                for k in range(features):
                    noisy = observations[s, t, n, k] + noise[place, k]
                    observation[m, first + k] = min(max(noisy, -_CLIP), _CLIP)
