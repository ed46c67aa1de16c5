"""Numbers that stand for words in the compiled account, and the words."""

from collections.abc import Iterator
from typing import cast

import numpy as np


def _codes(count: int) -> Iterator[int]:
    """0 and up, as numbers of numpy: numba compiles a function anew for every number of Python's
    that it is called with."""
    return cast(Iterator[int], map(np.int64, range(count)))


FREE, HELD, WORKING, PARTIAL, FILLED, CANCELLED, EXPIRED, REJECTED = _codes(8)
"""`status` of a record; a slot is FREE until its first order."""
MARKET, LIMIT, STOP, STOP_LIMIT, TRAILING_STOP = _codes(5)
"""`kind`. A take-profit is a LIMIT that only reduces. A TRAILING_STOP may have a `stop` as well: it
triggers at the nearer of both."""
DAY, GTC, IOC, FOK = _codes(4)
"""`term`. The committee's order is GTC: `ask_row` ends it."""
BEFORE, AT_OPEN, WITHIN = _codes(3)
"""`activated`: before the present bar, at its open, or somewhere within it."""
ACTIVE, REDUCING, HALTED = _codes(3)
"""`standing`."""
LEAVE, DECIDE, SHRINK, WITHDRAW = _codes(4)
"""Words on a symbol in a row: nothing said, so that its order stands; a target to trade to; one to
which may only be sold; a blocked symbol, whose order is cancelled and not replaced."""
SECTOR, CORRELATED, ALL = _codes(3)
"""Places in `Groups.limits`."""
MOMENTS = ("open", "stop", "limit")
AT_THE_OPEN, AT_A_STOP, AT_A_LIMIT = _codes(3)
REASONS = ("", "daily loss", "drawdown", "losing positions")
UNHARMED, DAILY_LOSS, DRAWDOWN, LOSSES = _codes(4)
WHY = (
    "",
    "its session has ended",
    "it could not be filled whole at the open",
    "the open filled what it could of it",
    "another order of its group was filled",
    "nothing is left to reduce",
    "a new decision",
    "the symbol is blocked",
    "the account is halted",
    "the cash did not reach",
    "its parent has ended",
)
(
    NOT_ENDED, DAY_OVER, NOT_WHOLE, ONLY_THE_OPEN, GROUP_FILLED, NOTHING_HELD, DECIDED_ANEW,
    BLOCKED, STOPPED, NO_CASH, PARENT_ENDED,
) = _codes(11)  # fmt: skip
DUST = 1e-9
"""Units below this are rounding."""
A_DAY = 86_400_000_000
"""Microseconds."""
