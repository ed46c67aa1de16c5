"""Small agents: they vote on real arithmetic, or fail as a test asks."""

import os
import time
from pathlib import Path

import numpy as np

from domain.panel import Panel
from domain.votes import Agent, Evidence, Votes, build_votes
from quant.base_rate import base_rate, log_odds
from quant.per_symbol import pct_change


class MomentumAgent:
    """Votes by the last `bars` bars' return; its name is given."""

    version = "1"

    def __init__(self, name: str, bars: int = 5) -> None:
        self.name = name
        self.warmup = bars
        self._bars = bars

    def vote(self, panel: Panel, since: int = 0) -> Votes:
        odds = log_odds(base_rate(panel.open, panel.horizon))[since:]
        returns = pct_change(panel.close, self._bars)[since:]
        evidence = [
            Evidence("base rate", odds, odds),
            Evidence(f"return {self._bars}", 100.0 * returns, np.tanh(5.0 * returns), "%"),
        ]
        return build_votes(panel, since, agent=self.name, version=self.version, evidence=evidence)


class CautiousAgent(MomentumAgent):
    """A risk agent: a cap that falls with the last move, and a forecast quantile."""

    def vote(self, panel: Panel, since: int = 0) -> Votes:
        absolute_return = np.abs(np.nan_to_num(pct_change(panel.close, 1)[since:]))
        odds = log_odds(base_rate(panel.open, panel.horizon))[since:]
        return build_votes(
            panel,
            since,
            agent=self.name,
            version=self.version,
            evidence=[Evidence("base rate", odds, odds)],
            cap=np.clip(0.3 - absolute_return, 0.0, 1.0),
            quantile_5=-3.0 * absolute_return,
        )


class FaultInjectingAgent(MomentumAgent):
    """Fails as the file of its name in `folder` says: crash, hang, slow, lie, die; else votes."""

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(name)
        self._fault_file = folder / name

    def vote(self, panel: Panel, since: int = 0) -> Votes:
        fault = self._fault_file.read_text() if self._fault_file.exists() else ""
        if fault == "crash":
            raise RuntimeError("the numbers do not add up")
        if fault == "hang":
            time.sleep(600)
        if fault == "slow":
            time.sleep(5)
        if fault == "die":
            os._exit(1)
        if fault == "lie":
            return super().vote(panel.head(len(panel.known_at) - 1), since - 1)
        return super().vote(panel, since)


def build_agent(name: str, version: str | None = None) -> Agent:
    """`risk` is cautious, any other name votes by a momentum of its own."""
    return CautiousAgent(name) if name == "risk" else MomentumAgent(name, bars=3 + len(name))


def build_fault_injecting(name: str, folder: Path) -> Agent:
    return FaultInjectingAgent(name, folder)
