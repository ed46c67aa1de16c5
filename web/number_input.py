"""Numbers as people type them into forms: read by the browser's locale, or refused with an example.

Promises never to guess at a number that could mean two things. Read in every locale: what can mean
only one number (`1.5`, `1,5`, `1.234,5`, `1 000`, `1'000.5`, `١٢`). Read by the locale: its own
thousands separator (`1,000` in English, `1.000` in German) and a decimal point that pages and
locale share (`1.125` in English). Refused: any other single point or comma before exactly three
digits (`1.000` in French; `1,000` in German, because pages write a thousand that way).
`write_number` never writes such a number, so a prefilled value is read alike everywhere. Leaves out
JSON and the command line, which keep the point.
"""

import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.numbers import get_decimal_symbol, get_group_symbol
from litestar import Request

from domain.errors import InputError

_LONGEST_HEADER = 200
_TOO_LARGE = 2**63
_EXPONENT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)[eE][+-]?\d{1,3}", re.ASCII)
_PARTS = re.compile(r"(?P<sign>[+-]?)(?P<body>[0-9.,' ٫٬]+)")
_UNCLEAR = re.compile(r"-?[1-9]\d{0,2}\.\d{3}")
_GROUPS = re.compile(r"[1-9]\d{0,2}(_\d{3})+")
_INDIAN_GROUPS = re.compile(r"[1-9]\d?(_\d{2})+_\d{3}")
_SAME = {
    **dict.fromkeys("\u00a0\u202f\u2009\u2007", " "),
    **dict.fromkeys("\u200e\u200f\u061c", ""),
    "\u2019": "'",
    "\u2212": "-",
}
"""Kinds of space, of apostrophe and of minus become one; direction marks go."""


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """The decimal and the thousands separator of a locale."""

    decimal: str = "."
    group: str = ","


ENGLISH = NumberStyle()


def number_style(request: Request[Any, Any, Any]) -> NumberStyle:
    """Return the style of the browser's first known language; English where there is none."""
    return style_of(request.headers.get("accept-language", "")[:_LONGEST_HEADER])


@lru_cache(maxsize=64)
def style_of(accept_language: str) -> NumberStyle:
    """Return the style for the value of an Accept-Language header, such as `de-CH, fr;q=0.8`."""
    for tag in _tags(accept_language):
        try:
            locale = Locale.parse(tag, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
        group = get_group_symbol(locale, numbering_system="latn")
        decimal = get_decimal_symbol(locale, numbering_system="latn")
        return NumberStyle(decimal, _SAME.get(group, group))
    return ENGLISH


def read_number(label: str, text: str, style: NumberStyle) -> float:
    """Read a finite number. Raises InputError, which begins with `label` and ends with an example
    in `style`, for anything else."""
    number = float(_plain(label, text, style, "2.5"))
    if not math.isfinite(number):
        raise _refusal(label, f"{text[:40]!r} is too large. {_example(style, '2.5')}")
    return number


def read_positive(label: str, text: str, style: NumberStyle) -> float:
    """Read a number above zero. Raises InputError for anything else."""
    number = read_number(label, text, style)
    if not number > 0:
        raise _refusal(label, f"{text[:40]!r} is not above zero. {_example(style, '2.5')}")
    return number


def read_whole(label: str, text: str, style: NumberStyle) -> int:
    """Read a whole number. Raises InputError for anything else."""
    number = Decimal(_plain(label, text, style, "1000"))
    if number != number.to_integral_value():
        raise _refusal(label, f"{text[:40]!r} is not whole. {_example(style, '1000')}")
    if abs(number) >= _TOO_LARGE:
        raise _refusal(label, f"{text[:40]!r} is too large. {_example(style, '1000')}")
    return int(number)


def write_number(value: float, digits: int | None = None) -> str:
    """Write `value` with a decimal point and no thousands separator, to the last bit or to `digits`
    significant ones. Every locale reads it alike: 1.125 is written 1.1250."""
    text = repr(float(value)) if digits is None else f"{value:.{digits}g}"
    plain = f"{Decimal(text):f}"
    return clear(plain.rstrip("0").rstrip(".") if "." in plain else plain)


def clear(text: str) -> str:
    """Add a digit to a number whose three decimals could be read as thousands."""
    return f"{text}0" if _UNCLEAR.fullmatch(text) else text


def _tags(accept_language: str) -> Iterator[str]:
    """Yield language tags, the most preferred first."""
    weighted = []
    for part in accept_language.split(","):
        tag, _, weight = part.partition(";")
        try:
            weighted.append((-float(weight.partition("=")[2] or 1), tag.strip()))
        except ValueError:
            continue
    return (tag for _, tag in sorted(weighted, key=lambda each: each[0]) if tag)


def _plain(label: str, text: str, style: NumberStyle, example: str) -> str:
    """Return `text` in digits, with a decimal point if needed, as `float` and `Decimal` read it."""
    same = "".join(map(_ascii, text.strip())).strip()
    if not same:
        raise _refusal(label, f"Nothing is given. {_example(style, example)}")
    if "%" in same:
        raise _refusal(label, f"{text[:40]!r} has a % sign. Enter the number alone, such as 5.")
    if _EXPONENT.fullmatch(same):
        return same
    parts = _PARTS.fullmatch(same)
    plain = _read(parts["body"], style) if parts else None
    if parts is None or plain is None:
        raise _refusal(label, f"{text[:40]!r} is not a number. {_example(style, example)}")
    if isinstance(plain, tuple):
        one, other = (parts["sign"].strip("+") + each for each in plain)
        one = write_number(float(one)).replace(".", style.decimal)
        raise _refusal(label, f"{text[:40]!r} can mean two numbers. Enter {one} or {other}.")
    return parts["sign"] + plain


def _read(body: str, style: NumberStyle) -> str | tuple[str, str] | None:
    """Return digits with separators in plain form; both readings where there are two, None where
    none."""
    separators = [each for each in body if not each.isdigit()]
    if not separators:
        return body
    last = separators[-1]
    head, tail = body.rsplit(last, 1)
    if len(separators) > 1 and last not in separators[:-1]:
        whole = _ungrouped(head, separators[0])
        return f"{whole}.{tail}" if whole and tail and last in ".,٫" else None
    if len(separators) > 1:
        return _ungrouped(body, last)
    thousands = _ungrouped(body, last)
    if last in " '٬":
        return thousands
    if thousands is None or last == "٫":
        return f"{head or 0}.{tail}" if tail else None
    if last == style.decimal == ENGLISH.decimal:
        return f"{head}.{tail}"
    return thousands if last == style.group else (f"{head}.{tail}", thousands)


def _ungrouped(body: str, separator: str) -> str | None:
    """Remove the thousands separators of a whole number; None where they are misplaced."""
    grouped = body.replace(separator, "_")
    indian = separator in ",٬" and _INDIAN_GROUPS.fullmatch(grouped)
    return grouped.replace("_", "") if indian or _GROUPS.fullmatch(grouped) else None


def _ascii(character: str) -> str:
    if character == "٪":
        return "%"
    digit = unicodedata.decimal(character, None)
    return _SAME.get(character, character) if digit is None else str(digit)


def _refusal(label: str, reason: str) -> InputError:
    return InputError(f"{label}: {reason}" if label else reason)


def _example(style: NumberStyle, example: str) -> str:
    whole = "" if "." in example else " whole"
    return f"Enter a{whole} number such as {example.replace('.', style.decimal)}."
