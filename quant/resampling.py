"""What else the same evidence could have shown: intervals by resampling blocks of time.

Returns and forecasts follow one another, so single ones must not be drawn: the stationary
bootstrap (Politis and Romano 1994) draws blocks of random length. Seeds are arguments.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, its 90% interval and the number of observations behind it; NaN where unknown."""

    value: float
    low: float
    high: float
    n: int
