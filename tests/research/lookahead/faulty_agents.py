"""Agents that break one promise each; importable by a fresh process."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from agents.evidence import Signal, base_rate_term, terms
from domain.panel import Floats, Panel
from domain.votes import Votes, cast

ODDITY = Signal("oddity", "", 0.0, 1.0, 0.1, "None: it is made up.")


class Odd:
    """An agent whose evidence is any array (T, N) drawn from the panel."""

    name, version, warmup = "odd", "1", 1

    def __init__(self, observe: Callable[[Panel], Floats]) -> None:
        self._observe = observe

    def vote(self, panel: Panel, since: int = 0) -> Votes:
        observed = {ODDITY.name: np.broadcast_to(self._observe(panel), panel.shape)}
        evidence = [base_rate_term(panel, since), *terms([ODDITY], observed, since)]
        return cast(panel, since, agent=self.name, version=self.version, terms=evidence)


class Forgetful(Odd):
    """Its indicator starts anew with the rows that are asked for."""

    def vote(self, panel: Panel, since: int = 0) -> Votes:
        observed = {ODDITY.name: panel.close / panel.close[since] - 1.0}
        evidence = [base_rate_term(panel, since), *terms([ODDITY], observed, since)]
        return cast(panel, since, agent=self.name, version=self.version, terms=evidence)


class Moody(Odd):
    """Remembers that it was asked before."""

    asked = 0

    def vote(self, panel: Panel, since: int = 0) -> Votes:
        self.asked += 1
        votes = super().vote(panel, since)
        term = replace(votes.terms[-1], log_odds=votes.terms[-1].log_odds + self.asked)
        return replace(votes, terms=(*votes.terms[:-1], term), log_odds=votes.log_odds + self.asked)


class Eager(Odd):
    """Votes where there is no bar."""

    def vote(self, panel: Panel, since: int = 0) -> Votes:
        votes = super().vote(panel, since)
        return replace(votes, log_odds=np.nan_to_num(votes.log_odds))


class Hasty(Odd):
    """Says that it needs ten bars and needs none."""

    warmup = 10


class Failing(Odd):
    """Raises where there are few bars."""

    def vote(self, panel: Panel, since: int = 0) -> Votes:
        if len(panel.known_at) < 2:
            raise ZeroDivisionError("no second bar")
        return super().vote(panel, since)


class Disordered(Odd):
    """Votes by the order of a set of strings, which differs from process to process."""

    def vote(self, panel: Panel, since: int = 0) -> Votes:
        self._observe = lambda panel: np.full(panel.shape, hash(panel.symbols) % 1000 / 1000)
        return super().vote(panel, since)


def still(panel: Panel) -> Floats:
    return np.zeros(panel.shape)
