"""Targets carried out on history: orders at the next open, their fills, and what is left over.

An order goes out where the caller says so: the share of equity wanted at a row's close. It trades
at the symbol's next own open, or `delay` own bars after that, and equity is taken at that open.
Where nothing was ordered the units stay as they are, so shares drift with prices: a hold costs
nothing. A new order replaces what is left of the one before.

Every doubt goes against the account. A buy pays and a sale yields half the spread and the impact
of its size (`costs.py`) with the volatility known before the bar, `UNMEASURED` until there is
one. No order takes more than its share of the bar's volume, and nothing fills on a bar without
volume; the rest stays open. Sales come first, then all buys shrink together to the cash at hand,
and what cash did not reach is given up.

Left out: lots, interest, borrowing, limit orders, what happens within a bar. On a grid of several
calendars a row's opens are taken to come after all rows before it.
"""

from dataclasses import dataclass

import numpy as np

from domain.errors import InputError
from domain.panel import Floats, Ints
from trading.account_kernels import Bools, play_rows
from trading.costs import CostSettings

UNMEASURED = 0.05
"""Volatility of a bar that stands in for one not measured yet: higher than nearly all, so that
what is not known is never cheap."""


@dataclass(frozen=True, slots=True, eq=False)
class Trades:
    """F fills in order of row and column, columns of equal length.

    `units` are negative for sales, `price` is what was paid or got a unit, spread and impact
    included, `commission` in currency, and `cost` all of these: what the fill took from equity at
    the opening price.
    """

    row: Ints
    col: Ints
    units: Floats
    price: Floats
    commission: Floats
    cost: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """An account through K rows, all (K,).

    `equity` is at the closes, for symbols without a bar at their last; `cash` is its part in cash.
    """

    equity: Floats
    cash: Floats
    fills: Trades

    @property
    def exposure(self) -> Floats:
        """Share of equity that is invested."""
        return 1.0 - self.cash / self.equity

    @property
    def turnover(self) -> Floats:
        """Value traded in the row as a share of equity at its close."""
        return self._by_row(np.abs(self.fills.units) * self.fills.price) / self.equity

    @property
    def costs(self) -> Floats:
        """What the row's fills cost, in currency."""
        return self._by_row(self.fills.cost)

    def _by_row(self, amounts: Floats) -> Floats:
        return np.bincount(self.fills.row, amounts, len(self.equity)).astype(np.float64)


def play(
    targets: Floats,
    ordered: Bools,
    opening: Floats,
    close: Floats,
    volume: Floats,
    volatility: Floats,
    costs: CostSettings,
    cash: float,
    delay: int = 0,
) -> Played:
    """Carry out `targets` where `ordered`, starting with nothing but `cash`.

    Arrays are (K, N). `targets` are shares of equity, `opening` to `volume` NaN where the symbol
    has no bar, `volatility` the standard deviation of one bar's return, a fraction, as known at
    the row's close. `delay` is in bars of the symbol. Raises InputError for a cash that is not
    positive, a negative delay, and a target that is ordered but negative or no number.
    """
    if not (np.isfinite(cash) and cash > 0.0):
        raise InputError(f"A backtest cannot start with {cash} in cash. Give a positive amount.")
    if delay < 0:
        raise InputError(f"A delay of {delay} bars would trade before deciding. Give 0 or more.")
    wrong = ordered & ~((targets >= 0.0) & (targets < np.inf))
    if wrong.any():
        row, col = np.argwhere(wrong)[0].tolist()
        raise InputError(
            f"The target of column {col} in row {row} is {targets[row, col]}. Targets are shares "
            "of equity held long: give 0 or more."
        )
    equity, at_hand, place, figures, count = play_rows(
        np.ascontiguousarray(targets),
        np.ascontiguousarray(ordered),
        np.ascontiguousarray(opening),
        np.ascontiguousarray(close),
        np.ascontiguousarray(volume),
        np.ascontiguousarray(volatility),
        costs.half_spread,
        costs.commission,
        costs.impact,
        costs.volume_cap,
        UNMEASURED,
        float(cash),
        delay,
    )
    row, col = place[:, :count].copy()
    units, price, commission, cost = figures[:, :count].copy()
    return Played(equity, at_hand, Trades(row, col, units, price, commission, cost))


def moved(targets: Floats) -> Bools:
    """(K, N) where a target differs from the row before, in the first row from nothing."""
    changed: Bools = np.diff(targets, axis=0, prepend=0.0) != 0.0
    return changed
