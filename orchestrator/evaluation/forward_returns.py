"""Forward returns: the return that a vote forecast, once its horizon has passed and never earlier.

Pure. Everything is counted in a symbol's own bars, so that a holiday or a hole delays an outcome
and never shortens it. Leaves out when live votes are settled and where outcomes are stored.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.panel import Floats, Ints, Panel
from domain.record import UNKNOWN_REGIME
from quant import rolling
from quant.features import price_volume
from quant.per_symbol import ratio, rebase
from quant.risk import symbol_risk

TREND_BARS = 200
"""Bars of the benchmark whose average separates rising from falling."""
TURBULENCE_RATIO = 1.25
"""The market is turbulent where forecast volatility exceeds this multiple of its own median of a
year."""
NOT_COMPLETE = -1
"""The exit row of an outcome that is not complete."""


@dataclass(frozen=True, slots=True, eq=False)
class ForwardReturns:
    """The outcomes of votes on R rows of N symbols.

    `change` (R, N): the return from the open of the symbol's next own bar to the open `horizon`
    own bars later, a fraction; NaN where the symbol has no bar and while the outcome is not
    complete. `exit_row` (R, N) int32: the row of the panel (counted from its first, not from
    `since`) at whose close the outcome is complete, `NOT_COMPLETE` while it is not.
    """

    change: Floats
    exit_row: Ints


def forward_returns(panel: Panel, since: int = 0) -> ForwardReturns:
    """Return the outcomes of votes on rows `since` to T - 1, as far as the panel has them."""
    return _forward_returns(panel.open, since, panel.horizon)


def forward_returns_over(panel: Panel, since: int, bars: int) -> Floats:
    """Return `ForwardReturns.change` (R, N) with a horizon of `bars` bars."""
    return _forward_returns(panel.open, since, bars).change


def market_regime(panel: Panel) -> Ints:
    """Return the code (T,) into `REGIMES` of each row, from the benchmark's closes up to that row.

    Rising is a close above the average of its last `TREND_BARS`; turbulent is a forecast volatility
    above `TURBULENCE_RATIO` times its own median of a year. Unknown where the benchmark has no
    close or too short a history.
    """
    benchmark = rebase(panel.benchmark[:, np.newaxis], panel.benchmark[:, np.newaxis])[:, 0]
    average = rolling.mean(benchmark, TREND_BARS, TREND_BARS)
    unusual = price_volume.relative_volatility(symbol_risk.forecast_volatility(benchmark))
    code = 2 * (benchmark <= average) + (unusual > TURBULENCE_RATIO)
    known = ~np.isnan(average) & ~np.isnan(unusual)
    return np.where(known, code, UNKNOWN_REGIME).astype(np.int32)


def _forward_returns(open_: Floats, since: int, bars: int) -> ForwardReturns:
    rows, columns = len(open_) - since, open_.shape[1]
    change = np.full((rows, columns), np.nan)
    exit_row = np.full((rows, columns), NOT_COMPLETE, np.int32)
    for column in range(columns):
        own = np.flatnonzero(~np.isnan(open_[:, column]))
        votes, entries, exits = _entry_exit_rows(own, since, bars)
        change[votes - since, column] = ratio(open_[exits, column], open_[entries, column]) - 1.0
        exit_row[votes - since, column] = exits
    return ForwardReturns(change, exit_row)


def _entry_exit_rows(
    own: NDArray[np.intp], since: int, bars: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows of the votes, entries and exits of complete outcomes; `own` are the rows in
    which the symbol has a bar."""
    complete = max(len(own) - bars - 1, 0)
    first = min(int(np.searchsorted(own, since)), complete)
    votes = own[first:complete]
    return votes, own[first + 1 : first + 1 + len(votes)], own[first + 1 + bars :][: len(votes)]
