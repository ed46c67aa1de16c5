"""Money, fractions and units in words, and the key figures made of them. An unknown value is a
dash, never a zero."""

from dataclasses import dataclass

from web import formatting
from web.number_input import clear

UNKNOWN = "–"
_ZERO_MONEY = 0.005
"""Less than half a cent has no colour."""


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
    """Format money with its sign, none where it rounds to zero."""
    if amount is None:
        return UNKNOWN
    text = f"{amount:+,.2f}"
    return text[1:] if text in ("+0.00", "-0.00") else text.replace("-", "−")


def percent(fraction: float | None, digits: int = 1) -> str:
    return UNKNOWN if fraction is None else f"{formatting.percent_number(fraction, digits)} %"


def signed_percent(fraction: float | None) -> str:
    """Format a change in percent, with its sign."""
    return UNKNOWN if fraction is None else f"{formatting.signed(fraction * 100)} %"


def format_quantity(number: float) -> str:
    """Format a quantity: whole where it is whole, else with every significant digit of a coin, and
    so that a form reads it alike when it is typed back."""
    return clear(f"{number:,.8f}".rstrip("0").rstrip(".")).replace("-", "−")


def money_tone(amount: float | None) -> str:
    """Return the tone of an amount of money as it is shown, and '' for an unknown one."""
    return formatting.tone(amount, _ZERO_MONEY)


def arrow_icon(tone: str) -> str:
    return {"up": "arrow-up", "down": "arrow-down"}.get(tone, "minus")
