"""A market in which one thing is known: volume predicts a little of where the price goes next.

Real panels and a real agent's arithmetic, with a weight that a test can look for.
"""

from collections.abc import Mapping
from typing import Self

import numpy as np

from agents.coefficients import version_with_weights
from agents.evidence import (
    Signal,
    Weights,
    base_rate_evidence,
    evidence_of_signals,
    weights_by_name,
)
from domain.panel import Floats, Panel
from domain.timeframe import Timeframe
from domain.votes import Votes, build_votes

SYMBOLS = tuple("ABCDEFGH")


def planted_panel(weight: float, seed: int = 1, bars: int = 1500) -> Panel:
    """Horizon 1. Volume is drawn from 0 to 2; the log-odds that the open after the next lies above
    the next one are `weight` times volume less 1."""
    rng = np.random.default_rng(seed)
    shape = (bars, len(SYMBOLS))
    volume = rng.uniform(0.0, 2.0, shape)
    up = rng.random(shape) < 1.0 / (1.0 + np.exp(-weight * (volume - 1.0)))
    moves = np.where(up, 0.01, -0.01) * rng.uniform(0.5, 1.5, shape)
    open_ = np.ones(shape)
    open_[2:] = np.exp(np.cumsum(moves[:-2], axis=0))
    start = np.datetime64("2015-01-01T21:00", "us")
    return Panel(
        symbols=SYMBOLS,
        calendar="XNYS",
        timeframe=Timeframe.D1,
        known_at=start + np.arange(bars) * np.timedelta64(1, "D"),
        open=open_, high=open_ * 1.001, low=open_ * 0.999, close=open_, volume=volume,
        benchmark=open_[:, 0].copy(),
        horizon=1,
    )  # fmt: skip


class VolumeAgent:
    """Votes by volume, as strongly as its weight says, and by what means nothing."""

    name = "volume"
    warmup = 1
    signals = (
        Signal("volume", "", 1.0, 1.0, 0.0, "Planted."),
        Signal("weekday", "", 3.0, 3.0, 0.02, "Nothing hangs on it."),
    )
    default_weights = weights_by_name(signals)

    def __init__(self, weights: Mapping[str, float] | None = None) -> None:
        self._weights = {} if weights is None else weights
        self.version = version_with_weights("1", weights)

    def with_weights(self, weights: Mapping[str, float]) -> Self:
        return type(self)(weights)

    def vote(self, panel: Panel, since: int = 0) -> Votes:
        return self.vote_with_weights(panel, since, self.observe(panel, since), self._weights)

    def observe(self, panel: Panel, since: int) -> Mapping[str, Floats]:
        day = panel.known_at.astype("datetime64[D]").astype(np.float64) % 7
        return {
            "volume": panel.volume,
            "weekday": np.repeat(day[:, np.newaxis], len(panel.symbols), axis=1),
        }

    def vote_with_weights(
        self, panel: Panel, since: int, observed: Mapping[str, Floats], weights: Weights
    ) -> Votes:
        read = evidence_of_signals(self.signals, observed, since, weights)
        evidence = [base_rate_evidence(panel, since), *read]
        return build_votes(panel, since, agent=self.name, version=self.version, evidence=evidence)
