"""What the agents' votes are made of: the base rate, and signals with a hand-set weight."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from domain.panel import Floats, Panel
from domain.votes import Term
from quant.base_rate import base_rate, log_odds


@dataclass(frozen=True, slots=True)
class Signal:
    """How one observation moves the log-odds: by `weight` at `centre + scale` and beyond, by the
    opposite at `centre - scale` and beyond, along a straight line between. `why` is one sentence
    for a reader who doubts it."""

    name: str
    unit: str
    centre: float
    scale: float
    weight: float
    why: str

    def log_odds(self, observed: Floats) -> Floats:
        return self.weight * np.clip((observed - self.centre) / self.scale, -1.0, 1.0)


def terms(signals: Iterable[Signal], observed: Mapping[str, Floats], since: int) -> list[Term]:
    """A term for each signal that was looked for: `observed` maps names to (T, N) values."""
    return [
        Term(s.name, observed[s.name][since:], s.log_odds(observed[s.name][since:]), s.unit)
        for s in signals
        if s.name in observed
    ]


def base_rate_term(panel: Panel, since: int) -> Term:
    """The first term of every vote: how often the symbol rose over the horizon so far."""
    rate = base_rate(panel.open, panel.horizon)[since:]
    return Term("base rate", 100.0 * rate, log_odds(rate), "%")
