"""What a measure of performance is: its name, its source and its arithmetic in one place."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

MetricUnit = Literal["%", "", "x", "days", "bars"]
MetricKind = Literal["returns", "benchmark", "trades", "activity"]


@dataclass(frozen=True, slots=True)
class Metric:
    """`function` takes what `kind` says: a `ReturnSeries` ("returns", or "benchmark" if it needs
    one), a `RoundTripTable` ("trades") or a `TradingActivity` ("activity"). Figures in % are
    fractions (0.12 is 12%); x are multiples; ratios have no unit. `better` is the direction that
    one wishes for: 1 up, -1 down, 0 neither."""

    name: str
    title: str
    unit: MetricUnit
    better: Literal[-1, 0, 1]
    kind: MetricKind
    function: Callable[[Any], Any]
    meaning: str
    source: str
