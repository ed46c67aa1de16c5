"""Random numbers that depend only on seed, name and index: the same on every machine.

A draw at `index` of stream `name` does not depend on other draws, so any range of a simulated
history can be computed. The SplitMix64 finaliser (Steele, Lea, Flood 2014) hashes a key and
a counter; normals are sums of twelve uniforms (Irwin and Hall), which needs no logarithm or
sine: their last bit differs between processors. Addition, multiplication, division and square
root do not, and nothing else is used here. Fit for a demonstration, not for cryptography.
"""

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from domain.panel import Floats

Index = NDArray[np.int64]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def uniform(seed: int, name: str, index: Index) -> Floats:
    """(T,) uniform numbers in [0, 1), one for each of `index` (T,)."""
    return np.asarray((_bits(seed, name, index) >> np.uint64(11)) * 2.0**-53)


def normal(seed: int, name: str, index: Index) -> Floats:
    """(T,) numbers with mean 0 and variance 1, one for each of `index` (T,), within -6 and 6."""
    total = np.zeros(len(index), np.uint64)
    for part in "abc":
        bits = _bits(seed, f"{name} {part}", index)
        for shift in (0, 16, 32, 48):
            total += (bits >> np.uint64(shift)) & np.uint64(0xFFFF)
    return np.asarray((total + np.uint64(6)) / 65536.0 - 6.0)


def uniform_scalar(seed: int, name: str, low: float = 0.0, high: float = 1.0) -> float:
    """A single uniform number in [low, high)."""
    return low + (high - low) * float(uniform(seed, name, np.zeros(1, np.int64))[0])


def _bits(seed: int, name: str, index: Index) -> NDArray[np.uint64]:
    key = np.uint64(
        int.from_bytes(blake2b(f"{seed} {name}".encode(), digest_size=8).digest(), "big")
    )
    return _mix(_mix(index.astype(np.uint64) * _STEP) ^ key)


def _mix(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    bits = (bits ^ (bits >> np.uint64(30))) * _MIX[0]
    bits = (bits ^ (bits >> np.uint64(27))) * _MIX[1]
    return np.asarray(bits ^ (bits >> np.uint64(31)))
