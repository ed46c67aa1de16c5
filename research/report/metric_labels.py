"""Measures of performance in words: what they are called, their unit, and facts by name."""

from collections.abc import Mapping
from typing import Any

from quant.performance.metrics import METRICS
from research.report.formatting import number, said
from research.report.svg import UNKNOWN
from research.report.tables import Fact


def unit(metric: str) -> str:
    """'%' for a share, else the metric's own unit; empty for a plain number."""
    known = METRICS.get(metric)
    return known.unit if known else ""


def title(metric: str) -> str:
    known = METRICS.get(metric)
    return known.title if known else metric.replace("_", " ")


def meaning(metric: str) -> str:
    known = METRICS.get(metric)
    return known.meaning if known else ""


def facts(told: Mapping[str, Any] | None) -> tuple[Fact, ...]:
    """A flat object as names and values; an object within it as one line."""
    return tuple(Fact(title(name), _plain(name, value)) for name, value in (told or {}).items())


def _plain(name: str, value: Any) -> str:
    if isinstance(value, Mapping) and "value" in value:
        figure = said(value, unit(name))
        return f"{figure.text} ({figure.between})" if figure.between else figure.text
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(key, each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_plain(name, each) for each in value)
    if isinstance(value, float):
        return number(value)
    return UNKNOWN if value is None else str(value)
