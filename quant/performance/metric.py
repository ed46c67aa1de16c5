"""The definition of a performance metric: name, unit, source and function in one place."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

MetricUnit = Literal["%", "", "x", "days", "bars"]
MetricKind = Literal["returns", "benchmark", "trades", "activity"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric. `kind` determines the argument of `function`: a `ReturnSeries` ("returns", or
    "benchmark" if it needs one), a `RoundTripTable` ("trades") or a `TradingActivity` ("activity").
    Figures in % are fractions (0.12 is 12%); x are multiples; ratios have no unit. `better` is 1
    where higher is better, -1 where lower is, 0 where neither."""

    name: str
    title: str
    unit: MetricUnit
    better: Literal[-1, 0, 1]
    kind: MetricKind
    function: Callable[[Any], Any]
    meaning: str
    source: str
