"""The events that a training run reports, and the content of the last one.

Events are values: the caller stores, shows or sends them. The module imports nothing heavy, so that
pages and jobs need none of the learning libraries.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from domain.errors import CorruptFileError


@dataclass(frozen=True, slots=True)
class StageCompleted:
    """A member has learnt for another stage and was scored on the validation period.

    `member` is `number` of `members`, counted from 1; `steps` of its `total` are done, this stage's
    in `seconds`. `scores` are NaN where unknown. `checkpoint` (safetensors) is everything needed to
    continue from here; a member has `ended` when its steps are done or validation has stopped
    improving.
    """

    member: str
    number: int
    members: int
    steps: int
    total: int
    seconds: float
    scores: Mapping[str, float]
    checkpoint: bytes
    ended: bool


@dataclass(frozen=True, slots=True)
class RunEvaluated:
    """The end of a run: the policy's two files, and `HeldOutPaths` as JSON."""

    tensors: bytes
    manifest: bytes
    held_out: bytes


TrainingEvent = StageCompleted | RunEvaluated


@dataclass(frozen=True, slots=True)
class HeldOutPaths:
    """Equity through the test period, 1 at its start, at the closes of `dates` (ISO days): of the
    ensemble, of each member and of each benchmark; net of cost, thinned."""

    dates: tuple[str, ...]
    ensemble: tuple[float, ...]
    members: Mapping[str, tuple[float, ...]]
    benchmarks: Mapping[str, tuple[float, ...]]

    def encode(self) -> bytes:
        return (json.dumps(asdict(self)) + "\n").encode()

    @classmethod
    def decode(cls, content: bytes, where: str) -> "HeldOutPaths":
        """Decode what `encode` made. Raises CorruptFileError where `content`, read from `where`, is
        anything else."""
        try:
            raw = json.loads(content)
            paths = {
                kind: {str(name): tuple(map(float, path)) for name, path in raw[kind].items()}
                for kind in ("members", "benchmarks")
            }
            ensemble = tuple(map(float, raw["ensemble"]))
            held_out = cls(tuple(map(str, raw["dates"])), ensemble, **paths)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise CorruptFileError(
                f"{where} does not hold equity paths ({error!r}). Train the policy again."
            ) from error
        return held_out
