"""The result of a cycle: votes with reasons, the decisions they were pooled into, receipts.

These are the scalar, readable counterparts of `Votes`' arrays: what the journal stores, the
stream publishes and the pages draw.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.timeframe import Timeframe
from domain.votes import Reason


class Action(StrEnum):
    STRONG_BUY = "strong buy"
    BUY = "buy"
    HOLD = "hold"
    SELL = "sell"
    STRONG_SELL = "strong sell"


@dataclass(frozen=True, slots=True)
class Vote:
    """The vote of one agent on one symbol at one bar. `p_up` and `log_odds` are None when
    abstaining.

    `weight` is the share this vote had in the pool (0 when abstaining). `quantile_5` is the
    agent's forecast 5% quantile of the return, a fraction. `trust` is the factor applied to the
    vote's evidence (its log-odds less those of the base rate) before pooling; 1 changes nothing.
    """

    agent: str
    version: str
    symbol: str
    p_up: float | None
    log_odds: float | None
    weight: float
    cap: float
    abstained_because: str | None
    reasons: tuple[Reason, ...]
    quantile_5: float | None = None
    trust: float = 1.0


@dataclass(frozen=True, slots=True)
class AppliedLimit:
    """A limit that changed a target: the target before and after it, and the rule in words."""

    name: str
    before: float
    after: float
    why: str


@dataclass(frozen=True, slots=True)
class QualityVerdict:
    """What the quality gate found about one symbol. Findings block; remarks are only shown."""

    symbol: str
    findings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def blocked(self) -> bool:
        return bool(self.findings)


@dataclass(frozen=True, slots=True)
class Decision:
    """The committee's decision on one symbol at one bar.

    `p_up` is None below the quorum or where the symbol is blocked. `edge` is p_up less
    `base_rate`, reduced by the cost in the same unit, with its sign; `rank` orders the cycle's
    symbols by `edge` (1 is the highest; None without a p_up). `target_weight` is a share of
    equity, after `limits`. `price` is the close at which the decision was made. `receipt` is the
    id of the record from which the decision can be recomputed.
    """

    symbol: str
    action: Action
    p_up: float | None
    base_rate: float | None
    edge: float | None
    rank: int | None
    target_weight: float
    price: float | None
    limits: tuple[AppliedLimit, ...]
    verdict: QualityVerdict
    why: str
    votes: tuple[Vote, ...]
    receipt: str


@dataclass(frozen=True, slots=True)
class Cycle:
    """The votes and decisions of one bar of one calendar.

    `run` separates records that must not mix: 'live', 'decide', 'replay 2020-02-03 2020-04-30'.
    `as_of` is the close of the bar. `digest` (64 hex characters) is the SHA-256 of everything
    that went in. It identifies the cycle: the same inputs give the same cycle.
    """

    run: str
    market: str
    simulated: bool
    calendar: str
    timeframe: Timeframe
    as_of: datetime
    digest: str
    decisions: tuple[Decision, ...]
