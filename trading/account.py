"""Cash and units, and what a fill at the next open does to them: one arithmetic for all.

Pure functions on arrays. An account of N symbols has a number for its cash and (N,) units; with
leading axes, `cash (..., )` and `units (..., N)`, the same functions carry many accounts at once.
The training environments trade so.

Impact and volume have no say here, for one bar of one account is too little to know them, and
neither have orders, limits and breakers: they do in `kernels/`, where history and paper trading
go.

Two things always hold, to rounding: the change of cash is what the fills say, and equity at the
opening prices falls by the cost of the fills and by nothing else. Cash that was not negative
does not become negative: buys shrink together to what can be paid.

Left out: lots and rounding (the caller rounds), interest, borrowing, margin calls.
"""

from dataclasses import dataclass

import numpy as np

from domain.panel import Floats
from trading import account_kernels
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
    worth = account_kernels.worth_rows(
        _cash(account), _rows(account, account.units), _rows(account, price)
    )
    return worth.reshape(account.units.shape[:-1])


def weights(account: Account, price: Floats) -> Floats:
    """(..., N) share of equity held in each symbol at `price` (..., N)."""
    value = np.where(account.units == 0.0, 0.0, account.units * price)
    return value / equity(account, price)[..., None]


def units_wanted(account: Account, target: Floats, price: Floats) -> Floats:
    """(..., N) units to trade so that `target` (..., N) shares of equity are held at `price`."""
    wish = account_kernels.wanted_rows(
        _cash(account), _rows(account, account.units), _rows(account, target), _rows(account, price)
    )
    return wish.reshape(account.units.shape)


def fill(
    account: Account, units: Floats, opening: Floats, costs: CostSettings
) -> tuple[Account, Fills]:
    """The account after trading `units` (..., N) at the open `opening` (..., N), with the fills.

    Symbols without an opening price (NaN) are not traded. Sales are made first; where the buys
    cost more than the cash then at hand, all buys shrink by one factor.
    """
    cash, *arrays = account_kernels.fill_rows(
        _cash(account),
        _rows(account, account.units),
        _rows(account, units),
        _rows(account, opening),
        costs.half_spread,
        costs.commission,
    )
    held, traded, price, fee, cost = (array.reshape(account.units.shape) for array in arrays)
    after = Account(cash.reshape(account.units.shape[:-1]), held)
    return after, Fills(traded, price, fee, cost)


def rebalance(
    account: Account, target: Floats, *, opening: Floats, last: Floats, costs: CostSettings
) -> tuple[Account, Fills]:
    """Trade towards `target` (..., N) shares of equity at the open `opening` (..., N).

    Equity is taken at the open; a symbol without one is valued at `last` (..., N), its last
    price, and keeps its units.
    """
    known = np.where(np.isnan(opening), last, opening)
    return fill(account, units_wanted(account, target, known), opening, costs)


def _cash(account: Account) -> Floats:
    """(M,), one an account."""
    return np.array(account.cash, np.float64).reshape(-1)


def _rows(account: Account, array: Floats) -> Floats:
    """(M, N), a row an account."""
    shape = account.units.shape
    return np.ascontiguousarray(np.broadcast_to(array, shape), np.float64).reshape(-1, shape[-1])
