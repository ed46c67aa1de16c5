"""What a trade costs: half the spread and a commission, both as shares of the traded value.

Market impact, borrowing fees and taxes are left out.
"""

from pydantic import BaseModel, ConfigDict, Field


class CostSettings(BaseModel):
    """Costs in basis points (hundredths of a percent) of the traded value, each way."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    half_spread_bps: float = Field(default=2.0, ge=0, lt=1_000)
    """A buy fills this far above the open, a sale this far below it."""
    commission_bps: float = Field(default=1.0, ge=0, lt=1_000)
    """Paid on the value of every fill."""

    @property
    def half_spread(self) -> float:
        """As a fraction of the price."""
        return self.half_spread_bps / 10_000

    @property
    def commission(self) -> float:
        """As a fraction of the filled value."""
        return self.commission_bps / 10_000

    @property
    def round_trip(self) -> float:
        """Cost of buying and selling again at an unchanged price, as a fraction of its value."""
        return 2 * (self.half_spread_bps + self.commission_bps) / 10_000
