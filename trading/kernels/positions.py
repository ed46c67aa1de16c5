"""What is held: positions after a fill, and the cash that may be spent.

Leaves out which fills there are (`matching.py`).
"""

from typing import Any

from quant.jit import compiled
from trading.kernels.codes import DUST
from trading.kernels.state import Desk


@compiled
def settle(
    units: float, cost: float, traded: float, price: float, fees: float
) -> tuple[float, float, float]:
    """Units and average cost after a fill, and the profit that it took; the ledger's own too.

    `traded` is negative for sales, `fees` in currency. What adds to a position moves its average
    cost, fees included; what takes from it realises the difference to that cost, less fees. A fill
    that goes through nothing does both, its fees in proportion.
    """
    after = units + traded
    if abs(after) <= DUST:
        after = 0.0
    if units * traded >= 0.0:
        return after, (units * cost + traded * price + fees) / after, 0.0
    if units * after >= 0.0:
        return after, cost if after != 0.0 else 0.0, traded * (cost - price) - fees
    closing = -units / traded
    opening_fees = fees * (1.0 - closing)
    return after, price + opening_fees / after, units * (price - cost) - fees * closing


@compiled
def hold(state: Any, held: Any, traded: float, price: float, fees: float) -> None:
    """The position after a fill; one that ends counts as won or lost."""
    before = held["quantity"]
    held["quantity"], held["average_cost"], profit = settle(
        before, held["average_cost"], traded, price, fees
    )
    held["realised"] += profit
    if before != 0.0 and before * held["quantity"] <= 0.0:
        state["losses"] = state["losses"] + 1 if held["realised"] < 0.0 else 0
        held["realised"] = 0.0


@compiled
def cash_at_hand(desk: Desk) -> float:
    """Cash that may be spent: not what stands for positions sold short, and their margin."""
    cash = desk.state[0]["cash"]
    if desk.rules[0]["shorting"] > 0.0:
        for n in range(len(desk.held)):
            if desk.held[n]["quantity"] < 0.0:
                value = desk.held[n]["quantity"] * desk.held[n]["last_price"]
                cash += (1.0 + desk.rules[0]["margin"]) * value
    return max(float(cash), 0.0)
