"""What copies observe: the observation of the row that each is at, with noise where that is asked
for.

Leaves out what is in an observation (`envs/observation.py`).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.policies.policy import CLIP
from quant.jit import cached_njit

ObservationArray = NDArray[np.float32]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

NOISE_ROWS = 16_384
"""Rows of the table of noise."""
_NOISE_SEED = 0
_CLIP = np.float32(CLIP)


def noise_table(deviation: float, features: int) -> ObservationArray:
    """(NOISE_ROWS, K) what is added to observations, (0, K) for no noise. The same table whatever
    the seed, so that an episode only draws where in it it begins."""
    if deviation == 0.0:
        return np.empty((0, features), np.float32)
    table = np.random.default_rng(_NOISE_SEED).standard_normal((NOISE_ROWS, features), np.float32)
    return table * np.float32(deviation)


def symbol_sets(values: NDArray[Any], portfolio: bool) -> NDArray[Any]:
    """(T, N, ...) as (S, T, n, ...): all symbols as one set, or each as a set of its own."""
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
    """Fills `observation` (M, N * K and more) of the copies `indices` from `observations` (S, T, N,
    K), 0 where a symbol is not traded; with a table of noise, its rows are added and the sum
    clipped."""
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
