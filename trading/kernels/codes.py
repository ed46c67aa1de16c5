"""The numbers that stand for statuses, types and reasons in the compiled account, and their
texts."""

from collections.abc import Iterator
from typing import cast

import numpy as np


def _codes(count: int) -> Iterator[int]:
    """Yield 0 and up as numpy numbers: numba compiles a function anew for every Python number that
    it is called with."""
    return cast(Iterator[int], map(np.int64, range(count)))


FREE, ACCEPTED, WORKING, PARTIALLY_FILLED, FILLED, CANCELLED, EXPIRED, REJECTED = _codes(8)
"""`status` of a record; a slot is FREE until its first order."""
MARKET, LIMIT, STOP, STOP_LIMIT, TRAILING_STOP = _codes(5)
"""`order_type`. A take-profit is a LIMIT that only reduces. A TRAILING_STOP may have a `stop_price`
as well: it triggers at the nearer of both."""
DAY, GTC, IOC, FOK = _codes(4)
"""`time_in_force`. The committee's order is GTC: `place_target_orders` ends it."""
ACTIVE_BEFORE_BAR, ACTIVE_FROM_OPEN, ACTIVE_WITHIN_BAR = _codes(3)
"""`activated`: before the present bar, at its open, or somewhere within it."""
ACTIVE, REDUCING, HALTED = _codes(3)
"""`trading_state`."""
KEEP, TARGET, REDUCE, CANCEL = _codes(4)
"""Instructions for a symbol in a row. KEEP: none, its order stays. TARGET: trade to the target.
REDUCE: trade to the target by selling only. CANCEL: the symbol is blocked, cancel its order."""
SECTOR, CORRELATED, TOTAL = _codes(3)
"""Indices into `SharedLimits.limits`."""
FILL_TRIGGERS = ("open", "stop", "limit")
TRIGGER_OPEN, TRIGGER_STOP, TRIGGER_LIMIT = _codes(3)
BREAKER_REASONS = ("", "daily loss", "drawdown", "losing positions")
NO_BREAKER, DAILY_LOSS, DRAWDOWN, LOSING_POSITIONS = _codes(4)
END_REASONS = (
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
    NOT_ENDED, SESSION_ENDED, NOT_FILLED_WHOLE, IOC_REMAINDER, GROUP_FILLED, NOTHING_TO_REDUCE,
    NEW_DECISION, BLOCKED, ACCOUNT_HALTED, INSUFFICIENT_CASH, PARENT_ENDED,
) = _codes(11)  # fmt: skip
DUST = 1e-9
"""Units below this are rounding."""
DAY_MICROSECONDS = 86_400_000_000
