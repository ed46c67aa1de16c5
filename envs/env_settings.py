"""The settings of an environment: its actions, its reward, and the costs of trading."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from trading.costs import CostSettings
from trading.limits import UNLIMITED, TradingSettings

ActionScheme = Literal["flat-long", "short-flat-long", "share", "short-share"]
"""Named targets, or any share of equity from 0 (with "short" from -1) to 1."""
NAMED_ACTIONS: dict[str, tuple[str, ...]] = {
    "flat-long": ("flat", "long"),
    "short-flat-long": ("short", "flat", "long"),
}
ACTION_SHARES = {"short": -1.0, "flat": 0.0, "long": 1.0}
"""Target share of equity of each named action."""
RewardName = Literal["log-return", "differential-sharpe", "drawdown"]


class EnvSettings(BaseModel):
    """Settings of one environment, or of many identical copies."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    actions: ActionScheme = "flat-long"
    reward: RewardName = "log-return"
    episode: int = Field(default=252, description="Bars in an episode.")
    capital: float = Field(default=100_000.0, description="Cash at its start.")
    band: float = Field(default=0.02, description="No trade this near the target, as live.")
    costs: CostSettings = CostSettings()
    dearer: float = Field(
        default=0.0,
        description="Randomisation: each episode's costs are those above times a factor drawn "
        "between 1 - this and 1 + this.",
    )
    delay: int = Field(
        default=0, description="Randomisation: bars, drawn up to this, that orders go out late."
    )
    noise: float = Field(
        default=0.0,
        description="Randomisation: standard deviation of what is added to each observation.",
    )

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        for name, holds, accepted in (
            ("episode", self.episode >= 1, "at least 1"),
            ("capital", 0.0 < self.capital < 1e15, "above 0 and below 1e15"),
            ("band", 0.0 <= self.band < 1.0, "at least 0 and below 1"),
            ("dearer", 0.0 <= self.dearer <= 1.0, "from 0 to 1"),
            ("delay", 0 <= self.delay <= 20, "from 0 to 20"),
            ("noise", 0.0 <= self.noise <= 5.0, "from 0 to 5"),
        ):
            if not holds:
                raise ValueError(f"{name} is {getattr(self, name)}, but it must be {accepted}.")
        return self

    @property
    def shorting(self) -> bool:
        return self.actions.startswith("short")

    @property
    def trading(self) -> TradingSettings:
        """Settings of the account: only its cash limits it, because breakers are for people to
        set."""
        limits = UNLIMITED.model_copy(update={"band": self.band, "shorting": self.shorting})
        return TradingSettings(costs=self.costs, limits=limits)


DEFAULT_SETTINGS = EnvSettings()
