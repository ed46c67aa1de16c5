"""A small dense network as plain numbers, computed bit for bit.

Rectified units between the layers, none behind the last. Sums run over the inputs in a fixed order
and never over the batch, so a row's answer does not depend on which rows it is asked with; no
exponential is taken, so it does not depend on the machine either.
"""

from dataclasses import dataclass

import numpy as np

from domain.panel import Floats
from quant.compiled import compiled

PIECE = 256
"""Rows of a layer worked on at a time; no answer depends on it."""
Layer = tuple[Floats, Floats]
"""Weight (in, out) and bias (out,)."""


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """`layers`, first to last, at least one."""

    layers: tuple[Layer, ...]

    @property
    def hidden(self) -> tuple[int, ...]:
        """Units of each layer but the last."""
        return tuple(len(bias) for _, bias in self.layers[:-1])

    def outputs(self, x: Floats) -> Floats:
        """(M, O) of (M, K) standardised observations."""
        first, *rest = self.layers
        return propagate(dense(np.ascontiguousarray(x.T), *first), tuple(rest)).T


def propagate(first: Floats, rest: tuple[Layer, ...]) -> Floats:
    """(O, M) outputs from (H, M) sums of the first layer through the layers that follow it."""
    values = first
    for weight, bias in rest:
        values = dense(np.maximum(values, 0.0), weight, bias)
    return values


@compiled
def dense(inputs: Floats, weight: Floats, bias: Floats) -> Floats:
    """(out, M) = bias + weight (in, out) applied to inputs (in, M), summed over inputs in order.

    Units come first and rows last here, so that the innermost loop runs along contiguous rows, in
    pieces that stay in the processor's nearest cache. No sum depends on the other rows.
    """
    units, rows = inputs.shape
    total = np.empty((len(bias), rows))
    for start in range(0, rows, PIECE):
        stop = min(start + PIECE, rows)
        for out in range(len(bias)):
            sums = total[out, start:stop]
            sums[:] = bias[out]
            fours = units - units % 4
            for unit in range(0, fours, 4):
                w0, w1 = weight[unit, out], weight[unit + 1, out]
                w2, w3 = weight[unit + 2, out], weight[unit + 3, out]
                x0, x1 = inputs[unit, start:stop], inputs[unit + 1, start:stop]
                x2, x3 = inputs[unit + 2, start:stop], inputs[unit + 3, start:stop]
                for row in range(stop - start):
                    sums[row] = (
                        ((sums[row] + w0 * x0[row]) + w1 * x1[row]) + w2 * x2[row]
                    ) + w3 * x3[row]
            for unit in range(fours, units):
                for row in range(stop - start):
                    sums[row] += weight[unit, out] * inputs[unit, start + row]
    return total
