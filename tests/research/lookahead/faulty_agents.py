"""Agents that break one promise each; importable by a fresh process."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from agents.evidence import Signal, base_rate_evidence, evidence_of_signals
from domain.panel import Floats, Panel
from domain.votes import Votes, build_votes

MADE_UP_SIGNAL = Signal("oddity", "", 0.0, 1.0, 0.1, "None: it is made up.")


class FaultyAgent:
    """An agent whose evidence is any array (T, N) drawn from the panel."""

    name, version, warmup = "odd", "1", 1

    def __init__(self, observe: Callable[[Panel], Floats]) -> None:
        self._observe = observe

    def vote(self, panel: Panel, since: int = 0) -> Votes:
        observed = {MADE_UP_SIGNAL.name: np.broadcast_to(self._observe(panel), panel.shape)}
        evidence = [
            base_rate_evidence(panel, since),
            *evidence_of_signals([MADE_UP_SIGNAL], observed, since),
        ]
        return build_votes(panel, since, agent=self.name, version=self.version, evidence=evidence)


class WindowedAgent(FaultyAgent):
    """Its indicator starts anew with the requested rows."""

    def vote(self, panel: Panel, since: int = 0) -> Votes:
        observed = {MADE_UP_SIGNAL.name: panel.close / panel.close[since] - 1.0}
        evidence = [
            base_rate_evidence(panel, since),
            *evidence_of_signals([MADE_UP_SIGNAL], observed, since),
        ]
        return build_votes(panel, since, agent=self.name, version=self.version, evidence=evidence)


class NonDeterministicAgent(FaultyAgent):
    """Remembers that it voted before."""

    calls = 0

    def vote(self, panel: Panel, since: int = 0) -> Votes:
        self.calls += 1
        votes = super().vote(panel, since)
        term = replace(votes.evidence[-1], log_odds=votes.evidence[-1].log_odds + self.calls)
        return replace(
            votes, evidence=(*votes.evidence[:-1], term), log_odds=votes.log_odds + self.calls
        )


class VotesWithoutBarsAgent(FaultyAgent):
    """Votes where there is no bar."""

    def vote(self, panel: Panel, since: int = 0) -> Votes:
        votes = super().vote(panel, since)
        return replace(votes, log_odds=np.nan_to_num(votes.log_odds))


class WrongWarmupAgent(FaultyAgent):
    """Says that it needs ten bars and needs none."""

    warmup = 10


class FailingAgent(FaultyAgent):
    """Raises where there are few bars."""

    def vote(self, panel: Panel, since: int = 0) -> Votes:
        if len(panel.known_at) < 2:
            raise ZeroDivisionError("no second bar")
        return super().vote(panel, since)


class DependsOnNeighboursAgent(FaultyAgent):
    """Votes by the order of a set of strings, which differs from process to process."""

    def vote(self, panel: Panel, since: int = 0) -> Votes:
        self._observe = lambda panel: np.full(panel.shape, hash(panel.symbols) % 1000 / 1000)
        return super().vote(panel, since)


def constant_signal(panel: Panel) -> Floats:
    return np.zeros(panel.shape)
