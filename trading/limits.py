"""What an account may do: its limits and breakers, and the lots its orders are rounded to.

All are measured on equity, never on trades added up. A limit that is None is off. Leaves out how
they are applied (`kernels/`) and the caps of the committee (`sizing/position_sizing.py`).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from domain.symbols import AssetClass, asset_class
from trading.costs import CostSettings

_FRACTIONS = ("order_limit", "daily_loss", "drawdown", "stop_loss", "trailing")
"""Settings that must be above 0 and at most 1."""
_MAY_BE_OFF = (
    "daily_loss", "drawdown", "losses", "volatility_breaker", "stop_loss", "take_profit",
    "trailing",
)  # fmt: skip
_POSITIVE = ("cooldown_days", "losses", "volatility_breaker", "margin", "take_profit")


@dataclass(frozen=True, slots=True)
class LotSize:
    """The smallest order: `size` in units, `min_order_value` in currency."""

    size: float
    min_order_value: float


_LOT_SIZES: Mapping[AssetClass, LotSize] = {
    AssetClass.EQUITY: LotSize(0.0001, 1.0),
    AssetClass.INDEX: LotSize(0.0001, 1.0),
    AssetClass.CRYPTO: LotSize(0.000001, 10.0),
    AssetClass.CURRENCY: LotSize(1.0, 1.0),
    AssetClass.FUTURE: LotSize(1.0, 1.0),
}


class LimitSettings(BaseModel):
    """Limits, breakers and protective exits of an account."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    band: float = Field(
        default=0.02,
        description="A symbol is not traded while its share of equity lies this near its target.",
    )
    order_limit: float = Field(
        default=0.25, description="Largest share of equity that one buy may be worth."
    )
    daily_loss: float | None = Field(
        default=0.05,
        description="Positions may only shrink until tomorrow once equity lies this share below "
        "what it was before the UTC day began.",
    )
    drawdown: float | None = Field(
        default=0.15,
        description="Positions may only shrink for `cooldown_days` once equity lies this share "
        "below its highest since the last such rest.",
    )
    cooldown_days: int = Field(default=20, description="How long a drawdown is rested, days.")
    losses: int | None = Field(
        default=5,
        description="Positions may only shrink until tomorrow once so many in a row were closed "
        "at a loss.",
    )
    pause_seconds: float = Field(
        default=300.0, description="A symbol is not bought this soon after its last fill."
    )
    volatility_breaker: float | None = Field(
        default=6.0,
        description="A symbol is not bought after a bar that moved it this many standard "
        "deviations.",
    )
    flatten: bool = Field(
        default=False, description="A risk limit that trips also sells all that is held."
    )
    fractional: bool = Field(default=True, description="Parts of a share may be traded.")
    shorting: bool = Field(default=False, description="A sale may go below nothing.")
    margin: float = Field(
        default=0.5,
        description="Share of a short position's value that is kept beside its proceeds.",
    )
    stop_loss: float | None = Field(
        default=None, description="A position is sold this share below its average cost."
    )
    take_profit: float | None = Field(
        default=None, description="A position is sold this share above its average cost."
    )
    trailing: float | None = Field(
        default=None, description="A position is sold this share below its best price."
    )

    @field_validator(*_MAY_BE_OFF, mode="before")
    @classmethod
    def _off(cls, value: object) -> object:
        """Read "off" as None: TOML and the environment have no null."""
        return None if value == "off" else value

    @model_validator(mode="after")
    def _within_reason(self) -> Self:
        for name in _FRACTIONS:
            self._require(name, lambda value: 0.0 < value <= 1.0, "above 0 and at most 1")
        for name in _POSITIVE:
            self._require(name, lambda value: 0.0 < value < math.inf, "above 0")
        self._require("band", lambda value: 0.0 <= value < 1.0, "at least 0 and below 1")
        self._require("pause_seconds", lambda value: 0.0 <= value < math.inf, "at least 0")
        return self

    def _require(self, name: str, is_valid: Callable[[float], bool], accepted: str) -> None:
        value = getattr(self, name)
        if value is not None and not is_valid(value):
            default = type(self).model_fields[name].default
            raise ValueError(
                f"{name} is {value}, but it must be {accepted}. Give such a number, or leave it "
                f"out for {default}."
            )

    def lot_size(self, symbol: str) -> LotSize:
        """Return the lot of `symbol`'s orders."""
        lot_size = _LOT_SIZES[asset_class(symbol)]
        if asset_class(symbol) is AssetClass.EQUITY and not self.fractional:
            return LotSize(1.0, lot_size.min_order_value)
        return lot_size


UNLIMITED = LimitSettings(
    band=0.0,
    order_limit=1.0,
    daily_loss=None,
    drawdown=None,
    losses=None,
    pause_seconds=0.0,
    volatility_breaker=None,
)
"""Trading settings of a baseline: an account without breakers."""


FILL_MODELS = (2, 1)
"""Versions of the compiled loops' arithmetic, the present one first."""


class TradingSettings(BaseModel):
    """The settings that decide how orders become fills.

    `fill_model` is one of `FILL_MODELS`: in 1, which recomputes what earlier releases traded, a buy
    that cash cuts pays the impact of what was asked for, and whole lots carry rounding errors.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    costs: CostSettings = CostSettings()
    limits: LimitSettings = LimitSettings()
    fill_model: Literal[1, 2] = 2
