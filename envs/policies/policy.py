"""A trained policy as plain numbers: read with suspicion, computed in numpy, bit for bit.

A policy is a folder of two files: `policy.safetensors` (numbers only; nothing in it can run) and
`manifest.json` (what it was trained on and how, its scores, and the hash of the tensors). Every
way in which they can fail to match this program is a ConfigurationError that says which.

The network is small and dense with rectified units. Its sums run over the inputs in a fixed order
and never over the batch, so a row's answer does not depend on which rows it is asked with; no
exponential is taken, so it does not depend on the machine either.
"""

import hashlib
import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from domain.errors import ConfigurationError
from domain.panel import Floats
from envs.observation import FEATURES, OBSERVATION_VERSION
from quant.compiled import compiled

TENSORS, MANIFEST = "policy.safetensors", "manifest.json"
PIECE = 512
"""Rows of a layer worked on at a time; no answer depends on it."""
CLIP = 5.0
"""Standardised features are clipped to ±CLIP, in training as in use."""


class Score(BaseModel):
    """A figure with the interval that 95 of 100 resamples of time fall into."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float
    low: float
    high: float


class Manifest(BaseModel):
    """What is known of a policy beside its numbers. No clock: the same run, the same bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = 1
    observation_version: int
    features: tuple[str, ...]
    actions: tuple[str, ...]
    hidden: tuple[int, ...]
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    data: str
    data_digest: str
    periods: dict[str, tuple[str, str]]
    arguments: dict[str, str | int | float | bool | None]
    seeds: tuple[int, ...]
    seed: int
    scores: dict[str, dict[str, Score]]


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """`mean`, `scale` (K,) standardise the features; `layers` are (weight (in, out), bias (out,))
    with rectified units between them and one logit an action at the end."""

    mean: Floats
    scale: Floats
    layers: tuple[tuple[Floats, Floats], ...]

    def standardise(self, observation: Floats) -> Floats:
        """(..., K) in standard deviations of the training period, clipped to ±CLIP."""
        return np.clip((observation - self.mean) / self.scale, -CLIP, CLIP)

    def logits(self, standardised: Floats) -> Floats:
        """(M, A) action logits of (M, K) standardised observations."""
        first, *rest = self.layers
        return propagate(dense(np.ascontiguousarray(standardised.T), *first), rest).T


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A network, what its log-odds are worth (`temper`, see envs.learning.evaluation), and its manifest."""

    network: Network
    temper: float
    manifest: Manifest

    @property
    def version(self) -> str:
        """First 8 hexadecimal characters of the hash of the tensors."""
        return self.manifest.sha256[:8]

    def log_odds(self, standardised: Floats) -> Floats:
        """(M,) log p(long) - log p(flat) of (M, K) standardised observations, not tempered."""
        return long_over_flat(self.network.logits(standardised), self.manifest.actions)


def long_over_flat(logits: Floats, actions: tuple[str, ...]) -> Floats:
    """(M,) log p(long) - log p(flat) of (M, A) logits: the softmax cancels out."""
    difference: Floats = logits[:, actions.index("long")] - logits[:, actions.index("flat")]
    return difference


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


def propagate(first: Floats, rest: list[tuple[Floats, Floats]]) -> Floats:
    """(A, M) logits from (H, M) sums of the first layer through the layers that follow it."""
    values = first
    for weight, bias in rest:
        values = dense(np.maximum(values, 0.0), weight, bias)
    return values


def save_policy(folder: Path, network: Network, temper: float, manifest: Manifest) -> Manifest:
    """Write both files and return the manifest with the hash it was written with.

    Each file is written beside its place and moved there, tensors first: a run that is killed
    leaves the former policy, or one that is refused, never one that is half new.
    """
    tensors = encode(network, temper)
    stamped = manifest.model_copy(update={"sha256": hashlib.sha256(tensors).hexdigest()})
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(stamped.model_dump(), indent=2, sort_keys=True) + "\n"
    for name, content in ((TENSORS, tensors), (MANIFEST, text.encode())):
        beside = folder / f".{name}.new"
        beside.write_bytes(content)
        beside.replace(folder / name)
    return stamped


def encode(network: Network, temper: float) -> bytes:
    """The tensor file: `mean`, `scale`, `temper` and `weight.i`, `bias.i`, all float64."""
    tensors = {"mean": network.mean, "scale": network.scale, "temper": np.array([temper])}
    for index, (weight, bias) in enumerate(network.layers):
        tensors |= {f"weight.{index}": weight, f"bias.{index}": bias}
    return save_tensors({name: np.ascontiguousarray(t, np.float64) for name, t in tensors.items()})


def load_policy(folder: Path) -> Policy:
    """The policy in `folder`.

    Raises ConfigurationError where a file is missing or damaged, or the two do not match each
    other or this program's observation.
    """
    manifest = _manifest(folder)
    tensors = _read(folder / TENSORS)
    if hashlib.sha256(tensors).hexdigest() != manifest.sha256:
        raise _refusal(folder, f"{TENSORS} is damaged or belongs to another {MANIFEST}")
    network, temper = _decode(folder, tensors, manifest)
    return Policy(network, temper, manifest)


def _manifest(folder: Path) -> Manifest:
    try:
        manifest = Manifest.model_validate_json(_read(folder / MANIFEST))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "text"
        raise _refusal(folder, f"{MANIFEST} is not valid at {where}: {first['msg']}") from error
    if manifest.format != 1:
        raise _refusal(folder, f"{MANIFEST} has format {manifest.format}, this program reads 1")
    if manifest.observation_version != OBSERVATION_VERSION or manifest.features != FEATURES:
        raise _refusal(
            folder,
            f"it was trained on observation version {manifest.observation_version} "
            f"({len(manifest.features)} features), this program makes version "
            f"{OBSERVATION_VERSION} ({len(FEATURES)} features)",
        )
    if missing := {"flat", "long"} - set(manifest.actions):
        raise _refusal(folder, f"its actions lack {', '.join(sorted(missing))}")
    return manifest


def _decode(folder: Path, content: bytes, manifest: Manifest) -> tuple[Network, float]:
    try:
        tensors = load_tensors(content)
    except SafetensorError as error:
        raise _refusal(folder, f"{TENSORS} cannot be read ({error})") from error
    sizes = (len(FEATURES), *manifest.hidden, len(manifest.actions))
    shapes: dict[str, tuple[int, ...]] = {
        "mean": (len(FEATURES),), "scale": (len(FEATURES),), "temper": (1,)
    }  # fmt: skip
    for index, (inputs, outputs) in enumerate(pairwise(sizes)):
        shapes |= {f"weight.{index}": (inputs, outputs), f"bias.{index}": (outputs,)}
    found = {name: tensor.shape for name, tensor in tensors.items()}
    if found != shapes:
        odd = sorted(set(found.items()) ^ set(shapes.items()))[0][0]
        raise _refusal(
            folder, f"tensor {odd!r} has shape {found.get(odd)}, expected {shapes.get(odd)}"
        )
    for name, tensor in tensors.items():
        if tensor.dtype != np.float64 or not np.isfinite(tensor).all():
            raise _refusal(folder, f"tensor {name!r} holds something other than finite float64")
    if (tensors["scale"] <= 0).any() or tensors["temper"][0] < 0:
        raise _refusal(folder, "tensor 'scale' must be positive and 'temper' not negative")
    layers = tuple(
        (tensors[f"weight.{index}"], tensors[f"bias.{index}"]) for index in range(len(sizes) - 1)
    )
    return Network(tensors["mean"], tensors["scale"], layers), float(tensors["temper"][0])


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _refusal(path.parent, f"{path.name} cannot be read ({error.strerror})") from error


def _refusal(folder: Path, what: str) -> ConfigurationError:
    return ConfigurationError(
        f"The policy in {folder} is refused: {what}. Train it again (python -m envs.train), or "
        "unset the policy's folder to use the one that ships."
    )
