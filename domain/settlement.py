"""Settlement of recorded decisions: pending ones, outcomes, and the learner's states.

The orchestrator computes these values and storage records them. Leaves out how outcomes and learner
states are computed: see `orchestrator/evaluation/settlement.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.timeframe import Timeframe


@dataclass(frozen=True, slots=True)
class SettlementKey:
    """Identifies a sequence of comparable decisions: those of one market, run, calendar and
    timeframe, over the same `horizon` in bars."""

    market: str
    run: str
    calendar: str
    timeframe: Timeframe
    horizon: int


@dataclass(frozen=True, slots=True)
class VoteForecast:
    """An agent's forecast in a vote; None where it abstained."""

    agent: str
    p_up: float | None
    log_odds: float | None


@dataclass(frozen=True, slots=True)
class PendingDecision:
    """A recorded decision whose outcome is not known yet. `seq` is that of the decision's event,
    `as_of` the close of its bar, `horizon` in the symbol's own bars; `forecasts` are in the order
    of the votes."""

    seq: int
    receipt: str
    symbol: str
    as_of: datetime
    horizon: int
    p_up: float | None
    base_rate: float | None
    forecasts: tuple[VoteForecast, ...]


@dataclass(frozen=True, slots=True)
class DecisionOutcome:
    """The outcome of a decision: `change` is the return, a fraction, from the open of the bar that
    closed at `entry_at` to the open of the one that closed at `exit_at`. `regime` is an index into
    `domain.record.REGIMES`: the market's regime at the decision's bar."""

    decision: PendingDecision
    entry_at: datetime
    exit_at: datetime
    change: float
    regime: int


@dataclass(frozen=True, slots=True)
class LearnerState:
    """The learner's state after the round of the bar that closed at `as_of`.

    It applies from the bar that closed at `due_at`, when that round was complete. `weights` and
    `trust` are in the order of `agents`; `memory` is the learner's whole state in plain JSON.
    """

    as_of: datetime
    due_at: datetime
    agents: tuple[str, ...]
    weights: tuple[float, ...]
    trust: tuple[float, ...]
    memory: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SettlementBatch:
    """All outcomes and learner states under one key that became due in a cycle. `previous_as_of` is
    the bar of the learner state before `learner_states`, None where they are the first."""

    key: SettlementKey
    simulated: bool
    outcomes: tuple[DecisionOutcome, ...]
    learner_states: tuple[LearnerState, ...]
    previous_as_of: datetime | None
