"""A policy stored as two files of plain data, checked in full when they are read.

`policy.safetensors` holds numbers only; nothing in it can run. `manifest.json` says what they are,
where they are from, and by its hashes that neither file has changed. Every mismatch between the
files, or with this program, raises a CorruptFileError that names it. Leaves out the choice of the
policy that votes, which is the registry's.
"""

import hashlib
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from domain.errors import CorruptFileError
from domain.model_files import MANIFEST_FILE, TENSORS_FILE
from domain.panel import Floats
from envs.policies.drift import FeatureReference
from envs.policies.manifest import (
    PolicyRefusedError,
    SealedManifest,
    manifest_bytes,
    read_manifest,
    seal_manifest,
    tensor_shapes,
)
from envs.policies.network import Network
from envs.policies.policy import Manifest, Member, Policy
from storage.atomic_files import write_atomic

MAX_BYTES = {TENSORS_FILE: 64 * 2**20, MANIFEST_FILE: 4 * 2**20}
"""Largest sizes in bytes; a larger file is rejected unread."""
MAX_MAGNITUDE = 1e12
"""Largest magnitude of a number; with larger ones sums could overflow a float, and no training
produces them."""
SUM_TOLERANCE = 1e-9
"""Tolerance for a sum of weights to differ from 1 by rounding."""


def encode_policy(policy: Policy) -> tuple[bytes, bytes]:
    """Return the bytes of the tensors and of the manifest. The same policy gives the same bytes.

    Raises CorruptFileError for a policy that would be rejected when it is read.
    """
    tensors = _tensors(policy)
    try:
        manifest = manifest_bytes(seal_manifest(policy, hashlib.sha256(tensors).hexdigest()))
        _decode_files(tensors, manifest)
    except PolicyRefusedError as reason:
        raise _refusal("memory", str(reason)) from reason
    return tensors, manifest


def save_policy(folder: Path, policy: Policy) -> None:
    """Write both files. Each is written to a temporary file and renamed, tensors first, so that a
    process that is killed leaves the previous policy or one that is rejected, never an unnoticed
    mix."""
    for name, content in zip((TENSORS_FILE, MANIFEST_FILE), encode_policy(policy), strict=True):
        write_atomic(folder / name, content)


def load_policy(folder: Path) -> Policy:
    """Read the policy in `folder`.

    Raises CorruptFileError where a file is missing or damaged, or the two do not match each other
    or this program's observation.
    """
    manifest = _read_file(folder, MANIFEST_FILE)
    return decode_policy(_read_file(folder, TENSORS_FILE), manifest, str(folder))


def decode_policy(tensors: bytes, manifest: bytes, where: str) -> Policy:
    """Decode the policy from its two files, read from `where`. Raises CorruptFileError as
    `load_policy` does."""
    try:
        return _decode_files(tensors, manifest)
    except PolicyRefusedError as reason:
        raise _refusal(where, str(reason)) from reason


def _decode_files(tensors: bytes, manifest: bytes) -> Policy:
    for name, content in ((TENSORS_FILE, tensors), (MANIFEST_FILE, manifest)):
        if len(content) > MAX_BYTES[name]:
            raise PolicyRefusedError(f"{name} is larger than {MAX_BYTES[name] // 2**20} MB")
    sealed = read_manifest(manifest)
    if hashlib.sha256(tensors).hexdigest() != sealed.sha256:
        raise PolicyRefusedError(f"{TENSORS_FILE} is damaged or belongs to another {MANIFEST_FILE}")
    arrays = _check_tensors(tensors, sealed)
    return Policy(
        mean=arrays["mean"],
        scale=arrays["scale"],
        members=tuple(
            Member(
                algorithm=spec.algorithm,
                seed=spec.seed,
                kind=spec.kind,
                actions=spec.actions,
                network=Network(
                    tuple(
                        (arrays[f"{spec.name}.weight.{i}"], arrays[f"{spec.name}.bias.{i}"])
                        for i in range(len(spec.sizes) - 1)
                    )
                ),
                temper=float(temper),
                squash=spec.squash,
            )
            for spec, temper in zip(sealed.members, arrays["tempers"], strict=True)
        ),
        weights=arrays["weights"],
        reference=FeatureReference(arrays["edges"], arrays["shares"]),
        manifest=Manifest(**{name: getattr(sealed, name) for name in Manifest.model_fields}),
    )


def _check_tensors(content: bytes, manifest: SealedManifest) -> dict[str, Floats]:
    """Return the tensors that the manifest lists; reject missing and additional ones."""
    try:
        arrays = {name: np.array(tensor) for name, tensor in load_tensors(content).items()}
    except (SafetensorError, KeyError, ValueError) as error:  # the last two: odd types and sizes
        raise PolicyRefusedError(f"{TENSORS_FILE} cannot be read ({error})") from error
    promised = tensor_shapes(manifest)
    shapes = {name: tensor.shape for name, tensor in arrays.items()}
    if shapes != promised:
        odd = sorted({name for name, _ in set(shapes.items()) ^ set(promised.items())})[0]
        raise PolicyRefusedError(
            f"tensor {odd!r} has shape {shapes.get(odd)}, expected {promised.get(odd)}"
        )
    for name, tensor in arrays.items():
        if tensor.dtype != np.float64 or not np.isfinite(tensor).all():
            raise PolicyRefusedError(f"tensor {name!r} holds something other than finite float64")
        if (np.abs(tensor) > MAX_MAGNITUDE).any():
            raise PolicyRefusedError(f"tensor {name!r} holds numbers beyond {MAX_MAGNITUDE:.0e}")
    if (arrays["scale"] <= 0.0).any():
        raise PolicyRefusedError("tensor 'scale' must be positive")
    if (arrays["tempers"] < 0.0).any():
        raise PolicyRefusedError("tensor 'tempers' must not be negative")
    if (np.diff(arrays["edges"], axis=1) < 0.0).any():
        raise PolicyRefusedError("tensor 'edges' must ascend")
    for name in ("weights", "shares"):
        off = np.abs(arrays[name].sum(axis=1) - 1.0).max()
        if (arrays[name] < 0.0).any() or off > SUM_TOLERANCE:
            raise PolicyRefusedError(f"each row of tensor {name!r} must sum to 1, none below 0")
    return arrays


def _tensors(policy: Policy) -> bytes:
    tensors = {
        "mean": policy.mean,
        "scale": policy.scale,
        "tempers": np.array([member.temper for member in policy.members]),
        "weights": policy.weights,
        "edges": policy.reference.edges,
        "shares": policy.reference.shares,
    }
    for member in policy.members:
        for i, (weight, bias) in enumerate(member.network.layers):
            tensors |= {f"{member.name}.weight.{i}": weight, f"{member.name}.bias.{i}": bias}
    return save_tensors({name: np.ascontiguousarray(t, np.float64) for name, t in tensors.items()})


def _read_file(folder: Path, name: str) -> bytes:
    path = folder / name
    try:
        if path.exists() and not path.is_file():
            raise _refusal(str(folder), f"{name} is no regular file")
        if path.stat().st_size > MAX_BYTES[name]:
            raise _refusal(str(folder), f"{name} is larger than {MAX_BYTES[name] // 2**20} MB")
        return path.read_bytes()
    except OSError as error:
        raise _refusal(str(folder), f"{name} cannot be read ({error.strerror})") from error


def _refusal(where: str, what: str) -> CorruptFileError:
    return CorruptFileError(
        f"The policy in {where} is refused: {what}. Bring a copy that is whole, or train again; "
        "where the setting agents.rl_policy names it, unset that to use another."
    )
