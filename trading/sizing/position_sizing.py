"""From edges to target weights: the share a buy requests, then limits that only ever shrink it.

Long only. `size_row` sizes one row of N symbols and returns every limit applied, `size_rows` sizes
K rows one after the other; both run the same compiled row. A target is a share of equity. Leaves
out orders, costs and fills. The formulas, their sources and the defaults are in
docs/understand/sizing.md.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from domain.panel import Bools, Floats, Ints
from domain.sectors import BROAD, sector_of
from domain.symbols import AssetClass, asset_class
from trading.kernels.state import SharedLimits
from trading.sizing import sizing_kernels
from trading.sizing.correlation import CorrelationGroups
from trading.sizing.sizing_kernels import CLAMP_NAMES

NORMAL_PEAK = 1.0 / math.sqrt(2.0 * math.pi)
"""Density of the standard normal at zero: a small shift of the mean by d standard deviations
moves the probability of a gain by about d times this."""


class SizingSettings(BaseModel):
    """How much of the equity a conviction may take."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["kelly", "fixed", "volatility", "equal risk"] = Field(
        default="kelly",
        description="What a buy asks for: by its edge (fractional Kelly), always the same share, "
        "less the more the symbol moves in a year, or the same risk over the horizon.",
    )
    kelly_fraction: float = Field(
        default=0.5, gt=0.0, le=1.0,
        description="Of method kelly: share of the full Kelly stake that is taken. Half of it "
        "keeps three quarters of the growth at half the swings, and forgives wrong edges.",
    )  # fmt: skip
    fixed_fraction: float = Field(
        default=0.1, gt=0.0, le=1.0,
        description="Of method fixed: share of equity that every buy asks for.",
    )  # fmt: skip
    volatility_target: float = Field(
        default=0.03, gt=0.0, le=1.0,
        description="Of method volatility: how much a position alone may move the equity in a "
        "year, one standard deviation.",
    )  # fmt: skip
    risk_budget: float = Field(
        default=0.005, gt=0.0, le=0.5,
        description="Of method equal risk: how much every position may move the equity over the "
        "horizon, one standard deviation.",
    )  # fmt: skip
    position_limit: float = Field(
        default=0.25, gt=0.0, le=1.0,
        description="Largest share of equity in one symbol, whatever the edge.",
    )  # fmt: skip
    sector_limit: float = Field(
        default=0.5, gt=0.0, le=1.0,
        description="Largest share of equity in one sector, where it is known; 1 is no limit.",
    )  # fmt: skip
    sectors: Mapping[str, str] = Field(
        default={},
        description='Sectors of your own, such as {NVDA = "chips"}; others are looked up.',
    )
    correlated_limit: float = Field(
        default=0.5, gt=0.0, le=1.0,
        description="Largest share of equity in a symbol and all that move with it; 1 is no limit.",
    )  # fmt: skip
    gross_limit: float = Field(
        default=1.0, gt=0.0, le=1.0,
        description="Largest share of equity in all symbols together; 1 means no borrowing.",
    )  # fmt: skip
    net_limit: float = Field(
        default=1.0, gt=0.0, le=1.0,
        description="Largest share of equity held long less what is sold short. Targets are never "
        "short, so this is a second gross limit to them; 1 is no limit.",
    )  # fmt: skip
    voted_only: tuple[AssetClass, ...] = Field(
        default=(AssetClass.INDEX,),
        description="Classes of symbols that are voted on and never bought.",
    )

    @property
    def limits(self) -> Floats:
        """The limits (5,) in the order of `sizing_kernels`."""
        return np.array([
            self.position_limit, self.sector_limit, self.correlated_limit, self.gross_limit,
            self.net_limit,
        ])  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class LimitClamp:
    """One limit applied to all symbols: targets (N,) before and after it."""

    name: str
    before: Floats
    after: Floats

    @property
    def reduced(self) -> Bools:
        return self.after < self.before


@dataclass(frozen=True, slots=True, eq=False)
class SizingInputs:
    """The inputs that size K rows of N symbols, (K, N) but for the last four.

    `requested` is a share of equity, NaN to keep the present target; `cap` the largest share any
    agent accepts. Where `risk_missing` (no risk agent) or `low_probability`, exposure may only
    shrink; where `untradable`, the position stays as it is and limits do not shrink it. A symbol
    without `has_bar` belongs to another calendar than the row: its target stays as it is and
    counts. A row with `same_instant` (K,) closes at the instant of the one before, on another
    calendar: neither knows the other's new targets. Symbols that are not `buyable` (N,) get
    nothing; `sector` (N,) is a number or -1.
    """

    requested: Floats
    cap: Floats
    risk_missing: Bools
    low_probability: Bools
    untradable: Bools
    has_bar: Bools
    same_instant: Bools
    correlation: CorrelationGroups
    buyable: Bools
    sector: Ints


def find_buyable(symbols: Sequence[str], settings: SizingSettings) -> Bools:
    """Return (N,): which symbols may be bought at all."""
    return np.array([asset_class(symbol) not in settings.voted_only for symbol in symbols], bool)


def sector_numbers(symbols: Sequence[str], settings: SizingSettings) -> Ints:
    """Return (N,): equal for symbols of one sector, -1 where there is none or it is unknown."""
    named = [sector_of(symbol, settings.sectors) for symbol in symbols]
    sectors = [name for name in dict.fromkeys(named) if name not in (None, BROAD)]
    return np.array([sectors.index(n) if n in sectors else -1 for n in named], np.int32)


def shared_limits(
    symbols: Sequence[str], correlation: CorrelationGroups, settings: SizingSettings
) -> SharedLimits:
    """Return the limits that symbols share, for their positions. Targets are never short, so the
    lower of gross and net limit binds."""
    everything = min(settings.gross_limit, settings.net_limit)
    return SharedLimits(
        sector_numbers(symbols, settings),
        correlation.correlated,
        correlation.matrix_index,
        np.array([settings.sector_limit, settings.correlated_limit, everything]),
    )


def raw_weights(
    edge: Floats, volatility: Floats, horizons: Floats, settings: SizingSettings
) -> Floats:
    """Return the share of equity (K, N) that a buy requests, before any limit.

    `edge` (K, N) is net, in probability of a gain over the horizon; `volatility` (K, N) the
    standard deviation of the return over the horizon, a fraction; `horizons` (N,) how many of them
    a year has. Zero for no edge, a negative one, or an unknown volatility.
    """
    if settings.method == "kelly":
        return kelly(edge, volatility, settings.kelly_fraction)
    known = (edge > 0.0) & (volatility > 0.0)
    if settings.method == "fixed":
        return np.where(known, settings.fixed_fraction, 0.0)
    risk = np.where(known, volatility, 1.0)
    if settings.method == "volatility":
        return np.where(known, settings.volatility_target / (risk * np.sqrt(horizons)), 0.0)
    return np.where(known, settings.risk_budget / risk, 0.0)


def kelly(edge: Floats, volatility: Floats, fraction: float) -> Floats:
    """Return the share of equity for a net `edge` in probability of a gain over the horizon,
    elementwise.

    A normal return with standard deviation `volatility` (over the horizon, a fraction) and an edge
    of e has a mean of about e / NORMAL_PEAK * volatility, and Kelly's stake is the mean over the
    variance. Zero for no edge, a negative one, or an unknown volatility.
    """
    stake = np.empty(edge.shape)
    sizing_kernels.kelly_stakes(
        np.ascontiguousarray(edge).reshape(-1),
        np.ascontiguousarray(volatility).reshape(-1),
        fraction,
        NORMAL_PEAK,
        stake.reshape(-1),
    )
    return stake


def size_row(
    inputs: SizingInputs, row: int, previous: Floats, settings: SizingSettings
) -> tuple[Floats, tuple[LimitClamp, ...]]:
    """Return the targets (N,) of one row and every limit applied, in the order of `CLAMP_NAMES`.
    `previous` (N,) are the targets so far."""
    steps = np.empty((len(CLAMP_NAMES) + 1, len(previous)))
    sizing_kernels.size_row(
        inputs.requested[row],
        previous,
        inputs.cap[row],
        inputs.risk_missing[row],
        inputs.low_probability[row],
        inputs.untradable[row] | ~inputs.has_bar[row],
        inputs.has_bar[row],
        inputs.buyable,
        inputs.sector,
        inputs.correlation.correlated[inputs.correlation.matrix_index[row]],
        settings.limits,
        steps,
    )
    clamps = (LimitClamp(name, steps[k], steps[k + 1]) for k, name in enumerate(CLAMP_NAMES))
    return steps[-1], tuple(clamps)


def size_rows(inputs: SizingInputs, previous: Floats, settings: SizingSettings) -> Floats:
    """Return the targets (K, N) of all rows, each from those of the row before; `previous` (N,) are
    those before the first."""
    return sizing_kernels.size_rows(
        inputs.requested,
        previous,
        inputs.cap,
        inputs.risk_missing,
        inputs.low_probability,
        inputs.untradable,
        inputs.has_bar,
        inputs.same_instant,
        inputs.buyable,
        inputs.sector,
        inputs.correlation.correlated,
        inputs.correlation.matrix_index,
        settings.limits,
    )
