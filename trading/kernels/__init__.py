"""The compiled account: orders matched bar by bar, breakers, and targets made into orders.

Live cycles and backtests go through these loops, so one arithmetic serves both. They work on
the records of `state.py`, in the numbers of `codes.py`. Left out: checks of what goes in, splits
(applied to the account before its bars), margin calls.
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
