"""Whether figures are too good to be true: better than honest forecasts of prices get.

Pure. One rule for the look-ahead check, backtests and pages. It proves nothing: it says where to
look for a leak first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class _Limit:
    title: str
    above: float
    percent: bool = False

    def text(self, value: float) -> str:
        return f"{value * 100:.0f} %" if self.percent else f"{value:.2g}"


LIMITS: Mapping[str, _Limit] = {
    "rank_ic": _Limit("rank IC", 0.3),
    "time_ic": _Limit("rank IC over time", 0.3),
    "hit_rate": _Limit("hit rate", 0.7, percent=True),
    "sharpe": _Limit("Sharpe ratio", 4.0),
}
MIN_OUTCOMES = 250
"""Outcomes that do not overlap from which a value above its limit is no chance any more."""


def implausible_figures(figures: Mapping[str, Any], overlap: int = 1) -> tuple[str, ...]:
    """Return, in words, the figures above their limit: those that rest on `MIN_OUTCOMES` or whose
    whole 90% interval lies above it.

    `figures` are estimates as JSON (`value`, `low`, `n`) by name, others than those in `LIMITS`
    among them. `overlap` is how many observations share an outcome: the horizon for votes, 1 for
    the returns of a strategy.
    """
    found = []
    for name, limit in LIMITS.items():
        estimate = figures.get(name) or {}
        value, low, n = estimate.get("value"), estimate.get("low"), estimate.get("n") or 0
        if value is None or value <= limit.above:
            continue
        if n / overlap >= MIN_OUTCOMES or (low is not None and low > limit.above):
            found.append(f"{limit.title} {limit.text(value)}, above {limit.text(limit.above)}")
    return tuple(found)


def too_good_to_be_true(name: str, found: tuple[str, ...]) -> str:
    """Return the sentence for what `implausible_figures` found of a forecaster called `name`."""
    return (
        f"{name}: too good to be true ({'; '.join(found)}). Honest forecasts of prices do not get "
        "there; look for look-ahead before anything else."
    )
