"""Cash and units, and what a fill at the next open does to them: one arithmetic for all.

Pure functions on arrays. An account of N symbols has a number for its cash and (N,) units; with
leading axes, `cash (..., )` and `units (..., N)`, the same functions carry many accounts at once.
Paper trading, the backtest and the training environments share them, so a cost or a rounding can
not differ between what is trained, what is tested and what is traded.

Two things always hold, to rounding: the change of cash is what the fills say, and equity at the
opening prices falls by the cost of the fills and by nothing else. Cash that was not negative
does not become negative: buys shrink together to what can be paid.

Left out: lots and rounding (the caller rounds), interest, borrowing, margin calls.
"""

from dataclasses import dataclass

import numpy as np

from domain.panel import Floats
from trading.costs import CostSettings


@dataclass(frozen=True, slots=True, eq=False)
class Account:
    """`cash` (...,) in the account's currency, `units` (..., N), negative when short."""

    cash: Floats
    units: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Fills:
    """What was traded: `units` (..., N), negative for sales and 0 where nothing was, `price`
    (..., N) paid a unit, spread included, and `commission` (..., N) in currency. `cost` (..., N)
    is commission and spread together: what the trade took from equity at the opening price."""

    units: Floats
    price: Floats
    commission: Floats
    cost: Floats


def new_account(cash: Floats | float, symbols: int) -> Account:
    """Accounts that hold nothing but `cash` (...,) and may trade `symbols` symbols."""
    amount = np.asarray(cash, np.float64)
    return Account(amount, np.zeros((*amount.shape, symbols)))


def equity(account: Account, price: Floats) -> Floats:
    """(...,) cash and units at `price` (..., N); a price is not asked for where nothing is held."""
    return np.asarray(account.cash + _value(account.units, price).sum(axis=-1))


def weights(account: Account, price: Floats) -> Floats:
    """(..., N) share of equity held in each symbol at `price` (..., N)."""
    return _value(account.units, price) / equity(account, price)[..., None]


def units_wanted(account: Account, target: Floats, price: Floats) -> Floats:
    """(..., N) units to trade so that `target` (..., N) shares of equity are held at `price`."""
    with np.errstate(invalid="ignore"):
        goal = target * equity(account, price)[..., None] / price
    return np.where(target == 0.0, 0.0, goal) - account.units


def fill(
    account: Account, units: Floats, opening: Floats, costs: CostSettings
) -> tuple[Account, Fills]:
    """The account after trading `units` (..., N) at the open `opening` (..., N), with the fills.

    Symbols without an opening price (NaN) are not traded. Sales are made first; where the buys
    cost more than the cash then at hand, all buys shrink by one factor.
    """
    tradable = opening > 0.0
    wish = np.where(tradable, units, 0.0)
    at_open = np.where(tradable, opening, 0.0)
    price = at_open * np.where(
        wish > 0.0, 1.0 + costs.half_spread, np.where(wish < 0.0, 1.0 - costs.half_spread, 1.0)
    )
    traded = wish * np.where(wish > 0.0, _affordable(account.cash, wish, price, costs), 1.0)
    value = traded * price
    commission = np.abs(value) * costs.commission
    after = Account(
        account.cash - (value + commission).sum(axis=-1),
        account.units + traded,
    )
    return after, Fills(traded, price, commission, value - traded * at_open + commission)


def rebalance(
    account: Account, target: Floats, *, opening: Floats, last: Floats, costs: CostSettings
) -> tuple[Account, Fills]:
    """Trade towards `target` (..., N) shares of equity at the open `opening` (..., N).

    Equity is taken at the open; a symbol without one is valued at `last` (..., N), its last
    price, and keeps its units.
    """
    known = np.where(np.isnan(opening), last, opening)
    return fill(account, units_wanted(account, target, known), opening, costs)


def _value(units: Floats, price: Floats) -> Floats:
    return np.where(units == 0.0, 0.0, units * price)


def _affordable(cash: Floats, units: Floats, price: Floats, costs: CostSettings) -> Floats:
    """(..., 1) factor at most 1 by which all buys must shrink."""
    value = units * price
    outlay = np.maximum(value, 0.0).sum(axis=-1) * (1.0 + costs.commission)
    proceeds = np.maximum(-value, 0.0).sum(axis=-1) * (1.0 - costs.commission)
    at_hand = np.maximum(cash + proceeds, 0.0)
    short = outlay > at_hand
    return np.where(short, at_hand / np.where(short, outlay, 1.0), 1.0)[..., None]
