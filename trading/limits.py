"""What an account may do: its limits and breakers, and the lots its orders are cut to.

All are measured on equity, never on trades added up. A limit that is None is off. Leaves out how
they are applied (`kernels/`) and the caps of the committee (`sizing.py`).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from domain.symbols import AssetClass, asset_class
from trading.costs import CostSettings

_SHARES = ("order_limit", "daily_loss", "drawdown", "stop_loss", "trailing")
"""Above 0 and at most 1."""
_MAY_BE_OFF = (
    "daily_loss", "drawdown", "losses", "volatility_breaker", "stop_loss", "take_profit",
    "trailing",
)  # fmt: skip
_POSITIVE = ("cooldown_days", "losses", "volatility_breaker", "margin", "take_profit")


@dataclass(frozen=True, slots=True)
class Lot:
    """`size` in units, `minimum` (of an order's value) in currency."""

    size: float
    minimum: float


_LOTS: Mapping[AssetClass, Lot] = {
    AssetClass.EQUITY: Lot(0.0001, 1.0),
    AssetClass.INDEX: Lot(0.0001, 1.0),
    AssetClass.CRYPTO: Lot(0.000001, 10.0),
    AssetClass.CURRENCY: Lot(1.0, 1.0),
    AssetClass.FUTURE: Lot(1.0, 1.0),
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
        default=False, description="A breaker that trips also sells all that is held."
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
    def _off(cls, given: object) -> object:
        """TOML and the environment have no word for nothing."""
        return None if given == "off" else given

    @model_validator(mode="after")
    def _within_reason(self) -> Self:
        for name in _SHARES:
            self._demand(name, lambda given: 0.0 < given <= 1.0, "above 0 and at most 1")
        for name in _POSITIVE:
            self._demand(name, lambda given: 0.0 < given < math.inf, "above 0")
        self._demand("band", lambda given: 0.0 <= given < 1.0, "at least 0 and below 1")
        self._demand("pause_seconds", lambda given: 0.0 <= given < math.inf, "at least 0")
        return self

    def _demand(self, name: str, holds: Callable[[float], bool], accepted: str) -> None:
        given = getattr(self, name)
        if given is not None and not holds(given):
            usual = type(self).model_fields[name].default
            raise ValueError(
                f"{name} is {given}, but it must be {accepted}. Give such a number, or leave it "
                f"out for {usual}."
            )

    def lot(self, symbol: str) -> Lot:
        """What orders of `symbol` are cut to."""
        lot = _LOTS[asset_class(symbol)]
        if asset_class(symbol) is AssetClass.EQUITY and not self.fractional:
            return Lot(1.0, lot.minimum)
        return lot


UNLIMITED = LimitSettings(
    band=0.0,
    order_limit=1.0,
    daily_loss=None,
    drawdown=None,
    losses=None,
    pause_seconds=0.0,
    volatility_breaker=None,
)
"""Of a yardstick, which is no account with breakers."""


class TradingSettings(BaseModel):
    """All that decides how orders become fills."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    costs: CostSettings = CostSettings()
    limits: LimitSettings = LimitSettings()
