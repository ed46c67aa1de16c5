"""What the API answers on the agents and their record."""

from dataclasses import dataclass

from orchestrator.evaluation.scores import ForecasterScores, RecordScores
from web.schemas import ApiResponse


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOut(ApiResponse):
    """`weights` are those in force now, by agent."""

    scores: RecordScores | None
    weights: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRecordOut(ApiResponse):
    agent: str
    weight: float | None
    record: ForecasterScores | None


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
class AgentsOut(ApiResponse):
    agents: tuple[AgentOut, ...]
