"""What the API answers of decisions."""

from dataclasses import dataclass
from datetime import datetime

from domain.decision import Decision
from storage.journal.decision_records import RecordedDecision
from web.schemas import ApiResponse, to_schema


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


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationOut(ApiResponse):
    receipt: str
    same: bool
    differences: tuple[str, ...]


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
