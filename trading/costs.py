"""What a trade costs: half the spread, a commission, and the impact of its size on the price.

Market impact follows the square-root law: a trade of Q units moves the price by about impact *
volatility * sqrt(Q / V), with the volatility of one bar and its volume V, and an `impact` near 1 in
most markets (Tóth et al., "Anomalous price impact and the critical nature of liquidity in financial
markets", 2011; Almgren et al., "Direct estimation of equity market impact", 2005, find the exponent
0.6). The full impact is charged on every unit; an order worked through the bar would pay about two
thirds. Leaves out taxes.
"""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_LIMITS = {
    "half_spread_bps": 1_000.0,
    "commission_bps": 1_000.0,
    "impact": 100.0,
    "borrow_bps": 100_000.0,
}


class CostSettings(BaseModel):
    """Costs in basis points (hundredths of a percent) of the traded value, each way."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    half_spread_bps: float = Field(
        default=2.0, description="A buy fills this far above the open, a sale this far below it."
    )
    commission_bps: float = Field(default=1.0, description="Paid on the value of every fill.")
    impact: float = Field(
        default=1.0,
        description="Factor of the square-root law: how far size moves the price, in volatilities "
        "of a bar for a trade of the bar's whole volume.",
    )
    volume_cap: float = Field(
        default=0.025,
        description="Largest share of a bar's volume that all fills of a symbol in it may take "
        "(0.025, as in Lean, for one order); the rest waits for the next bar.",
    )
    borrow_bps: float = Field(
        default=300.0, description="Paid a year on the value of what is sold short."
    )

    @model_validator(mode="after")
    def _within_reason(self) -> Self:
        for name, limit in _LIMITS.items():
            value = getattr(self, name)
            if not 0.0 <= value < limit:
                raise ValueError(
                    f"{name} is {value}, but a cost is at least 0 and below {limit:g}. "
                    f"Give such a number, or leave it out for {_default(name)}."
                )
        if not 0.0 < self.volume_cap <= 1.0:
            raise ValueError(
                f"volume_cap is {self.volume_cap}, but a share of the volume is above 0 and at "
                f"most 1. Give such a number, or leave it out for {_default('volume_cap')}."
            )
        return self

    @property
    def half_spread(self) -> float:
        """Half the spread as a fraction of the price."""
        return self.half_spread_bps / 10_000

    @property
    def commission(self) -> float:
        """Commission as a fraction of the filled value."""
        return self.commission_bps / 10_000

    @property
    def borrow(self) -> float:
        """Borrowing cost per year, as a fraction of the value sold short."""
        return self.borrow_bps / 10_000

    @property
    def round_trip(self) -> float:
        """Cost of buying and selling again at an unchanged price, as a fraction of its value,
        without impact, which depends on the size."""
        return 2 * (self.half_spread_bps + self.commission_bps) / 10_000


def _default(name: str) -> float:
    return float(CostSettings.model_fields[name].default)
