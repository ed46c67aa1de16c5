"""Strategy profiles: three named ways to trade the same votes, from careful to bold.

A profile only changes some settings of sizing and of the account's limits; all others stay as
configured. `balanced` changes none. Leaves out the committee: its thresholds are the same in every
profile.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.errors import InputError
from trading.limits import LimitSettings
from trading.sizing.position_sizing import SizingSettings


@dataclass(frozen=True, slots=True)
class StrategyProfile:
    """`sizing` and `limits` are the settings that differ, by name; `description` is for people."""

    name: str
    description: str
    sizing: Mapping[str, float]
    limits: Mapping[str, float]

    def apply_to_sizing(self, settings: SizingSettings) -> SizingSettings:
        return SizingSettings.model_validate({**settings.model_dump(), **self.sizing})

    def apply_to_limits(self, settings: LimitSettings) -> LimitSettings:
        return LimitSettings.model_validate({**settings.model_dump(), **self.limits})


PROFILES: Mapping[str, StrategyProfile] = {
    profile.name: profile
    for profile in (
        StrategyProfile(
            "conservative",
            "Half the stakes, at most a tenth of the equity in one symbol and six tenths in all, "
            "and a rest after a fall of a tenth.",
            {
                "kelly_fraction": 0.25, "fixed_fraction": 0.05, "volatility_target": 0.015,
                "risk_budget": 0.0025, "position_limit": 0.1, "sector_limit": 0.25,
                "correlated_limit": 0.2, "gross_limit": 0.6, "net_limit": 0.6,
            },
            {"order_limit": 0.1, "daily_loss": 0.03, "drawdown": 0.1, "losses": 4},
        ),
        StrategyProfile(
            "balanced",
            "The settings as they are: half the Kelly stake, at most a quarter of the equity in "
            "one symbol and half in one sector, and a rest after a fall of 15%.",
            {},
            {},
        ),
        StrategyProfile(
            "aggressive",
            "Twice the stakes, up to two fifths of the equity in one symbol and three quarters in "
            "one sector, and a rest only after a fall of a quarter.",
            {
                "kelly_fraction": 1.0, "fixed_fraction": 0.2, "volatility_target": 0.06,
                "risk_budget": 0.01, "position_limit": 0.4, "sector_limit": 0.75,
                "correlated_limit": 0.75,
            },
            {"order_limit": 0.4, "daily_loss": 0.08, "drawdown": 0.25, "losses": 8},
        ),
    )
}  # fmt: skip
"""By name, from careful to bold."""


def profile_by_name(name: str) -> StrategyProfile:
    """Return the profile of that name. Raises InputError for an unknown one."""
    if name not in PROFILES:
        raise InputError(
            f"There is no strategy profile {name[:40]!r}. Take one of {', '.join(PROFILES)}."
        )
    return PROFILES[name]
