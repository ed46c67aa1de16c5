"""Many accounts brought to their targets at one open: the compiled loops of `account.py`.

Left out: checks of what goes in.
"""

import numpy as np

from domain.panel import Floats
from quant.compiled import compiled


@compiled
def worth(cash: float, units: Floats, price: Floats) -> float:
    """Cash and units at their price, which is not asked for where nothing is held."""
    value = 0.0
    for n in range(len(units)):
        if units[n] != 0.0:
            value += units[n] * price[n]
    return cash + value


@compiled
def worth_rows(cash: Floats, units: Floats, price: Floats) -> Floats:
    """(M,) of `cash` (M,), `units` and `price` (M, N)."""
    answers = np.empty(len(cash))
    for m in range(len(cash)):
        answers[m] = worth(cash[m], units[m], price[m])
    return answers


@compiled
def wanted_rows(cash: Floats, units: Floats, target: Floats, price: Floats) -> Floats:
    """(M, N) units to trade so that `target` shares of equity are held; NaN without a price."""
    wish = np.empty(units.shape)
    for m in range(len(cash)):
        equity = worth(cash[m], units[m], price[m])
        for n in range(units.shape[1]):
            if target[m, n] == 0.0:
                wish[m, n] = -units[m, n]
            elif price[m, n] > 0.0:
                wish[m, n] = target[m, n] * equity / price[m, n] - units[m, n]
            else:
                wish[m, n] = np.nan
    return wish


@compiled
def fill_row(
    cash: float,
    units: Floats,
    wish: Floats,
    opening: Floats,
    slip: Floats,
    commission: float,
    traded: Floats,
    price: Floats,
    fee: Floats,
    cost: Floats,
) -> float:
    """Trade `wish` units at the open, sales first; the cash after it. `units` change in place.

    `slip` is how far from the open a fill lies, a fraction. All buys shrink by one factor to the
    cash at hand. Nothing is traded without an opening price. The last four arrays are filled.
    """
    outlay = proceeds = 0.0
    for n in range(len(units)):
        traded[n] = wish[n] if opening[n] > 0.0 else 0.0
        price[n] = opening[n] if opening[n] > 0.0 else 0.0
        if traded[n] > 0.0:
            price[n] *= 1.0 + slip[n]
            outlay += traded[n] * price[n]
        elif traded[n] < 0.0:
            price[n] *= max(1.0 - slip[n], 0.0)
            proceeds -= traded[n] * price[n]
    outlay *= 1.0 + commission
    at_hand = max(cash + proceeds * (1.0 - commission), 0.0)
    share = at_hand / outlay if outlay > at_hand else 1.0
    spent = 0.0
    for n in range(len(units)):
        if traded[n] > 0.0:
            traded[n] *= share
        value = traded[n] * price[n]
        fee[n] = abs(value) * commission
        cost[n] = value - traded[n] * opening[n] + fee[n] if traded[n] != 0.0 else 0.0
        spent += value + fee[n]
        units[n] += traded[n]
    return cash - spent


@compiled
def fill_rows(
    cash: Floats, units: Floats, wish: Floats, opening: Floats, slip: float, commission: float
) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats]:
    """`fill_row` of M accounts: cash (M,) and units after, units traded, price, fee, cost."""
    after, held = np.empty(len(cash)), units.copy()
    traded, price = np.empty(units.shape), np.empty(units.shape)
    fee, cost = np.empty(units.shape), np.empty(units.shape)
    slips = np.full(units.shape[1], slip)
    for m in range(len(cash)):
        after[m] = fill_row(
            cash[m], held[m], wish[m], opening[m], slips, commission,
            traded[m], price[m], fee[m], cost[m],
        )  # fmt: skip
    return after, held, traded, price, fee, cost
