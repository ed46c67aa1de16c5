"""Small agents with a will: they vote on real arithmetic, or misbehave as told."""

import os
import time
from pathlib import Path

import numpy as np

from domain.panel import Panel
from domain.votes import Agent, Term, Votes, cast
from quant.base_rate import base_rate, log_odds
from quant.per_symbol import change


class Momentum:
    """Votes by the last `bars` bars' return; a name of its own for each seat."""

    version = "1"

    def __init__(self, name: str, bars: int = 5) -> None:
        self.name = name
        self.warmup = bars
        self._bars = bars

    def vote(self, panel: Panel, since: int = 0) -> Votes:
        odds = log_odds(base_rate(panel.open, panel.horizon))[since:]
        moved = change(panel.close, self._bars)[since:]
        terms = [
            Term("base rate", odds, odds),
            Term(f"return {self._bars}", 100.0 * moved, np.tanh(5.0 * moved), "%"),
        ]
        return cast(panel, since, agent=self.name, version=self.version, terms=terms)


class Cautious(Momentum):
    """A risk agent: a cap that falls with the last move, and a forecast quantile."""

    def vote(self, panel: Panel, since: int = 0) -> Votes:
        moved = np.abs(np.nan_to_num(change(panel.close, 1)[since:]))
        odds = log_odds(base_rate(panel.open, panel.horizon))[since:]
        return cast(
            panel,
            since,
            agent=self.name,
            version=self.version,
            terms=[Term("base rate", odds, odds)],
            cap=np.clip(0.3 - moved, 0.0, 1.0),
            quantile_5=-3.0 * moved,
        )


class Moody(Momentum):
    """Does what the file `mood` in `folder` says: crash, hang, lie, die; otherwise votes."""

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(name)
        self._mood = folder / name

    def vote(self, panel: Panel, since: int = 0) -> Votes:
        mood = self._mood.read_text() if self._mood.exists() else ""
        if mood == "crash":
            raise RuntimeError("the numbers do not add up")
        if mood == "hang":
            time.sleep(600)
        if mood == "slow":
            time.sleep(5)
        if mood == "die":
            os._exit(1)
        if mood == "lie":
            return super().vote(panel.head(len(panel.known_at) - 1), since - 1)
        return super().vote(panel, since)


def build(name: str, version: str | None = None) -> Agent:
    """`risk` is cautious, any other name rides its own momentum."""
    return Cautious(name) if name == "risk" else Momentum(name, bars=3 + len(name))


def build_moody(name: str, folder: Path) -> Agent:
    return Moody(name, folder)
