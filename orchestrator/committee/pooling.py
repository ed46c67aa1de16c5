"""The committee on arrays: from the agents' votes to pooled probability, edge and action.

Pure. `collect_votes` stacks the votes on R rows and `pool_votes` pools them. `targets.py` computes
targets row after row, each from the targets before it; `decisions.py` turns a row into decisions.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from agents.registry import describe_agent
from domain.decision import Action
from domain.panel import Bools, Floats, Panel
from domain.symbols import ALWAYS_OPEN
from domain.votes import sigmoid
from orchestrator.committee.learned_weights import Influence
from orchestrator.team.base import AgentVoteResult
from quant.base_rate import base_rate, log_odds
from quant.features.indicators import standard_deviation
from quant.per_symbol import pct_change, week_numbers
from quant.pooling import LogOpinionPool, pool
from trading.costs import CostSettings
from trading.sizing.correlation import CorrelationGroups, correlation_groups
from trading.sizing.position_sizing import NORMAL_PEAK, SizingSettings

Codes = NDArray[np.int8]

ACTIONS = (Action.STRONG_SELL, Action.SELL, Action.HOLD, Action.BUY, Action.STRONG_BUY)
"""The action of code -2 to 2 is `ACTIONS[code + 2]`."""
HOUR = timedelta(hours=1)
VOLATILITY_BARS = 63
"""Bars (a quarter of daily ones) over which the realised volatility is measured."""
CALENDAR_DAYS_PER_YEAR, TRADING_DAYS_PER_YEAR, SESSION_HOURS = 365.25, 252.0, 6.5
"""Days a year of a market that never closes, days a year of an exchange, hours of its session."""
_LIMITS_OFF: Mapping[str, Any] = {
    "sector_limit": 1.0, "correlated_limit": 1.0, "net_limit": 1.0, "voted_only": [],
}  # fmt: skip
"""Values that turn off the sizing limits that an older record does not have."""


class CommitteeSettings(BaseModel):
    """When votes become actions. Edges are in probability: 0.01 is one percentage point."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    quorum: int = Field(
        default=3, ge=1,
        description="Agents that must vote on a symbol before anything may be opened in it.",
    )  # fmt: skip
    strong_buy_edge: float = Field(
        default=0.006, gt=0.0, lt=0.5,
        description="Net edge from which a buy is called strong.",
    )  # fmt: skip
    buy_edge: float = Field(
        default=0.002, gt=0.0, lt=0.5,
        description="Net edge over the symbol's base rate from which to buy.",
    )  # fmt: skip
    sell_edge: float = Field(
        default=0.001, gt=0.0, lt=0.5,
        description="Net edge below the base rate from which to sell; less than to buy, for "
        "leaving costs one side only.",
    )  # fmt: skip
    strong_sell_edge: float = Field(
        default=0.004, gt=0.0, lt=0.5,
        description="Net edge below the base rate from which a sell is called strong.",
    )  # fmt: skip
    round_trip_cost: float = Field(
        default=CostSettings().round_trip, ge=0.0, lt=0.5,
        description="Cost of buying and selling again, a share of the price; edges are net of it. "
        "Where it is not given it is that of the costs in force.",
    )  # fmt: skip
    weighting: Literal["equal", "earned"] = Field(
        default="equal",
        description="Whether every agent counts the same, or by what its settled votes earned.",
    )  # fmt: skip
    calibrated: bool = Field(
        default=False,
        description="Whether each agent's evidence is scaled by what its settled votes taught.",
    )  # fmt: skip
    minimum_probability: float = Field(
        default=0.5, ge=0.0, lt=1.0,
        description="Chance of a gain below which a buy asks for nothing new, whatever its edge: "
        "by default what is likelier to fall than to rise is not bought. 0 is no minimum.",
    )  # fmt: skip
    sizing: SizingSettings = SizingSettings()

    @model_validator(mode="after")
    def _strong_is_stronger(self) -> Self:
        if self.strong_buy_edge < self.buy_edge or self.strong_sell_edge < self.sell_edge:
            raise ValueError(
                "committee.strong_buy_edge and strong_sell_edge cannot be smaller than buy_edge "
                "and sell_edge. Raise them or lower the others."
            )
        return self


def settings_from_record(values: Mapping[str, Any]) -> CommitteeSettings:
    """Return the settings of a record. A limit that it does not name did not exist then, and is
    off."""
    sizing = {**_LIMITS_OFF, **values.get("sizing", {})}
    return CommitteeSettings.model_validate(
        {"minimum_probability": 0.0, **values, "sizing": sizing}
    )


@dataclass(frozen=True, slots=True, eq=False)
class VoteMatrix:
    """The votes and what pooling needs with them, before any weights: A agents, R rows, N symbols.

    `log_odds` (A, R, N) of each agent, NaN for an abstention; `base_rate` (R, N) a probability;
    `volatility` (R, N) of the return over the horizon, a fraction; `cap` (R, N) the smallest share
    any agent accepts; `has_risk_forecast` (R, N) where every agent that is required to open gave a
    forecast. `symbols` are the N names, `correlation_groups` says which of them are correlated; a
    year has `horizons_per_year` horizons.
    """

    symbols: tuple[str, ...]
    log_odds: Floats
    base_rate: Floats
    volatility: Floats
    cap: Floats
    has_risk_forecast: Bools
    correlation_groups: CorrelationGroups
    horizons_per_year: float


@dataclass(frozen=True, slots=True, eq=False)
class PooledVotes:
    """The pooled votes, before anything is decided; arrays are (R, N).

    `p_up` is NaN where no agent voted. `edge` is p_up less the base rate, net of cost, and NaN if
    either is.
    """

    votes: VoteMatrix
    pool: LogOpinionPool
    p_up: Floats
    edge: Floats


def collect_votes(panel: Panel, vote_results: Sequence[AgentVoteResult], since: int) -> VoteMatrix:
    """Stack the votes on rows `since` to T - 1 of the panel. An agent that failed abstains."""
    shape = (len(panel.known_at) - since, len(panel.symbols))
    return VoteMatrix(
        symbols=panel.symbols,
        log_odds=np.stack([_log_odds(result, shape) for result in vote_results]),
        base_rate=base_rate(panel.open, panel.horizon)[since:],
        volatility=horizon_volatility(panel.close, panel.horizon)[since:],
        cap=_smallest_cap(vote_results, shape),
        has_risk_forecast=_has_risk_forecast(vote_results, shape),
        correlation_groups=correlation_groups(panel.close, week_numbers(panel.known_at), since),
        horizons_per_year=horizons_per_year(panel),
    )


def pool_votes(votes: VoteMatrix, influence: Influence, settings: CommitteeSettings) -> PooledVotes:
    """Pool the votes. `influence` is that of their agents, on each of their rows or on one for
    all."""
    rate = votes.base_rate
    pooled = pool(scale_evidence(votes.log_odds, influence.trust, rate), influence.weights.T)
    p_up = sigmoid(pooled.log_odds)
    edge = net_edge(p_up - rate, votes.volatility, settings.round_trip_cost)
    return PooledVotes(votes, pooled, p_up, edge)


def scale_evidence(votes: Floats, trust: Floats, rate: Floats) -> Floats:
    """Return the log-odds (A, R, N) of the votes (A, R, N) with their evidence scaled by trust.

    A vote is the log-odds of the base rate `rate` (R, N) plus evidence; `trust` (R|1, A) is the
    factor on the evidence. A trust of exactly 1 leaves the vote's bits unchanged; any other needs a
    base rate, and where there is none the vote does not count (NaN).
    """
    if (trust == 1.0).all():
        return votes
    factor = trust.T[:, :, np.newaxis]
    base_log_odds = log_odds(rate)
    return np.where(factor == 1.0, votes, base_log_odds + factor * (votes - base_log_odds))


def horizon_volatility(close: Floats, horizon: int) -> Floats:
    """Return the standard deviation of a return over `horizon` bars, a fraction, from the last
    `VOLATILITY_BARS` returns of one bar; NaN until there are that many."""
    one_bar: Floats = standard_deviation(pct_change(close, 1), VOLATILITY_BARS)
    return one_bar * math.sqrt(horizon)


def horizons_per_year(panel: Panel) -> float:
    always = panel.calendar == ALWAYS_OPEN
    bars = CALENDAR_DAYS_PER_YEAR if always else TRADING_DAYS_PER_YEAR
    if panel.timeframe.intraday:
        bars *= (24.0 if always else SESSION_HOURS) * HOUR / panel.timeframe.duration
    return bars / panel.horizon


def net_edge(edge: Floats, volatility: Floats, round_trip_cost: float) -> Floats:
    """Take the cost off the size of the edge in probability; zero where the cost exceeds it.

    A cost of c moves the probability of a gain by about NORMAL_PEAK * c / volatility. Where the
    volatility is unknown, so is the cost, and no edge is left.
    """
    known = volatility > 0.0
    cost = NORMAL_PEAK * round_trip_cost / np.where(known, volatility, 1.0)
    remaining = np.where(known, np.maximum(np.abs(edge) - cost, 0.0), 0.0)
    return np.where(np.isnan(edge), np.nan, np.copysign(remaining, edge))


def action_codes(edge: Floats, settings: CommitteeSettings) -> Codes:
    """Return -2 (strong sell) to 2 (strong buy), elementwise; hold where the edge is NaN."""
    up = (edge >= settings.buy_edge).astype(np.int8) + (edge >= settings.strong_buy_edge)
    down = (edge <= -settings.sell_edge).astype(np.int8) + (edge <= -settings.strong_sell_edge)
    return (up - down).astype(np.int8)


def _log_odds(result: AgentVoteResult, shape: tuple[int, int]) -> Floats:
    return np.full(shape, np.nan) if result.votes is None else result.votes.log_odds


def _smallest_cap(vote_results: Sequence[AgentVoteResult], shape: tuple[int, int]) -> Floats:
    cap = np.ones(shape)
    for result in vote_results:
        if result.votes is not None:
            cap = np.minimum(cap, result.votes.cap)
    return cap


def _has_risk_forecast(vote_results: Sequence[AgentVoteResult], shape: tuple[int, int]) -> Bools:
    """Return where all required agents forecast the risk; false everywhere if no agent that is
    required to open is on the team."""
    required = [result for result in vote_results if describe_agent(result.agent).required_to_open]
    given = np.full(shape, bool(required))
    for result in required:
        given &= _gave_forecast(result, shape)
    return given


def _gave_forecast(result: AgentVoteResult, shape: tuple[int, int]) -> Bools:
    if result.votes is None:
        return np.zeros(shape, bool)
    quantile = result.votes.quantile_5
    voted = ~np.isnan(result.votes.log_odds)
    return voted if quantile is None else voted | ~np.isnan(quantile)
