"""The manifest as it stands in its file: the words of a policy, sealed.

It says what the tensors are, where the policy is from, and by its hashes that neither file was
changed since. Left out: the numbers, and reading files (`envs.policies.files`).
"""

import hashlib
import json
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from envs.env_settings import NAMED, Actions
from envs.observation import FEATURES, OBSERVATION_VERSION
from envs.policies.drift import TENTHS
from envs.policies.ensemble import REGIMES
from envs.policies.policy import Kind, Manifest, Member, Policy, Squash

FORMAT = 2
MEMBERS = 64


class RefusedError(Exception):
    """Why two files are no policy of this program."""


class MemberWords(BaseModel):
    """A member but for its numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    algorithm: str = Field(pattern="^[a-z][a-z0-9]{0,15}$")
    seed: int = Field(ge=0)
    kind: Kind
    squash: Squash | None
    actions: Actions
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = Field(max_length=8)

    @model_validator(mode="after")
    def _reads_as_its_kind(self) -> Self:
        if (self.kind == "share") == (self.actions in NAMED):
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
        outputs = 1 if self.kind == "share" else len(NAMED[self.actions])
        return (len(FEATURES), *self.hidden, outputs)


class Sheet(Manifest):
    """The manifest as it stands in its file: with what the numbers are, and that they are these."""

    format: int
    observation_version: int
    features: tuple[str, ...]
    selection: Literal["bagging", "regimes"]
    members: tuple[MemberWords, ...] = Field(min_length=1, max_length=MEMBERS)
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="Of the tensors.")
    seal: str = Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of this file without it.")


class _Format(BaseModel):
    """What can be read of the manifest of any format."""

    format: int


def read_sheet(manifest: bytes) -> Sheet:
    """Every word of the manifest, checked."""
    try:
        found = _Format.model_validate_json(manifest).format
        if found == 1:
            raise RefusedError("it is of an older format, 1, of a single network")
        if found != FORMAT:
            raise RefusedError(f"manifest.json has format {found}, this program reads {FORMAT}")
        sheet = Sheet.model_validate_json(manifest)
    except ValidationError as error:
        raise _invalid(error) from error
    if sheet.seal != _seal(sheet) or manifest != text_of(sheet):
        raise RefusedError("manifest.json was changed after it was written")
    if sheet.observation_version != OBSERVATION_VERSION or sheet.features != FEATURES:
        raise RefusedError(
            f"it was trained on observation version {sheet.observation_version} "
            f"({len(sheet.features)} features), this program makes version "
            f"{OBSERVATION_VERSION} ({len(FEATURES)} features)"
        )
    names = [words.name for words in sheet.members]
    for name in names:
        if names.count(name) > 1:
            raise RefusedError(f"member {name!r} is named {names.count(name)} times")
    return sheet


def sheet_of(policy: Policy, sha256: str) -> Sheet:
    """Sealed. `sha256` is that of the tensors. Raises RefusedError for words that could not be read
    again."""
    try:
        sheet = Sheet(
            **{name: getattr(policy.manifest, name) for name in Manifest.model_fields},
            format=FORMAT,
            observation_version=OBSERVATION_VERSION,
            features=FEATURES,
            selection=policy.selection,
            members=tuple(_words(member) for member in policy.members),
            sha256=sha256,
            seal="0" * 64,
        )
    except ValidationError as error:
        raise _invalid(error) from error
    return sheet.model_copy(update={"seal": _seal(sheet)})


def _words(member: Member) -> MemberWords:
    return MemberWords(
        algorithm=member.algorithm,
        seed=member.seed,
        kind=member.kind,
        squash=member.squash,
        actions=member.actions,
        hidden=member.network.hidden,
    )


def _invalid(error: ValidationError) -> RefusedError:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "text"
    return RefusedError(f"manifest.json is not valid at {where}: {first['msg']}")


def shapes_of(sheet: Sheet) -> dict[str, tuple[int, ...]]:
    features, members = len(FEATURES), len(sheet.members)
    shapes: dict[str, tuple[int, ...]] = {
        "mean": (features,),
        "scale": (features,),
        "tempers": (members,),
        "weights": (1 if sheet.selection == "bagging" else len(REGIMES), members),
        "edges": (features, TENTHS - 1),
        "shares": (features, TENTHS),
    }
    for words in sheet.members:
        for i, (inputs, outputs) in enumerate(pairwise(words.sizes)):
            shapes[f"{words.name}.weight.{i}"] = (inputs, outputs)
            shapes[f"{words.name}.bias.{i}"] = (outputs,)
    return shapes


def text_of(sheet: Sheet) -> bytes:
    return (json.dumps(sheet.model_dump(), indent=2, sort_keys=True) + "\n").encode()


def _seal(sheet: Sheet) -> str:
    unsealed = sheet.model_copy(update={"seal": ""})
    return hashlib.sha256(text_of(unsealed)).hexdigest()
