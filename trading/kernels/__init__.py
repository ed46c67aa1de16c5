"""The compiled account: orders matched bar by bar, breakers, and targets turned into orders.

Live cycles and backtests run these loops, so both compute the same. They work on the records of
`state.py`, in the numbers of `codes.py`. Leaves out checks of the inputs, splits (applied to the
account before its bars) and margin calls.
"""

from trading.kernels.bar_loop import process_bar, process_bars
from trading.kernels.batch import step_batch
from trading.kernels.orders import reset_order
from trading.kernels.positions import position_after_fill
from trading.kernels.targets import place_target_orders

__all__ = [
    "place_target_orders",
    "position_after_fill",
    "process_bar",
    "process_bars",
    "reset_order",
    "step_batch",
]
