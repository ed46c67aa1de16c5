"""Money, shares and units in words, and the key figures made of them. What is not known is a dash,
never a zero."""

from dataclasses import dataclass

from web import formatting
from web.number_input import clear

UNKNOWN = "–"
_ZERO_BAND = 0.005
"""Less than half a cent, or half a hundredth of a point, has no colour."""


@dataclass(frozen=True, slots=True)
class Kpi:
    label: str
    icon: str
    value: str
    note: str
    tone: str = ""


def money(amount: float | None) -> str:
    return UNKNOWN if amount is None else f"{amount:,.2f}".replace("-", "−")


def signed_money(amount: float | None) -> str:
    """Money with its sign, none for what rounds to zero."""
    if amount is None:
        return UNKNOWN
    text = f"{amount:+,.2f}"
    return text[1:] if text in ("+0.00", "-0.00") else text.replace("-", "−")


def percent(fraction: float | None, digits: int = 1) -> str:
    return UNKNOWN if fraction is None else f"{formatting.percent(fraction, digits)} %"


def signed_percent(fraction: float | None) -> str:
    """A change in percent, with its sign."""
    return UNKNOWN if fraction is None else f"{formatting.signed(fraction * 100)} %"


def format_quantity(number: float) -> str:
    """Whole where it is whole, else with all that matters of a coin, and such that it is read
    alike when it is typed into a form."""
    return clear(f"{number:,.8f}".rstrip("0").rstrip(".")).replace("-", "−")


def tone(amount: float | None, even: float = _ZERO_BAND) -> str:
    """'up', 'down', 'flat', and '' for what is not known."""
    return "" if amount is None else formatting.tone(amount, even)


def arrow_icon(shown: str) -> str:
    return {"up": "arrow-up", "down": "arrow-down"}.get(shown, "minus")
