"""Schemas of training runs and models, and of the request that starts a run."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from web.schemas import ApiRequest, ApiResponse


class LabRunIn(ApiRequest, frozen=True, kw_only=True):
    """A training run to start. Defaults are those of the page: the watchlist, the costs in force,
    the history split by its length. `docs/understand/rl.md` explains each field."""

    symbols: list[str] | None = None
    algo: list[str] | None = None
    actions: str | None = None
    reward: str | None = None
    steps: int | None = None
    seeds: int | None = None
    train_until: str | None = None
    validate_until: str | None = None
    half_spread_bps: float | None = None
    commission_bps: float | None = None
    select: str | None = None
    stages: int | None = None
    patience: int | None = None
    episode: int | None = None
    dearer: float | None = None
    delay: int | None = None
    noise: float | None = None
    seed: int | None = None
    hidden: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabRunOut:
    """`state` is running, done, failed, cancelled or interrupted; `done` of `total` are environment
    steps. `data` names the market that it trains on, which may be `invented`."""

    id: str
    label: str
    state: str
    what: str
    done: int
    total: int
    seconds_left: float | None
    error: str
    started_at: datetime
    arguments: dict[str, str | int | float | bool | None]
    data: str
    invented: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LabRunsOut(ApiResponse):
    """`trains` tells whether runs can be started here."""

    trains: bool
    runs: tuple[LabRunOut, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabProgressOut:
    """One row per stage; scores are of the validation period, null where unknown."""

    member: tuple[str, ...]
    steps: tuple[int, ...]
    seconds: tuple[float, ...]
    scores: dict[str, tuple[float | None, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutEquityOut:
    """Equity over the held-out years, 1 at the start, net of costs."""

    dates: tuple[str, ...]
    ensemble: tuple[float, ...]
    members: dict[str, tuple[float, ...]]
    benchmarks: dict[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabRunDetailOut(ApiResponse):
    """`held_out` is null until the run is done; `model` is the model kept from it."""

    training: LabRunOut
    progress: LabProgressOut
    held_out: HeldOutEquityOut | None
    model: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabStartedOut(ApiResponse):
    """The id of the run."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabRunActionOut(ApiResponse):
    """`model` is the id under which a run's policy was kept, null for any other action."""

    training: LabRunOut
    model: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabModelOut:
    """`manifest` is null where the files are refused, and `refused` then says why. `run` is the run
    that it came from, if that still exists."""

    id: str
    seated: bool
    manifest: dict[str, Any] | None
    members: dict[str, float]
    refused: str
    run: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabModelsOut(ApiResponse):
    """`seated` is the active model ('shipped' is the policy that comes with Quorum); `former` is
    the one that a roll back would make active."""

    seated: str
    former: str | None
    models: tuple[LabModelOut, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabModelDetailOut(ApiResponse):
    model: LabModelOut


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftOut:
    """`psi` (population stability index) and `word` are null where there are too few
    observations."""

    feature: str
    psi: float | None
    word: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabDriftOut(ApiResponse):
    model: str
    drift: tuple[DriftOut, ...]
