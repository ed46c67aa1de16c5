"""Strategy profiles as they are chosen: what each makes of limits, in figures."""

from dataclasses import dataclass

from trading.limits import LimitSettings
from web.house import House
from web.views.words import percent

NAMES = ("conservative", "balanced", "aggressive")


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class ProfileLine:
    name: str
    label: str
    chosen: bool
    facts: tuple[Figure, ...]


def profile_lines(house: House, chosen: str) -> tuple[ProfileLine, ...]:
    return tuple(
        ProfileLine(name, name.capitalize(), name == chosen, _facts(house.rules(name).limits))
        for name in NAMES
    )


def _facts(limits: LimitSettings) -> tuple[Figure, ...]:
    return (
        Figure("one order, at most", percent(limits.order_limit)),
        Figure("loss in a day", percent(limits.daily_loss)),
        Figure("drawdown", percent(limits.drawdown)),
    )
