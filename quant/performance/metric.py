"""What a measure of performance is: its words, its source and its arithmetic in one place."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

MetricUnit = Literal["%", "", "x", "days", "bars"]
MetricKind = Literal["track", "benchmark", "trades", "book"]


@dataclass(frozen=True, slots=True)
class Metric:
    """`function` takes a `Track` ("track"; with a benchmark "benchmark"), `Trades` or a `Book`,
    whatever `kind` says. Figures in % are fractions (0.12 is 12%); x are multiples; ratios have
    no unit. `better` is the direction that one wishes for: 1 up, -1 down, 0 neither."""

    name: str
    title: str
    unit: MetricUnit
    better: Literal[-1, 0, 1]
    kind: MetricKind
    function: Callable[[Any], Any]
    meaning: str
    source: str
