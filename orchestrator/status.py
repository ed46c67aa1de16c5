"""What an engine reports: its progress and its status."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.events import EngineState


@dataclass(frozen=True, slots=True)
class EngineProgress:
    """What the engine is doing: `done` of `total` steps (total 0: unknown)."""

    what: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """What the pages show of the engine. `reason` is why it is halted, `error` the last error (None
    since a cycle succeeded), `missing` the symbols without a single bar, `finished` whether the
    clock has no more bars, `seconds` the last cycle's duration by stage."""

    state: EngineState
    reason: str | None
    error: str | None
    last: datetime | None
    next: datetime | None
    finished: bool
    missing: tuple[str, ...]
    seconds: Mapping[str, float]
