"""Figures in words: a value in its unit, its interval, the number of observations behind it.

Promises that what is not known is a dash, never a zero, and that an interval is given wherever
there is one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from research.report.charts import interval_mark
from research.report.svg import UNKNOWN

EstimateLike = Mapping[str, Any] | float | None
"""An estimate as `result.json` has it (`value`, `low`, `high`, `n`), a bare number, or nothing."""


@dataclass(frozen=True, slots=True)
class FormattedFigure:
    """`interval` is the 90% interval in words, `n` the observations, `mark` a small drawing of the
    interval about zero; each empty where there is none. `tone` is 'up', 'down' or 'flat' where the
    whole interval lies on one side of zero or does not, and empty without an interval."""

    text: str
    interval: str = ""
    n: str = ""
    mark: str = ""
    tone: str = ""


def format_figure(
    estimate: EstimateLike,
    unit: str = "",
    full_scale: float | None = None,
    digits: int | None = None,
    counted_unit: str = "",
) -> FormattedFigure:
    """`estimate` in its unit; `full_scale` asks for a mark, and a tone, on a scale from
    -`full_scale` to `full_scale`. `counted_unit` names what n counts, where that is not what n
    counts elsewhere."""
    if not isinstance(estimate, Mapping):
        return FormattedFigure(format_number(estimate, unit, digits))
    value, low, high = (_float(estimate.get(name)) for name in ("value", "low", "high"))
    known = isfinite(low) and isfinite(high)
    if digits is None and isfinite(value):
        digits = _digits(value * 100 if unit == "%" else value, unit)
    n = estimate.get("n")
    if full_scale is None:
        mark, tone = "", ""
    else:
        mark = interval_mark(value, low, high, full_scale)
        tone = ("up" if low > 0 else "down" if high < 0 else "flat") if known else ""
    return FormattedFigure(
        text=format_number(value, unit, digits),
        interval=f"{format_number(low, unit, digits)} to {format_number(high, unit, digits)}"
        if known
        else "",
        n="" if n is None else f"{n:,} {counted_unit}".rstrip(),
        mark=mark,
        tone=tone,
    )


def format_number(value: float | None, unit: str = "", digits: int | None = None) -> str:
    """`12.3 %` for the fraction 0.123 in '%', else a plain number and its unit."""
    known = _float(value)
    if not isfinite(known):
        return UNKNOWN
    shown = known * 100 if unit == "%" else known
    places = _digits(shown, unit) if digits is None else digits
    return _true_minus(f"{shown:,.{places}f} {unit}".rstrip())


def format_change(value: float, unit: str = "", digits: int = 1) -> FormattedFigure:
    """A gain or a loss, with its sign and tone; what rounds to zero has neither."""
    text = format_number(value, unit, digits)
    if text == format_number(0.0, unit, digits):
        return FormattedFigure(text, tone="flat")
    return (
        FormattedFigure(f"+{text}", tone="up") if value > 0 else FormattedFigure(text, tone="down")
    )


def _digits(value: float, unit: str) -> int:
    """Three figures or so; a count has no places."""
    if abs(value) >= 1000 or (unit != "%" and abs(value) >= 2 and value == round(value)):
        return 0
    return 1 if abs(value) >= 10 else 2


def _float(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _true_minus(text: str) -> str:
    """With a true minus, and none before what rounds to zero."""
    digits = [c for c in text if c.isdigit()]
    return text.removeprefix("-") if set(digits) <= {"0"} else text.replace("-", "−")
