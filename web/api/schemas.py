"""What the API answers. Every answer says of which market it is and whether that is simulated."""

import json
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, TypeVar, cast

import msgspec
from litestar import Response

from domain.canonical import to_json
from domain.decision import Decision
from domain.stored_names import stored_fields
from storage.journal.decision_records import RecordedDecision
from web.services import AppServices

T = TypeVar("T")


class JsonResponse(Response[Any]):
    """JSON as `domain/canonical.py` spells it, all in ASCII, so that no text can break it."""

    def render(self, content: Any, media_type: str, enc_hook: Any = None) -> bytes:  # noqa: ARG002
        if isinstance(content, bytes):
            return content
        return json.dumps(to_json(content), allow_nan=False).encode("ascii")


class ApiRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a program asks for. A field that does not exist is refused: one misspelt stop loss must
    not become an order without any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiResponse:
    market: str
    run: str
    simulated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentOut:
    agent: str
    label: str
    description: str
    version: str | None
    state: str
    restarts: int
    seconds: float | None
    failure: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressOut:
    what: str
    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusOut(ApiResponse):
    """`cursor` is the id of the newest event; `as_of` the close of the newest bar decided on.

    `reason` is why the engine is halted, `error` what last went wrong (null once overcome), `last`
    and `next` the closes its clock stands between, `finished` that there are no more bars,
    `missing` the symbols without a single bar, `seconds` what the last cycle took by stage.
    """

    version: str
    state: str
    reason: str | None
    error: str | None
    progress: ProgressOut | None
    last: datetime | None
    next: datetime | None
    finished: bool
    missing: tuple[str, ...]
    seconds: dict[str, float]
    as_of: datetime | None
    cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsOut(ApiResponse):
    agents: tuple[AgentOut, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchlistOut(ApiResponse):
    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BarOut:
    """`at` is the bar's opening instant; prices are split-adjusted."""

    at: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float
    adj_close: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BarsOut(ApiResponse):
    symbol: str
    timeframe: str
    bars: tuple[BarOut, ...]


@dataclass(frozen=True, slots=True)
class NewsItemOut:
    known_at: datetime
    headline: str
    summary: str | None
    source: str | None
    url: str | None
    relevance: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsOut(ApiResponse):
    symbol: str
    news: tuple[NewsItemOut, ...]


@dataclass(frozen=True, slots=True)
class FilingOut:
    """`fiscal_quarter` 4 is the full year."""

    known_at: datetime
    fiscal_year: int
    fiscal_quarter: int
    revenue: float | None
    operating_income: float | None
    net_income: float | None
    shares: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FilingsOut(ApiResponse):
    symbol: str
    filings: tuple[FilingOut, ...]


@dataclass(frozen=True, slots=True)
class DecisionOut(Decision):
    """A decision as recorded: `seq` is the number of its event."""

    as_of: datetime
    recorded_at: datetime
    market: str
    run: str
    simulated: bool
    timeframe: str
    digest: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionsOut(ApiResponse):
    """`next` continues the list (`?before=`); None at its end."""

    as_of: datetime | None
    decisions: tuple[DecisionOut, ...]
    next: int | None = None


@dataclass(frozen=True, slots=True)
class VotesPoint:
    """One bar: the committee's figures and each agent's p_up (null where it abstained)."""

    as_of: datetime
    action: str
    p_up: float | None
    base_rate: float | None
    edge: float | None
    target_weight: float
    price: float | None
    receipt: str
    agents: dict[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class VotesOut(ApiResponse):
    symbol: str
    votes: tuple[VotesPoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationOut(ApiResponse):
    receipt: str
    same: bool
    differences: tuple[str, ...]


def to_schema(value: Any, schema: type[T], **given: Any) -> T:
    """The dataclass `value` in a published schema: a field takes what is `given` by its name, else
    the value's own field that is published under that name. The schema may leave fields out."""
    published = {name: getattr(value, own) for own, name in stored_fields(value.__class__)} | given
    names = (field.name for field in fields(cast(Any, schema)))
    return schema(**{name: published[name] for name in names})


def market_fields(services: AppServices) -> dict[str, Any]:
    """The fields that every answer begins with."""
    return {"market": services.market, "run": services.run, "simulated": services.simulated}


def decision_out(recorded: RecordedDecision) -> DecisionOut:
    return to_schema(
        recorded.decision,
        DecisionOut,
        as_of=recorded.as_of,
        recorded_at=recorded.recorded_at,
        market=recorded.market,
        run=recorded.run,
        simulated=recorded.simulated,
        timeframe=recorded.timeframe.value,
        digest=recorded.digest,
        seq=recorded.seq,
    )
