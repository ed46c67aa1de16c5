"""Measures of performance in words: what they are called, their unit, and facts by name."""

from collections.abc import Mapping
from typing import Any

from quant.performance.metrics import METRICS
from research.report.formatting import format_figure, format_number
from research.report.svg import UNKNOWN
from research.report.tables import LabelledValue


def metric_unit(metric: str) -> str:
    """'%' for a share, else the metric's own unit; empty for a plain number."""
    known = METRICS.get(metric)
    return known.unit if known else ""


def metric_title(metric: str) -> str:
    known = METRICS.get(metric)
    return known.title if known else metric.replace("_", " ")


def metric_meaning(metric: str) -> str:
    known = METRICS.get(metric)
    return known.meaning if known else ""


def labelled_values(values: Mapping[str, Any] | None) -> tuple[LabelledValue, ...]:
    """A flat object as names and values; an object within it as one line."""
    return tuple(
        LabelledValue(metric_title(name), _plain(name, value))
        for name, value in (values or {}).items()
    )


def _plain(name: str, value: Any) -> str:
    if isinstance(value, Mapping) and "value" in value:
        figure = format_figure(value, metric_unit(name))
        return f"{figure.text} ({figure.interval})" if figure.interval else figure.text
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(key, each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_plain(name, each) for each in value)
    if isinstance(value, float):
        return format_number(value)
    return UNKNOWN if value is None else str(value)
