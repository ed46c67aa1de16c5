"""What a record says of whoever cast it: the words for scores, all of them plain values.

Frozen and fit for `domain.canonical.to_json`. What they are is told in docs/record.md; they are
computed in `record.py` and what it calls.
"""

from dataclasses import dataclass
from datetime import datetime

from domain.panel import Floats

COMMITTEE, BASE_RATE = "committee", "base rate"
EQUAL_WEIGHTS, EARNED_WEIGHTS = "equal weights", "earned weights"


@dataclass(frozen=True, slots=True)
class Figure:
    """A value and its 90% interval, None where unknown. `n` counts votes; for `rank_ic`, bars."""

    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Scorecard:
    """The scores of one forecaster over one slice of the record.

    `asked` cells had a bar, `votes` of them were voted on, `settled` of those have an outcome.
    Skills are shares of the base rate's loss that the forecaster saved; 0 knows nothing.
    `hit_edge` is the hit rate less what the base rate expected of the same calls.
    """

    name: str
    asked: int
    votes: int
    settled: int
    coverage: float | None
    brier: Figure
    brier_skill: Figure
    log_loss: Figure
    log_skill: Figure
    hit_rate: Figure
    hit_edge: Figure
    rank_ic: Figure
    time_ic: Figure
    relative_hit_rate: Figure
    relative_ic: Figure


@dataclass(frozen=True, slots=True)
class Bin:
    """Forecasts of about `forecast`, and the share of them that came true."""

    forecast: float
    observed: Figure


@dataclass(frozen=True, slots=True)
class Curve:
    """Calibration: bins of equal count, and Murphy's parts of the Brier score over them."""

    bins: tuple[Bin, ...]
    error: float | None
    sharpness: float | None
    miscalibration: float | None
    resolution: float | None
    uncertainty: float | None


@dataclass(frozen=True, slots=True)
class Decay:
    """Rank correlation of the same evidence with the change over another horizon, in bars."""

    horizon: int
    rank_ic: Figure
    time_ic: Figure


@dataclass(frozen=True, slots=True)
class Call:
    """One settled vote. `gain` is the log score above the base rate's, in nats."""

    symbol: str
    known_at: datetime
    p_up: float
    base_rate: float
    change: float
    gain: float
    receipt: str | None


@dataclass(frozen=True, slots=True)
class Forecaster:
    """Everything on the committee or one of its agents."""

    name: str
    overall: Scorecard
    by_symbol: tuple[Scorecard, ...]
    by_regime: tuple[Scorecard, ...]
    by_period: tuple[Scorecard, ...]
    calibration: Curve
    decay: tuple[Decay, ...]
    best: tuple[Call, ...]
    worst: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Rival:
    """What the committee is compared with.

    `gained` is the log score gained over the base rate up to each instant, in nats, summed over
    votes; an abstention is scored as the base rate and gains nothing. `gain` is the whole of it a
    settled cell, and `committee_ahead` by how much the committee's is larger.
    """

    name: str
    gained: tuple[float, ...]
    gain: Figure
    committee_ahead: Figure


@dataclass(frozen=True, slots=True)
class Regret:
    """The committee beside its rivals at the instants `at`. `best_agent` is known in hindsight
    only; None before anything is settled."""

    at: tuple[datetime, ...]
    rivals: tuple[Rival, ...]
    best_agent: str | None


@dataclass(frozen=True, slots=True)
class Marginal:
    """What the committee's log score, a settled vote, would lose without the agent, in nats."""

    agent: str
    value: Figure


@dataclass(frozen=True, slots=True)
class TailRival:
    """Another forecast of the same quantile, on the same cells. `saved` is its pinball loss less
    the agent's, `skill` the share of it that the agent saved."""

    name: str
    pinball: Figure
    breaches: Figure
    saved: Figure
    skill: Figure


@dataclass(frozen=True, slots=True)
class SymbolTail:
    """Kupiec's and Christoffersen's tests on outcomes that do not overlap."""

    symbol: str
    n: int
    breaches: int
    coverage_p: float | None
    independence_p: float | None


@dataclass(frozen=True, slots=True)
class Tail:
    """The forecast 5% quantile: mean pinball loss, share of outcomes below it, rivals, tests.

    `coverage_rejected` and `independence_rejected` are the shares of symbols whose test rejects
    at 5%, as it does for one in twenty where the forecast is right.
    """

    pinball: Figure
    breaches: Figure
    rivals: tuple[TailRival, ...]
    by_symbol: tuple[SymbolTail, ...]
    coverage_rejected: float | None
    independence_rejected: float | None


@dataclass(frozen=True, slots=True)
class Scores:
    """Of a whole record. `block` is the mean length, in bars, of the blocks that the 90%
    intervals were drawn in. `forecasters` are the committee and then the agents."""

    horizon: int
    bars: int
    block: float
    forecasters: tuple[Forecaster, ...]
    regret: Regret
    marginal: tuple[Marginal, ...]
    tail: Tail


def figure(values: Floats, n: int) -> Figure:
    """Of `values` (3,): value, low, high, NaN where unknown."""
    value, low, high = values.tolist()
    return Figure(known(value), known(low), known(high), n)


def known(value: float) -> float | None:
    """None for NaN."""
    return None if value != value else value
