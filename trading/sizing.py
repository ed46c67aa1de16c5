"""From edges to target weights: fractional Kelly, then limits that only ever shrink.

Long only. `size` is one row of N symbols with every limit on the way, `size_all` is K rows one
after the other; both are the same compiled row. A target is a share of equity. Leaves out orders,
costs and fills.
"""

import math
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from domain.panel import Floats
from trading import sizing_kernels
from trading.sizing_kernels import CLAMPS, Bools

NORMAL_PEAK = 1.0 / math.sqrt(2.0 * math.pi)
"""Density of the standard normal at zero: a small shift of the mean by d standard deviations
moves the probability of a gain by about d times this."""


class SizingSettings(BaseModel):
    """How much of the equity a conviction may take."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kelly_fraction: float = Field(
        default=0.25, gt=0.0, le=1.0,
        description="Share of the full Kelly stake that is taken; a quarter forgives wrong edges.",
    )  # fmt: skip
    position_limit: float = Field(
        default=0.25, gt=0.0, le=1.0,
        description="Largest share of equity in one symbol, whatever the edge.",
    )  # fmt: skip
    gross_limit: float = Field(
        default=1.0, gt=0.0, le=1.0,
        description="Largest share of equity in all symbols together; 1 means no borrowing.",
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Clamp:
    """One limit applied to all symbols: targets (N,) before and after it."""

    name: str
    before: Floats
    after: Floats

    @property
    def bit(self) -> Bools:
        return self.after < self.before


@dataclass(frozen=True, slots=True, eq=False)
class Wishes:
    """What K rows ask for, all (K, N).

    `asked` is the share asked for, NaN to keep the target there is; `cap` the largest share any
    agent accepts. Where `frozen`, exposure may only shrink (no risk agent); where `untradable`,
    the symbol is held as it is and takes no part in the sharing of the gross limit. A symbol that
    is not `present` belongs to another calendar than the row: its target stays as it is and counts
    against the gross limit. A row that is `together` (K,) with the one before closes at the same
    instant, on another calendar: neither knows the other's new targets.
    """

    asked: Floats
    cap: Floats
    frozen: Bools
    untradable: Bools
    present: Bools
    together: Bools


def kelly(edge: Floats, volatility: Floats, fraction: float) -> Floats:
    """Share of equity for a net `edge` in probability of a gain over the horizon, elementwise.

    A normal return with standard deviation `volatility` (over the horizon, a fraction) and an
    edge of e has a mean of about e / NORMAL_PEAK * volatility, and Kelly's stake is the mean over
    the variance. Zero for no edge, a negative one, or an unknown volatility.
    """
    stake = np.empty(edge.shape)
    sizing_kernels.kelly(
        np.ascontiguousarray(edge).reshape(-1),
        np.ascontiguousarray(volatility).reshape(-1),
        fraction,
        NORMAL_PEAK,
        stake.reshape(-1),
    )
    return stake


def size(
    wishes: Wishes, row: int, previous: Floats, settings: SizingSettings
) -> tuple[Floats, tuple[Clamp, ...]]:
    """Targets (N,) of one row and every limit on the way, in order: caps, position, missing risk,
    gross. `previous` (N,) are the targets so far."""
    steps = np.empty((len(CLAMPS) + 1, len(previous)))
    sizing_kernels.size_row(
        wishes.asked[row],
        previous,
        wishes.cap[row],
        wishes.frozen[row],
        wishes.untradable[row] | ~wishes.present[row],
        wishes.present[row],
        settings.position_limit,
        settings.gross_limit,
        steps,
    )
    clamps = (Clamp(name, steps[k], steps[k + 1]) for k, name in enumerate(CLAMPS))
    return steps[-1], tuple(clamps)


def size_all(wishes: Wishes, previous: Floats, settings: SizingSettings) -> Floats:
    """Targets (K, N) of all rows, each from those of the row before; `previous` (N,) stood before
    the first."""
    return sizing_kernels.size_rows(
        wishes.asked,
        previous,
        wishes.cap,
        wishes.frozen,
        wishes.untradable,
        wishes.present,
        wishes.together,
        settings.position_limit,
        settings.gross_limit,
    )
