"""The record: every vote and its outcome, live or from a backtest.

Arrays only. Leaves out what a record says of whoever cast the votes: see
`orchestrator/evaluation/scoring.py`.
"""

from dataclasses import dataclass

from domain.panel import Floats, Ints, Times

REGIMES = (
    "rising, calm",
    "rising, turbulent",
    "falling, calm",
    "falling, turbulent",
    "unknown",
)
"""The market a bar lies in: its benchmark against its long average, and its volatility against
its usual one."""
UNKNOWN_REGIME = len(REGIMES) - 1


@dataclass(frozen=True, slots=True, eq=False)
class ForecastRecord:
    """R bars of N symbols voted on by A agents.

    `log_odds` (A, R, N): NaN where an agent abstained or was not asked. `pooled` (R, N): the
    committee's log-odds, NaN where it stated none. `base_rate` (R, N): the probability that every
    forecast must beat. `weights` and `trust` (R, A): the influence in force; an agent that was not
    on the team had no weight. `quantile_5` (R, N): an agent's forecast of a bad outcome, a
    fraction. `change` (R, N): the return from the next open to the open `horizon` bars later, a
    fraction; NaN until it is complete. `regime` (R,): index into `REGIMES`. `receipts`: of each
    cell's decision where there is one to link to, in order of cell; empty for a backtest.
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
