"""A small dense network of plain numbers, computed reproducibly to the bit.

Rectified units between the layers, none after the last. Sums run over the inputs in a fixed order
and never over the batch, so the output of a row does not depend on the other rows; no exponential
is taken, so it does not depend on the machine either.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.panel import Floats
from quant.jit import cached_njit

BLOCK_ROWS = 128
"""Rows computed at a time, so that a layer stays in the processor's nearest cache. No result
depends on it."""
IntArray = NDArray[np.int64]
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
        """Return the (M, O) values of O outputs at (M, K) standardised observations."""
        outputs = np.empty((len(self.layers[-1][1]), len(x)))
        _outputs(self._columns(x), *self._packed(), outputs)
        return outputs.T

    def coalitions(self, x: Floats, group: IntArray) -> Floats:
        """Return (2^G, M) first output at (M, K) standardised observations with features left out.

        `group` (K,) is the group, from 0 to G - 1, of each feature. Row c keeps the groups whose
        bits are set in c; the features of the others are 0. The groups' sums of the first layer are
        computed once: an absent group adds nothing to it.
        """
        outputs = np.empty((2 ** (int(group.max()) + 1), len(x)))
        _coalitions(self._columns(x), group, *self._packed(), outputs)
        return outputs

    def _columns(self, x: Floats) -> Floats:
        """Return `x` as (K, M), and check K: compiled loops do not check array bounds."""
        if x.ndim != 2 or x.shape[1] != len(self.layers[0][0]):
            raise ValueError(f"{x.shape} is not (M, {len(self.layers[0][0])}).")
        return np.ascontiguousarray(x.T, np.float64)

    def _packed(self) -> tuple[IntArray, Floats]:
        """Units of every layer from the inputs on, and all weights and biases in one array."""
        units = [len(self.layers[0][0]), *(len(bias) for _, bias in self.layers)]
        numbers = [part.ravel() for layer in self.layers for part in layer]
        return np.array(units, np.int64), np.concatenate(numbers)


@cached_njit
def _outputs(x: Floats, units: IntArray, numbers: Floats, outputs: Floats) -> None:
    """Fill `outputs` (O, M) from x (K, M)."""
    rows, widest = x.shape[1], max(units)
    values, sums = np.zeros((widest, BLOCK_ROWS)), np.zeros((widest, BLOCK_ROWS))
    first, stop = units[0] * units[1], (units[0] + 1) * units[1]
    weight, bias = numbers[:first].reshape(units[0], units[1]), numbers[first:stop]
    for start in range(0, rows, BLOCK_ROWS):
        count = min(BLOCK_ROWS, rows - start)
        for feature in range(units[0]):
            for row in range(count):
                values[feature, row] = x[feature, start + row]
        _layer(values, weight, bias, sums)
        _later_layers(sums, values, units, numbers)
        for out in range(units[-1]):
            for row in range(count):
                outputs[out, start + row] = sums[out, row]


@cached_njit
def _coalitions(
    x: Floats, group: IntArray, units: IntArray, numbers: Floats, outputs: Floats
) -> None:
    """Fill `outputs` (2^G, M) from x (K, M)."""
    rows, widest = x.shape[1], max(units)
    values, sums = np.zeros((widest, BLOCK_ROWS)), np.zeros((widest, BLOCK_ROWS))
    parts = np.empty((max(group) + 1, units[1], BLOCK_ROWS))
    first, stop = units[0] * units[1], (units[0] + 1) * units[1]
    weight, bias = numbers[:first].reshape(units[0], units[1]), numbers[first:stop]
    for start in range(0, rows, BLOCK_ROWS):
        count = min(BLOCK_ROWS, rows - start)
        parts.fill(0.0)
        for feature in range(units[0]):
            for out in range(units[1]):
                part, one = parts[group[feature], out], weight[feature, out]
                for row in range(count):
                    part[row] += one * x[feature, start + row]
        for coalition in range(len(outputs)):
            _coalition_sums(parts, coalition, bias, sums)
            _later_layers(sums, values, units, numbers)
            for row in range(count):
                outputs[coalition, start + row] = sums[0, row]


@cached_njit
def _coalition_sums(parts: Floats, coalition: int, bias: Floats, sums: Floats) -> None:
    """Fill sums (H, BLOCK_ROWS) of the H units of the first layer: bias + the parts (G, H,
    BLOCK_ROWS) that are in the coalition."""
    for unit in range(len(bias)):
        total = sums[unit]
        total[:] = bias[unit]
        for member in range(len(parts)):
            if coalition >> member & 1:
                part = parts[member, unit]
                for row in range(BLOCK_ROWS):
                    total[row] += part[row]


@cached_njit
def _later_layers(sums: Floats, values: Floats, units: IntArray, numbers: Floats) -> None:
    """Compute the sums of the last layer from those of the first, in place; `values` is a work
    array."""
    place = (units[0] + 1) * units[1]
    for layer in range(1, len(units) - 1):
        inputs, outputs = units[layer], units[layer + 1]
        for unit in range(inputs):
            total, value = sums[unit], values[unit]
            for row in range(BLOCK_ROWS):
                value[row] = max(total[row], 0.0)
        weight = numbers[place : place + inputs * outputs].reshape(inputs, outputs)
        place += inputs * outputs
        _layer(values, weight, numbers[place : place + outputs], sums)
        place += outputs


@cached_njit
def _layer(values: Floats, weight: Floats, bias: Floats, sums: Floats) -> None:
    """Fill sums (out, BLOCK_ROWS) with bias + weight (in, out) applied to values (in, BLOCK_ROWS),
    in order.

    Units come first and rows last, so that the innermost loop runs along contiguous rows.
    """
    units = len(weight)
    fours = units - units % 4
    for out in range(len(bias)):
        total = sums[out]
        total[:] = bias[out]
        for unit in range(0, fours, 4):
            w0, w1 = weight[unit, out], weight[unit + 1, out]
            w2, w3 = weight[unit + 2, out], weight[unit + 3, out]
            x0, x1, x2, x3 = values[unit], values[unit + 1], values[unit + 2], values[unit + 3]
            for row in range(BLOCK_ROWS):
                total[row] = (
                    ((total[row] + w0 * x0[row]) + w1 * x1[row]) + w2 * x2[row]
                ) + w3 * x3[row]
        for unit in range(fours, units):
            one, x = weight[unit, out], values[unit]
            for row in range(BLOCK_ROWS):
                total[row] += one * x[row]
