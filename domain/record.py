"""The forecast record: every vote and its outcome, live or from a backtest.

Arrays only. Leaves out how the forecasts are scored: see `orchestrator/evaluation/scoring.py`.
"""

from dataclasses import dataclass

from domain.instants import Times
from domain.panel import Floats, Ints
from domain.timeframe import Timeframe

REGIMES = (
    "rising, calm",
    "rising, turbulent",
    "falling, calm",
    "falling, turbulent",
    "unknown",
)
"""The market regime of a bar: the benchmark against its long average, and its volatility against
the usual one."""
UNKNOWN_REGIME = len(REGIMES) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RunScope:
    """One market and one run of it ('live', 'replay 2020-02-03 2020-04-30'), by bars of
    `timeframe`; `horizon` is in bars. Records of two runs never mix."""

    market: str
    run: str
    simulated: bool
    timeframe: Timeframe
    horizon: int

    @property
    def is_replay(self) -> bool:
        return self.run.startswith("replay")


@dataclass(frozen=True, slots=True, eq=False)
class ForecastRecord:
    """The votes of A agents on R bars of N symbols.

    `log_odds` (A, R, N): NaN where an agent abstained or was not on the team. `pooled` (R, N): the
    committee's log-odds, NaN where it made no forecast. `base_rate` (R, N): the probability that
    every forecast must beat. `weights` and `trust` (R, A): those in force at the bar; an agent that
    was not on the team had no weight. `quantile_5` (R, N): an agent's forecast 5% quantile of the
    return, a fraction. `change` (R, N): the return from the next open to the open `horizon` bars
    later, a fraction; NaN until it is complete. `regime` (R,): index into `REGIMES`. `receipts`: by
    cell (row, column) the receipt of its decision, in order of cell; empty for a backtest.
    """

    agents: tuple[str, ...]
    symbols: tuple[str, ...]
    known_at: Times
    horizon: int
    log_odds: Floats
    pooled: Floats
    base_rate: Floats
    weights: Floats
    trust: Floats
    quantile_5: Floats
    change: Floats
    regime: Ints
    receipts: dict[tuple[int, int], str]
