"""Positions after a fill, and the cash that may be spent.

Leaves out which fills there are (`matching.py`).
"""

from typing import Any

from quant.jit import cached_njit
from trading.kernels.codes import DUST
from trading.kernels.state import AccountArrays


@cached_njit
def position_after_fill(
    quantity: float, cost: float, signed_quantity: float, price: float, fees: float
) -> tuple[float, float, float]:
    """Return units and average cost after a fill, and the profit it realised; the ledger uses it
    too.

    `signed_quantity` is negative for sales, `fees` in currency. A fill that adds to a position
    moves its average cost, fees included; one that reduces it realises the difference to that cost,
    less fees. A fill that reverses a position does both, its fees in proportion.
    """
    after = quantity + signed_quantity
    if abs(after) <= DUST:
        after = 0.0
    if quantity * signed_quantity >= 0.0:
        return after, (quantity * cost + signed_quantity * price + fees) / after, 0.0
    if quantity * after >= 0.0:
        return after, cost if after != 0.0 else 0.0, signed_quantity * (cost - price) - fees
    closing = -quantity / signed_quantity
    opening_fees = fees * (1.0 - closing)
    return after, price + opening_fees / after, quantity * (price - cost) - fees * closing


@cached_njit
def update_position(
    state: Any, position: Any, signed_quantity: float, price: float, fees: float
) -> None:
    """Update the position after a fill; a position that ends counts as won or lost."""
    before = position["quantity"]
    position["quantity"], position["average_cost"], profit = position_after_fill(
        before, position["average_cost"], signed_quantity, price, fees
    )
    position["realised"] += profit
    if before != 0.0 and before * position["quantity"] <= 0.0:
        state["losses"] = state["losses"] + 1 if position["realised"] < 0.0 else 0
        position["realised"] = 0.0


@cached_njit
def available_cash(account: AccountArrays) -> float:
    """Return the cash that may be spent: without the proceeds and the margin of short positions."""
    cash = account.state[0]["cash"]
    if account.rules[0]["shorting"] > 0.0:
        for n in range(len(account.positions)):
            if account.positions[n]["quantity"] < 0.0:
                value = account.positions[n]["quantity"] * account.positions[n]["last_price"]
                cash += (1.0 + account.rules[0]["margin"]) * value
    return max(float(cash), 0.0)
