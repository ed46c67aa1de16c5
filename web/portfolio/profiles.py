"""Strategy profiles as the page offers them: a sentence, and the sizing and limits each sets."""

from dataclasses import dataclass

from trading.limits import LimitSettings
from trading.sizing.position_sizing import SizingSettings
from trading.sizing.profiles import PROFILES, StrategyProfile
from web.components.amounts import percent


@dataclass(frozen=True, slots=True)
class ProfileFigure:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class ProfileLine:
    name: str
    label: str
    sentence: str
    chosen: bool
    figures: tuple[ProfileFigure, ...]


def profile_lines(
    chosen: str, sizing: SizingSettings, limits: LimitSettings
) -> tuple[ProfileLine, ...]:
    """Return a line per profile. `sizing` and `limits` are the configured ones, before any
    profile."""
    return tuple(
        ProfileLine(
            name=name,
            label=name.capitalize(),
            sentence=each.description,
            chosen=name == chosen,
            figures=_figures(each, sizing, limits),
        )
        for name, each in PROFILES.items()
    )


def _figures(
    profile: StrategyProfile, sizing: SizingSettings, limits: LimitSettings
) -> tuple[ProfileFigure, ...]:
    sized, limited = profile.apply_to_sizing(sizing), profile.apply_to_limits(limits)
    return (
        ProfileFigure("one symbol, at most", percent(sized.position_limit, 0)),
        ProfileFigure("all symbols", percent(sized.gross_limit, 0)),
        ProfileFigure("one order", percent(limited.order_limit, 0)),
        ProfileFigure("loss in a day", percent(limited.daily_loss, 0)),
        ProfileFigure("drawdown", percent(limited.drawdown, 0)),
    )
