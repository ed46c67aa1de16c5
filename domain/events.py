"""Events: the entries of the journal and of the stream."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class EventKind(StrEnum):
    VOTE_CAST = "vote.cast"
    DECISION_MADE = "decision.made"
    DECISION_SETTLED = "decision.settled"
    CYCLE_COMPLETED = "cycle.completed"
    ENGINE_CHANGED = "engine.changed"
    AGENT_CHANGED = "agent.changed"
    WATCHLIST_CHANGED = "watchlist.changed"
    ORDER_CHANGED = "order.changed"
    """The order in its new state, and its market."""
    ORDER_FILLED = "order.filled"
    """The fill, the number of its account entry, and its market."""
    ACCOUNT_CHANGED = "account.changed"
    """Market, at, number, equity (None where a price is missing), cash, trading state and mode."""
    MODEL_PROMOTED = "model.promoted"
    """`model` and `previous` (None: the policy that ships), `by`, and whether it `undoes` one."""


@dataclass(frozen=True, slots=True)
class Event:
    """`seq` counts up by one without a gap within one database; the pair of database epoch and
    seq is the id of the server-sent event. `payload` is plain JSON."""

    seq: int
    at: datetime
    kind: EventKind
    run: str
    symbol: str | None
    payload: dict[str, Any]


class EngineState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    HALTED = "halted"
