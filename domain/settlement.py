"""Recorded decisions and their outcomes: what is pending, what came of the others, what was learnt.

Spoken between the orchestrator, which computes it, and storage, which records it. Leaves out how
outcomes and learner states are computed: see `orchestrator/evaluation/settlement.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.timeframe import Timeframe


@dataclass(frozen=True, slots=True)
class SettlementKey:
    """Decisions that follow one another and can be compared: of one market, run, calendar and
    timeframe, over the same `horizon` in bars."""

    market: str
    run: str
    calendar: str
    timeframe: Timeframe
    horizon: int


@dataclass(frozen=True, slots=True)
class VoteForecast:
    """What an agent forecast; None where it abstained."""

    agent: str
    p_up: float | None
    log_odds: float | None


@dataclass(frozen=True, slots=True)
class PendingDecision:
    """A recorded decision whose outcome is not known yet. `seq` is the decision's, `as_of` the
    close of its bar, `horizon` in the symbol's own bars; `forecasts` are in the
    order of the votes."""

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
    closed at `entry_at` to the open of the one that closed at `exit_at`. `regime` is the index of
    the market's regime at the decision's bar, into `domain.record.REGIMES`."""

    decision: PendingDecision
    entry_at: datetime
    exit_at: datetime
    change: float
    regime: int


@dataclass(frozen=True, slots=True)
class LearnerState:
    """What the learner knows after the round of the bar that closed at `as_of`.

    In force from the bar that closed at `due_at`, at which that round was complete. `weights` and
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
    """Everything that one cycle found to be due under a key. `previous_as_of` is the bar of the
    learner state that `learner_states` follow, None where they are the first."""

    key: SettlementKey
    simulated: bool
    outcomes: tuple[DecisionOutcome, ...]
    learner_states: tuple[LearnerState, ...]
    previous_as_of: datetime | None
