"""What came of it: the return that a vote spoke of, once its horizon has passed, never earlier.

Pure. Everything is counted in a symbol's own bars, so that a holiday or a hole delays an outcome
and never shortens it. Leaves out when live votes are settled and where outcomes are kept.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.panel import Floats, Ints, Panel
from domain.record import UNKNOWN
from quant import rolling
from quant.features import price_volume
from quant.per_symbol import ratio, rebased
from quant.risk import symbol_risk

LONG_AVERAGE = 200
"""Bars of the benchmark whose average parts rising from falling."""
TURBULENT = 1.25
"""Forecast volatility over its own median of a year from which the market counts as turbulent."""
PENDING = -1
"""The exit row of an outcome that is not complete."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """What came of votes on R rows of N symbols.

    `change` (R, N): the return from the open of the symbol's next own bar to the open `horizon`
    own bars later, a fraction; NaN where the symbol has no bar and while the outcome is not
    complete. `exit_row` (R, N) int32: the row of the panel (counted from its first, not from
    `since`) at whose close the outcome is complete, `PENDING` while it is not.
    """

    change: Floats
    exit_row: Ints


def outcomes(panel: Panel, since: int = 0) -> Outcomes:
    """Outcomes of votes on rows `since` to T - 1, as far as the panel knows them."""
    return _ahead(panel.open, since, panel.horizon)


def changes_over(panel: Panel, since: int, bars: int) -> Floats:
    """`Outcomes.change` (R, N) had the horizon been `bars` bars."""
    return _ahead(panel.open, since, bars).change


def market_regime(panel: Panel) -> Ints:
    """Code (T,) into `REGIMES` of each row, from the benchmark's closes up to that row.

    Rising is a close above the average of its last `LONG_AVERAGE`; turbulent a forecast volatility
    above `TURBULENT` times its own median of a year. Unknown where the benchmark has no close or
    too short a past.
    """
    benchmark = rebased(panel.benchmark[:, np.newaxis], panel.benchmark[:, np.newaxis])[:, 0]
    average = rolling.mean(benchmark, LONG_AVERAGE, LONG_AVERAGE)
    unusual = price_volume.regime(symbol_risk.forecast_volatility(benchmark))
    code = 2 * (benchmark <= average) + (unusual > TURBULENT)
    known = ~np.isnan(average) & ~np.isnan(unusual)
    return np.where(known, code, UNKNOWN).astype(np.int32)


def _ahead(open_: Floats, since: int, bars: int) -> Outcomes:
    rows, columns = len(open_) - since, open_.shape[1]
    change = np.full((rows, columns), np.nan)
    exit_row = np.full((rows, columns), PENDING, np.int32)
    for column in range(columns):
        own = np.flatnonzero(~np.isnan(open_[:, column]))
        votes, entries, exits = _path(own, since, bars)
        change[votes - since, column] = ratio(open_[exits, column], open_[entries, column]) - 1.0
        exit_row[votes - since, column] = exits
    return Outcomes(change, exit_row)


def _path(
    own: NDArray[np.intp], since: int, bars: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Rows of the votes, entries and exits of the outcomes that are complete; `own` are the rows
    in which the symbol has a bar."""
    complete = max(len(own) - bars - 1, 0)
    first = min(int(np.searchsorted(own, since)), complete)
    votes = own[first:complete]
    return votes, own[first + 1 : first + 1 + len(votes)], own[first + 1 + bars :][: len(votes)]
