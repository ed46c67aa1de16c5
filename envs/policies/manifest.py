"""The manifest file of a policy: its metadata, sealed by a hash.

It says what the tensors are, where the policy is from, and by its hashes that neither file has
changed. Leaves out the numbers, and reading files (`envs.policies.files`).
"""

import hashlib
import json
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from envs.env_settings import NAMED_ACTIONS, ActionScheme
from envs.observation import FEATURES, OBSERVATION_VERSION
from envs.policies.drift import DECILES
from envs.policies.ensemble import MEMBER_REGIMES
from envs.policies.policy import Manifest, Member, OutputKind, Policy, Squash

FORMAT_VERSION = 2
MAX_MEMBERS = 64


class PolicyRefusedError(Exception):
    """Raised with the reason why two files are no policy of this program."""


class MemberSpec(BaseModel):
    """A member without its numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    algorithm: str = Field(pattern="^[a-z][a-z0-9]{0,15}$")
    seed: int = Field(ge=0)
    kind: OutputKind
    squash: Squash | None
    actions: ActionScheme
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = Field(max_length=8)

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if (self.kind == "share") == (self.actions in NAMED_ACTIONS):
            raise ValueError(f"outputs of kind {self.kind!r} do not fit actions {self.actions!r}")
        if (self.kind == "share") != (self.squash is not None):
            raise ValueError(f"squash {self.squash!r} does not fit outputs of kind {self.kind!r}")
        return self

    @property
    def name(self) -> str:
        return f"{self.algorithm}-{self.seed}"

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units of every layer, from the features to the outputs."""
        outputs = 1 if self.kind == "share" else len(NAMED_ACTIONS[self.actions])
        return (len(FEATURES), *self.hidden, outputs)


class SealedManifest(Manifest):
    """The manifest as stored: with what the tensors are, and the hashes that seal it."""

    format: int
    observation_version: int
    features: tuple[str, ...]
    selection: Literal["bagging", "regimes"]
    members: tuple[MemberSpec, ...] = Field(min_length=1, max_length=MAX_MEMBERS)
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="Of the tensors.")
    seal: str = Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of this file without it.")


class _Format(BaseModel):
    """The only field that can be read from a manifest of any format."""

    format: int


def read_manifest(manifest: bytes) -> SealedManifest:
    """Parse and check the whole manifest."""
    try:
        found = _Format.model_validate_json(manifest).format
        if found == 1:
            raise PolicyRefusedError("it is of an older format, 1, of a single network")
        if found != FORMAT_VERSION:
            raise PolicyRefusedError(
                f"manifest.json has format {found}, this program reads {FORMAT_VERSION}"
            )
        sealed = SealedManifest.model_validate_json(manifest)
    except ValidationError as error:
        raise _invalid_error(error) from error
    if sealed.seal != _seal(sealed) or manifest != manifest_bytes(sealed):
        raise PolicyRefusedError("manifest.json was changed after it was written")
    if sealed.observation_version != OBSERVATION_VERSION or sealed.features != FEATURES:
        raise PolicyRefusedError(
            f"it was trained on observation version {sealed.observation_version} "
            f"({len(sealed.features)} features), this program makes version "
            f"{OBSERVATION_VERSION} ({len(FEATURES)} features)"
        )
    names = [spec.name for spec in sealed.members]
    for name in names:
        if names.count(name) > 1:
            raise PolicyRefusedError(f"member {name!r} is named {names.count(name)} times")
    return sealed


def seal_manifest(policy: Policy, sha256: str) -> SealedManifest:
    """Return the sealed manifest. `sha256` is that of the tensors. Raises PolicyRefusedError for a
    manifest that could not be read again."""
    try:
        manifest = SealedManifest(
            **{name: getattr(policy.manifest, name) for name in Manifest.model_fields},
            format=FORMAT_VERSION,
            observation_version=OBSERVATION_VERSION,
            features=FEATURES,
            selection=policy.selection,
            members=tuple(_member_spec(member) for member in policy.members),
            sha256=sha256,
            seal="0" * 64,
        )
    except ValidationError as error:
        raise _invalid_error(error) from error
    return manifest.model_copy(update={"seal": _seal(manifest)})


def _member_spec(member: Member) -> MemberSpec:
    return MemberSpec(
        algorithm=member.algorithm,
        seed=member.seed,
        kind=member.kind,
        squash=member.squash,
        actions=member.actions,
        hidden=member.network.hidden,
    )


def _invalid_error(error: ValidationError) -> PolicyRefusedError:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "text"
    return PolicyRefusedError(f"manifest.json is not valid at {where}: {first['msg']}")


def tensor_shapes(manifest: SealedManifest) -> dict[str, tuple[int, ...]]:
    features, members = len(FEATURES), len(manifest.members)
    shapes: dict[str, tuple[int, ...]] = {
        "mean": (features,),
        "scale": (features,),
        "tempers": (members,),
        "weights": (1 if manifest.selection == "bagging" else len(MEMBER_REGIMES), members),
        "edges": (features, DECILES - 1),
        "shares": (features, DECILES),
    }
    for spec in manifest.members:
        for i, (inputs, outputs) in enumerate(pairwise(spec.sizes)):
            shapes[f"{spec.name}.weight.{i}"] = (inputs, outputs)
            shapes[f"{spec.name}.bias.{i}"] = (outputs,)
    return shapes


def manifest_bytes(manifest: SealedManifest) -> bytes:
    return (json.dumps(manifest.model_dump(), indent=2, sort_keys=True) + "\n").encode()


def _seal(manifest: SealedManifest) -> str:
    unsealed = manifest.model_copy(update={"seal": ""})
    return hashlib.sha256(manifest_bytes(unsealed)).hexdigest()
