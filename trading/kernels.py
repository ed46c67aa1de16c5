"""One account through rows of bars: orders met, positions marked, breakers looked at, targets made
into orders.

Live cycles and backtests go through these loops, so one arithmetic serves both. Every doubt goes
against the account. What they work on is in `desk.py`. All loops are in one file because numba
stamps its cache by the file of the caller: a function inlined from another file would go stale
unseen.

Left out: checks of what goes in, splits (applied to the account before its bars), margin calls.
"""

import numpy as np
from numpy.typing import NDArray

from domain.panel import Floats
from quant.compiled import compiled
from trading.desk import Bars, Desk, Records

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Codes = NDArray[np.int8]

FREE, HELD, WORKING, PARTIAL, FILLED, CANCELLED, EXPIRED, REJECTED = range(8)
"""`status` of a record; a slot is FREE until its first order."""
MARKET, LIMIT, STOP, STOP_LIMIT, TRAILING_STOP = range(5)
"""`kind`. A take-profit is a LIMIT that only reduces. A TRAILING_STOP with a `stop` never triggers
worse than there."""
DAY, GTC, IOC, FOK = range(4)
"""`term`. The committee's order is GTC: `ask_row` ends it."""
BEFORE, AT_OPEN, WITHIN = range(3)
"""`activated`."""
ACTIVE, REDUCING, HALTED = range(3)
"""`standing`."""
LEAVE, DECIDE, WITHDRAW = range(3)
"""Words of a row on a symbol: nothing said, so that its order stands; a target to trade to; a
blocked symbol, whose order is cancelled and not replaced."""
MOMENTS = ("open", "stop", "limit")
AT_THE_OPEN, AT_A_STOP, AT_A_LIMIT = range(3)
REASONS = ("", "daily loss", "drawdown", "losing positions")
UNHARMED, DAILY_LOSS, DRAWDOWN, LOSSES = range(4)
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
) = range(11)  # fmt: skip


@compiled
def position_after(
    units: float, cost: float, realised: float, traded: float, price: float, fee: float
) -> tuple[float, float, float]:
    """Units, average cost and profit taken of a position after a fill; the ledger's own too.

    `traded` is negative for sales and `fee` the commission in currency. A fill that opens or adds
    moves the average cost, fee included; one that reduces realises the difference less its fee. One
    that goes through zero does the first for what is beyond it. `realised` begins anew with a
    position.
    """
    raise NotImplementedError


@compiled
def bar_row(
    desk: Desk,
    bars: Bars,
    at: int,
    opened: int,
    session_end: int,
    fills: Records,
    count: int,
    flows: Floats,
    wild: Bools,
) -> int:
    """One row of bars is met; how many fills there are after it.

    `at`, `opened` and `session_end` are microseconds since 1970: when the row closed, when it
    opened, when its session ends. In this order: the day turns and rests of breakers end; dividends
    and borrowing are paid; orders placed by `opened` on symbols with a bar are met; positions are
    marked; breakers are looked at. Writes fills from `count` on (`fills` must have room for M
    more), `flows` (2, N): dividends got and borrowing charged, in currency, and `wild` (N,): whose
    bar moved more than the volatility breaker allows.
    """
    raise NotImplementedError


@compiled
def ask_row(
    desk: Desk, words: Codes, targets: Floats, ceilings: Floats, barred: Bools, at: int
) -> None:
    """The row's targets become the committee's orders in the slots, after `bar_row` of that row.

    `words` (N,) are LEAVE, DECIDE or WITHDRAW; `targets` (N,) shares of equity at the closes and
    `ceilings` (N,) the largest that risk accepts; nothing `barred` (N,) is bought. The old order of
    a symbol decided on is cancelled or replaced in place: a record with `filled` 0 and `placed` at
    `at` is a new order.
    """
    raise NotImplementedError


@compiled
def trade_rows(
    desk: Desk,
    opening: Floats,
    high: Floats,
    low: Floats,
    close: Floats,
    volume: Floats,
    dividend: Floats,
    volatility: Floats,
    known_at: Ints,
    opened_at: Ints,
    session_end: Ints,
    words: Codes,
    targets: Floats,
    ceilings: Floats,
) -> tuple[Floats, Records, int, Floats, Codes]:
    """`bar_row` and `ask_row` of K rows, (K, N) or (K,) each; `volatility` is as known at a close.

    Gives equity and cash (2, K) at the closes, fills of which the first so many count, dividends
    and borrowing (2, K) in currency, and standing and reason (2, K) after each row.
    """
    raise NotImplementedError
