"""The fundamental agent (the base rate alone, so far)."""

from agents.evidence import base_rate_term
from domain.panel import Panel
from domain.votes import Votes, cast


class FundamentalAgent:
    name = "fundamental"
    version = "0"
    warmup = 0

    def vote(self, panel: Panel, since: int = 0) -> Votes:
        terms = [base_rate_term(panel, since)]
        return cast(panel, since, agent=self.name, version=self.version, terms=terms)
