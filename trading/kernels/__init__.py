"""The compiled account: orders met bar by bar, breakers, and targets made into orders.

Live cycles and backtests go through these loops, so one arithmetic serves both. They work on
the records of `desk.py`, in the numbers of `codes.py`. Left out: checks of what goes in, splits
(applied to the account before its bars), margin calls.
"""

from trading.kernels.bar_loop import bar_row, trade_rows
from trading.kernels.batch import step_many
from trading.kernels.orders import clear
from trading.kernels.positions import settle
from trading.kernels.targets import ask_row

__all__ = ["ask_row", "bar_row", "clear", "settle", "step_many", "trade_rows"]
