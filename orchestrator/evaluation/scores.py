"""The scores of a record's forecasters, as plain values.

Frozen and fit for `domain.canonical.to_json`. docs/trust/record.md defines them; they are computed
in `scoring.py` and what it calls. The names of fields are published.
"""

from dataclasses import dataclass
from datetime import datetime

from domain.panel import Floats

COMMITTEE, BASE_RATE = "committee", "base rate"
EQUAL_WEIGHTS, EARNED_WEIGHTS = "equal weights", "earned weights"


@dataclass(frozen=True, slots=True)
class ScoreEstimate:
    """A value and its 90% interval, None where unknown. `n` counts votes; for `rank_ic`, bars."""

    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Scorecard:
    """The scores of one forecaster over one slice of the record.

    `asked` cells had a bar, `votes` of them were voted on, `settled` of those have an outcome. A
    skill is the share of the base rate's loss that the forecaster saved; 0 is no better than the
    base rate. `hit_edge` is the hit rate less what the base rate expected of the same calls.
    """

    name: str
    asked: int
    votes: int
    settled: int
    coverage: float | None
    brier: ScoreEstimate
    brier_skill: ScoreEstimate
    log_loss: ScoreEstimate
    log_skill: ScoreEstimate
    hit_rate: ScoreEstimate
    hit_edge: ScoreEstimate
    rank_ic: ScoreEstimate
    time_ic: ScoreEstimate
    relative_hit_rate: ScoreEstimate
    relative_ic: ScoreEstimate


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Forecasts of about `forecast`, and the share of them that came true."""

    forecast: float
    observed: ScoreEstimate


@dataclass(frozen=True, slots=True)
class CalibrationCurve:
    """Calibration: bins of equal count, and Murphy's decomposition of the Brier score over them."""

    bins: tuple[CalibrationBin, ...]
    error: float | None
    sharpness: float | None
    miscalibration: float | None
    resolution: float | None
    uncertainty: float | None


@dataclass(frozen=True, slots=True)
class HorizonCorrelation:
    """Rank correlation of the same evidence with the change over another horizon, in bars."""

    horizon: int
    rank_ic: ScoreEstimate
    time_ic: ScoreEstimate


@dataclass(frozen=True, slots=True)
class ScoredVote:
    """One settled vote. `gain` is the log score above the base rate's, in nats."""

    symbol: str
    known_at: datetime
    p_up: float
    base_rate: float
    change: float
    gain: float
    receipt: str | None


@dataclass(frozen=True, slots=True)
class ForecasterScores:
    """All scores of the committee or of one agent."""

    name: str
    overall: Scorecard
    by_symbol: tuple[Scorecard, ...]
    by_regime: tuple[Scorecard, ...]
    by_period: tuple[Scorecard, ...]
    calibration: CalibrationCurve
    decay: tuple[HorizonCorrelation, ...]
    best: tuple[ScoredVote, ...]
    worst: tuple[ScoredVote, ...]


@dataclass(frozen=True, slots=True)
class RegretComparator:
    """A forecaster that the committee is compared with.

    `gained` is the log score gained over the base rate up to each instant, in nats, summed over
    votes; an abstention is scored as the base rate and gains nothing. `gain` is the total per
    settled cell, and `committee_ahead` by how much the committee's is larger.
    """

    name: str
    gained: tuple[float, ...]
    gain: ScoreEstimate
    committee_ahead: ScoreEstimate


@dataclass(frozen=True, slots=True)
class Regret:
    """The committee and its rivals at the instants `at`. `best_agent` is known in hindsight only;
    None before anything is settled."""

    at: tuple[datetime, ...]
    rivals: tuple[RegretComparator, ...]
    best_agent: str | None


@dataclass(frozen=True, slots=True)
class MarginalValue:
    """The log score per settled vote that the committee would lose without the agent, in nats."""

    agent: str
    value: ScoreEstimate


@dataclass(frozen=True, slots=True)
class QuantileBenchmark:
    """Another forecast of the same quantile, on the same cells. `saved` is its pinball loss less
    the agent's, `skill` the share of its loss that the agent saved."""

    name: str
    pinball: ScoreEstimate
    breaches: ScoreEstimate
    saved: ScoreEstimate
    skill: ScoreEstimate


@dataclass(frozen=True, slots=True)
class SymbolQuantileTest:
    """Kupiec's and Christoffersen's tests on outcomes that do not overlap."""

    symbol: str
    n: int
    breaches: int
    coverage_p: float | None
    independence_p: float | None


@dataclass(frozen=True, slots=True)
class QuantileScore:
    """The forecast 5% quantile: mean pinball loss, share of outcomes below it, rivals, tests.

    `coverage_rejected` and `independence_rejected` are the shares of symbols whose test rejects
    at 5%, as it does for one in twenty where the forecast is right.
    """

    pinball: ScoreEstimate
    breaches: ScoreEstimate
    rivals: tuple[QuantileBenchmark, ...]
    by_symbol: tuple[SymbolQuantileTest, ...]
    coverage_rejected: float | None
    independence_rejected: float | None


@dataclass(frozen=True, slots=True)
class RecordScores:
    """The scores of a whole record. `block` is the mean length, in bars, of the blocks that the 90%
    intervals were resampled in. `forecasters` are the committee and then the agents."""

    horizon: int
    bars: int
    block: float
    forecasters: tuple[ForecasterScores, ...]
    regret: Regret
    marginal: tuple[MarginalValue, ...]
    tail: QuantileScore


def to_estimate(values: Floats, n: int) -> ScoreEstimate:
    """Turn `values` (3,) into an estimate: value, low, high, NaN where unknown."""
    value, low, high = values.tolist()
    return ScoreEstimate(none_if_nan(value), none_if_nan(low), none_if_nan(high), n)


def none_if_nan(value: float) -> float | None:
    """Return None for NaN, else the value."""
    return None if value != value else value
