"""The parts of the agents' votes: the base rate, and signals with weights.

A weight is the log-odds that a signal adds at full scale. The shipped weights beside the signals
were set by hand; a file of fitted ones may replace them (`agents.coefficients`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar, runtime_checkable

import numpy as np

from domain.panel import Floats, Panel
from domain.votes import Agent, Evidence, Votes
from quant.base_rate import base_rate, log_odds

Weights = Mapping[str, "float | Floats"]
"""Log-odds at full scale by the name of the signal: a number, or (R, 1) where each of the R rows
has its own. Names that are missing keep the shipped weight."""
Observed = TypeVar("Observed")


@runtime_checkable
class TunableAgent(Agent, Protocol[Observed]):
    """An agent whose weights can be fitted, because its vote is its observations times its weights.

    `vote(panel, since)` is `vote_with_weights(panel, since, observe(panel, since), weights)`. The
    observations do not depend on the weights. `default_weights` names every weight. The log-odds
    less those of the base rate are linear in the weights; an agent with several names each weight's
    evidence as the weight. `with_weights` returns the same agent with other weights and another
    version.
    """

    @property
    def default_weights(self) -> Mapping[str, float]: ...
    def with_weights(self, weights: Mapping[str, float]) -> Self: ...
    def observe(self, panel: Panel, since: int) -> Observed: ...
    def vote_with_weights(
        self, panel: Panel, since: int, observed: Observed, weights: Weights
    ) -> Votes: ...


@dataclass(frozen=True, slots=True)
class Signal:
    """How one observation moves the log-odds: by `weight` at `centre + scale` and beyond, by the
    opposite at `centre - scale` and beyond, along a straight line between. `rationale` justifies
    it in one sentence."""

    name: str
    unit: str
    centre: float
    scale: float
    weight: float
    rationale: str

    def log_odds(self, observed: Floats, weight: "float | Floats | None" = None) -> Floats:
        """Return the log-odds (R, N), with `weight` instead of the signal's own where given."""
        strength = self.weight if weight is None else weight
        return strength * np.clip((observed - self.centre) / self.scale, -1.0, 1.0)


DEFAULT_WEIGHTS: Weights = {}
"""The shipped weights."""


def weights_by_name(signals: Iterable[Signal]) -> Mapping[str, float]:
    return {signal.name: signal.weight for signal in signals}


def evidence_of_signals(
    signals: Iterable[Signal],
    observed: Mapping[str, Floats],
    since: int,
    weights: Weights = DEFAULT_WEIGHTS,
) -> list[Evidence]:
    """Return the evidence of each observed signal; `observed` maps names to (T, N) values."""
    return [
        Evidence(
            s.name,
            observed[s.name][since:],
            s.log_odds(observed[s.name][since:], weights.get(s.name)),
            s.unit,
        )
        for s in signals
        if s.name in observed
    ]


def base_rate_evidence(panel: Panel, since: int) -> Evidence:
    """Return the first evidence of every vote: how often the symbol rose over the horizon so
    far."""
    rate = base_rate(panel.open, panel.horizon)[since:]
    return Evidence("base rate", 100.0 * rate, log_odds(rate), "%")
