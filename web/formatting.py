"""Formatting of values: numbers, times, tones, identifiers and untrusted text.

Promises that colour never carries meaning alone: every tone has a word and an icon. Templates
escape (always); this module removes control and direction characters.
"""

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup

from agents.base import BaseAgent
from agents.registry import describe_agent
from domain.decision import Action
from web.assets import ICONS

ACTIONS = {
    Action.STRONG_BUY: ("Strong buy", "chevrons-up", "up"),
    Action.BUY: ("Buy", "arrow-up", "up"),
    Action.HOLD: ("Hold", "minus", "flat"),
    Action.SELL: ("Sell", "arrow-down", "down"),
    Action.STRONG_SELL: ("Strong sell", "chevrons-down", "down"),
}
"""Word, icon and tone of each action."""

MAX_LINE_LENGTH = 300
"""Characters of untrusted text that a page shows; the API returns all of them."""

_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_PLAIN = re.compile(r"[A-Za-z0-9-]")


def agent_label(agent: str) -> str:
    return single_line(describe_agent(agent).label, 40)


def agent_icon(agent: str) -> str:
    icon = describe_agent(agent).icon
    return icon if icon in ICONS else BaseAgent.icon


def sentence(text: str, agents: Iterable[str], longest: int = MAX_LINE_LENGTH) -> str:
    """Return a recorded sentence with the agents' names replaced by their labels."""
    for agent in agents:
        label = agent_label(agent)
        text = text.replace(f"({agent}, ", f"({label}, ")
        text = text.replace(f"the {agent} agent ", f"the {label} agent ")
    return single_line(text, longest)


def slug(text: str) -> str:
    """Return `text` in a form that is safe in an element's id and in a selector; different texts
    give different slugs."""
    return "".join(c if _PLAIN.fullmatch(c) else f"_{ord(c):x}_" for c in text)


def printable(value: Any) -> Any:
    """Remove control, direction and surrogate characters from text; every expression of every
    template passes through here. Other values are returned unchanged."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return _UNSAFE.sub("", value)
    return value


def single_line(text: str, max_length: int = MAX_LINE_LENGTH) -> str:
    """Return untrusted text as one composed line, cut with an ellipsis where it is too long."""
    short = unicodedata.normalize("NFC", text[: max_length * 4])
    flat = " ".join(_UNSAFE.sub(" ", short).split())
    return flat if len(flat) <= max_length else flat[: max_length - 1].rstrip() + "…"


def safe_url(text: str | None) -> str | None:
    """Return `text` if it is a well-formed http(s) address with a host, else None."""
    if not text or len(text) > 2000 or _UNSAFE.search(text) or any(c.isspace() for c in text):
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return text if parts.scheme in {"http", "https"} and parts.hostname else None


def percent_number(fraction: float | None, digits: int = 1) -> str:
    """Format a fraction in percent for a place that writes the sign itself; '' for an unknown
    one."""
    if fraction is None:
        return ""
    return f"{fraction * 100:.{digits}f}".replace("-", "−")


def signed(number: float, digits: int = 2) -> str:
    """Format a number with its sign, a true minus, and no sign where it rounds to zero."""
    text = f"{number:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def price(number: float) -> str:
    digits = 2 if abs(number) >= 1 else 5
    return f"{number:,.{digits}f}"


def abbreviated_number(number: float) -> str:
    """Format a figure of a statement in millions or billions."""
    size = abs(number)
    for unit, scale in (("T", 1e12), ("B", 1e9), ("M", 1e6)):
        if size >= scale:
            return f"{number / scale:,.2f} {unit}".replace("-", "−")
    return f"{number:,.0f}".replace("-", "−")


def reason_value(value: float | None, unit: str) -> str:
    """Format the value of a reason in its unit; '' where a number would say nothing."""
    if value is None:
        return ""
    number = f"{value:,.4g}".replace("-", "−")
    return f"{number} {unit}".strip() if unit != "%" else f"{number} %"


def instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def tone(number: float | None, even: float = 0.0) -> str:
    """Return 'up', 'down', 'flat' within `even` of zero, or '' for an unknown number."""
    if number is None:
        return ""
    if number > even:
        return "up"
    return "down" if number < -even else "flat"


def remaining_time(seconds: float) -> str:
    """Format the remaining time, `about 40 s left`, `about 3 min left`: an estimate needs no
    seconds."""
    if seconds < 90:
        return f"about {max(5, round(seconds / 5) * 5):.0f} s left"
    return f"about {seconds / 60:.0f} min left"
