"""From edges to target weights: fractional Kelly, then limits that only ever shrink.

Long only. Every function works on one row of N symbols; the committee folds it over time. A
target is a share of equity. Leaves out orders, costs and fills.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

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
class Standing:
    """What one row's sizing starts from, all (N,).

    `wanted` is the share asked for, `previous` the target so far, `cap` the largest share any
    agent accepts. Where `frozen`, exposure may only shrink (no risk agent); where `untradable`,
    the symbol is held as it is and takes no part in the sharing of the gross limit.
    `elsewhere` is the sum of targets of symbols that are not in this row.
    """

    wanted: Floats
    previous: Floats
    cap: Floats
    frozen: Bools
    untradable: Bools
    elsewhere: float = 0.0


def kelly(edge: Floats, volatility: Floats, fraction: float) -> Floats:
    """Share of equity for a net `edge` in probability of a gain over the horizon.

    A normal return with standard deviation `volatility` (over the horizon, a fraction) and an
    edge of e has a mean of about e / NORMAL_PEAK * volatility, and Kelly's stake is the mean over
    the variance. Zero for no edge, a negative one, or an unknown volatility.
    """
    known = volatility > 0.0
    stake = fraction * (edge / NORMAL_PEAK) / np.where(known, volatility, 1.0)
    return np.where(known & (edge > 0.0), stake, 0.0)


def size(standing: Standing, settings: SizingSettings) -> tuple[Floats, tuple[Clamp, ...]]:
    """Targets (N,) and every limit on the way, in order: caps, position, missing risk, gross."""
    target = standing.wanted
    clamps: list[Clamp] = []

    def clamp(name: str, after: Floats) -> None:
        nonlocal target
        clamps.append(Clamp(name, target, after))
        target = after

    clamp("cap", np.minimum(target, standing.cap))
    clamp("position limit", np.minimum(target, settings.position_limit))
    shrunk = np.minimum(target, standing.previous)
    clamp("risk missing", np.where(standing.frozen, shrunk, target))
    clamp("gross limit", _within_gross(target, standing, settings.gross_limit))
    return target, tuple(clamps)


def _within_gross(target: Floats, standing: Standing, limit: float) -> Floats:
    """The same share taken off every tradable target until all fit under the limit."""
    fixed = standing.elsewhere + math.fsum(target[standing.untradable])
    tradable = math.fsum(target[~standing.untradable])
    room = max(limit - fixed, 0.0)
    if tradable <= room:
        return target
    return np.where(standing.untradable, target, target * (room / tradable))
