"""The request for a backtest: checked once, kept in its receipt, sufficient to run it again.

Leaves out where the history comes from and what is done with it.
"""

import math
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from agents.registry import required_to_open
from domain.errors import InputError
from domain.symbols import parse_symbol
from domain.timeframe import Timeframe
from orchestrator.committee.pooling import CommitteeSettings
from trading.costs import CostSettings
from trading.limits import LimitSettings

MAX_DELAY = 3
RULES = 3
"""Version of the arithmetic. In 3, mixed calendars are annualised by the time that passed. In 2,
random committees keep the order of symbols and are also compared without costs, commissions are
without slippage, intervals of correlations stay within -1 and 1, and fills follow fill model 2
(`trading/limits.py`). Results of earlier versions still verify."""
REFIT_BARS = 252
"""Bars between two fits of a walk-forward: a year of daily ones."""


class BacktestRequest(BaseModel):
    """One backtest. `symbols` are traded, `agents` vote; the caps of the agents required to open
    always apply."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    market: str
    timeframe: Timeframe = Timeframe.D1
    horizon: Annotated[int, Field(ge=1, le=250)] = 5
    symbols: tuple[str, ...]
    start: date
    end: date
    agents: tuple[str, ...]
    capital: float = 100_000.0
    committee: CommitteeSettings = CommitteeSettings()
    costs: CostSettings = CostSettings()
    limits: LimitSettings = LimitSettings()
    delay: Annotated[int, Field(ge=0, le=MAX_DELAY)] = 0
    """Bars that every order waits beyond the next open."""
    walk_forward: Annotated[int | None, Field(ge=60)] = None
    """Bars of the rolling window on which the agents' coefficients are refitted; None keeps the
    current ones."""
    rules: Annotated[int, Field(ge=1, le=RULES)] = RULES
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 7
    """Seed of the resampling and of the random committees."""

    @field_validator("symbols")
    @classmethod
    def _normalise_symbols(cls, symbols: tuple[str, ...]) -> tuple[str, ...]:
        if not symbols:
            raise ValueError("no symbol is named; give at least one, such as AAPL")
        return tuple(dict.fromkeys(map(parse_symbol, symbols)))

    @field_validator("agents")
    @classmethod
    def _require_agents(cls, agents: tuple[str, ...]) -> tuple[str, ...]:
        if not agents:
            raise ValueError("no agent votes; name at least one, as `quorum agents` does")
        return tuple(dict.fromkeys(agents))

    @field_validator("capital")
    @classmethod
    def _check_capital(cls, capital: float) -> float:
        if not (math.isfinite(capital) and 1.0 <= capital <= 1e12):
            raise ValueError(f"a capital of {capital:g} cannot be traded; take 1 to 1e12")
        return capital

    @model_validator(mode="after")
    def _check_period(self) -> Self:
        if self.end < self.start:
            raise ValueError(
                f"the period ends ({self.end}) before it begins ({self.start}); exchange the dates"
            )
        return self

    @property
    def starts_at(self) -> datetime:
        """Bars that closed after this instant are voted on."""
        return datetime.combine(self.start, time(), UTC)

    @property
    def as_of(self) -> datetime:
        """The last instant of data: nothing known later is used, not even to settle the last
        votes."""
        return datetime.combine(self.end, time(), UTC) + timedelta(days=1)

    @property
    def required_agents(self) -> tuple[str, ...]:
        """The agents that must answer: those that vote, and those required to open, for their
        caps."""
        return tuple(dict.fromkeys((*self.agents, *required_to_open())))


def build_request(**fields: object) -> BacktestRequest:
    """Build and check a request. Raises InputError naming what was rejected and what would be
    accepted."""
    try:
        return BacktestRequest.model_validate(fields)
    except ValidationError as error:
        raise InputError(_explain(error)) from None


def _explain(error: ValidationError) -> str:
    sentences = []
    for each in error.errors(include_url=False):
        where = ".".join(str(part) for part in each["loc"])
        text = each["msg"].removeprefix("Value error, ")
        named = f"{where} = {str(each['input'])[:60]!r}: " if where else ""
        sentences.append(f"{named}{text.removesuffix('.')}.")
    return "The backtest cannot run. " + " ".join(sentences)


def assumptions(request: BacktestRequest) -> tuple[str, ...]:
    """Return, in sentences, how orders were filled and which limits applied."""
    costs, limits = request.costs, request.limits
    breakers = [
        f"{name} {value:g}"
        for name, value in (
            ("daily loss", limits.daily_loss),
            ("drawdown", limits.drawdown),
            ("losing positions in a row", limits.losses),
            ("a bar's move in standard deviations", limits.volatility_breaker),
        )
        if value is not None
    ]
    exits = [
        f"{name} at {value:g}"
        for name, value in (
            ("stop loss", limits.stop_loss),
            ("take profit", limits.take_profit),
            ("trailing stop", limits.trailing),
        )
        if value is not None
    ]
    return (
        f"A fill pays {costs.half_spread_bps:g} bps of half spread, {costs.commission_bps:g} bps "
        f"of commission and {costs.impact:g} x the square-root impact of its size, and takes at "
        f"most {costs.volume_cap:.3g} of its bar's volume.",
        f"The committees trade where a share of equity lies more than {limits.band:g} from its "
        f"target, at most {limits.order_limit:g} of equity in one buy; exits: "
        f"{', '.join(exits) or 'none'}; breakers: {', '.join(breakers) or 'none'}. Yardsticks know "
        "none of these.",
    )
