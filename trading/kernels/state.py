"""Records that the compiled loops work on: orders, the account, rules, and bars.

Plain records of numbers, so that a live cycle and a decade of history run the same machine code.
Leaves out the texts that people see (`domain/trading/orders.py`, `domain/trading/account.py`).
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.panel import Bools, Floats
from trading.limits import TradingSettings

Records = NDArray[Any]
"""An array (M,) of a structured type."""
Int64s = NDArray[np.int64]
Codes = NDArray[np.int8]

UNMEASURED_VOLATILITY = 0.05
"""Volatility of a bar that is used until it is measured: higher than nearly all, so that the
unknown is never cheap."""

ORDER_DTYPE = np.dtype(
    [
        ("symbol", np.int64),
        ("remaining", np.float64),
        ("filled", np.float64),
        ("limit_price", np.float64),
        ("stop_price", np.float64),
        ("trail_amount", np.float64),
        ("trail_fraction", np.float64),
        ("best", np.float64),
        ("submitted", np.int64),
        ("expires", np.int64),
        ("group", np.int64),
        ("parent", np.int64),
        ("status", np.int8),
        ("order_type", np.int8),
        ("time_in_force", np.int8),
        ("side", np.int8),
        ("reason", np.int8),
        ("activated", np.int8),
        ("reduce_only", np.bool_),
        ("triggered", np.bool_),
    ],
    align=True,
)
"""One order. `symbol` is its column, `remaining` and `filled` positive units, `side` 1 or -1;
prices and `best` are NaN where there is none. `submitted` is an instant in microseconds since 1970,
and so is `expires`, the end of a day order's session (0: of its first bar). Orders of one `group`
above 0 cancel each other; `parent` is the record of the order that this one waits for, -1 for none.
`reason` is an index into `codes.END_REASONS`. `activated` is when it became active, relative to the
present bar: `codes.ACTIVE_BEFORE_BAR`, `ACTIVE_FROM_OPEN` or `ACTIVE_WITHIN_BAR`.

The first 3N records are slots: the committee's order, the stop exit and the profit exit of symbol n
are records 3n, 3n + 1 and 3n + 2. Manual orders come after them.
"""

STATE_DTYPE = np.dtype(
    [
        ("cash", np.float64),
        ("equity", np.float64),
        ("high", np.float64),
        ("day_equity", np.float64),
        ("day", np.int64),
        ("until", np.int64),
        ("losses", np.int64),
        ("row", np.int64),
        ("at", np.int64),
        ("opened", np.int64),
        ("session_end", np.int64),
        ("fill_count", np.int64),
        ("dividends", np.float64),
        ("borrowing", np.float64),
        ("trading_state", np.int8),
        ("reason", np.int8),
        ("flattening", np.bool_),
    ],
    align=True,
)
"""An account's figures. `equity` is at the last row's closes, `day_equity` before `day` began; days
are counted from 1970 and -1 before the first. `until` is the first day on which REDUCING ends by
itself, `reason` an index into `codes.BREAKER_REASONS`. While `flattening`, all positions are
closed. `row` to `session_end` describe the row being processed. `fill_count` counts the fills
written; `dividends` and `borrowing` are sums in currency."""

POSITION_DTYPE = np.dtype(
    [
        *(
            (name, np.float64)
            for name in (
                "quantity", "average_cost", "realised", "last_price", "last_bar_at", "last_fill_at",
                "volatility", "dividend", "borrowing", "open", "high", "low", "close", "volume",
                "remaining_volume",
            )
        ),
        ("has_bar", np.bool_),
        ("volatility_halted", np.bool_),
    ],
    align=True,
)  # fmt: skip
"""The position in one symbol: units, negative when short; average cost a unit with fees; profit
realised since the position was opened; last price; the instants of the last bar and of the last
fill, microseconds since 1970; and the volatility of one bar as known at the last bar. These four
are NaN before the first. Of its last bar: dividends received and borrowing charged, in currency;
the bar itself; `remaining_volume`, the units that its volume still allows; and whether it was
`volatility_halted`: moved more than the volatility breaker allows. `has_bar` says whether it has a
bar in the row being processed."""

RULES_DTYPE = np.dtype(
    [
        (name, np.float64)
        for name in (
            "half_spread", "commission", "impact", "volume_cap", "unmeasured", "borrow", "band",
            "order_limit", "daily_loss", "drawdown", "cooldown", "losses", "pause",
            "volatility_breaker", "flatten", "shorting", "margin", "stop_loss", "take_profit",
            "trailing", "fill_model",
        )
    ]
)  # fmt: skip
"""The settings as the loops read them: fractions, microseconds and days. An off breaker is
infinite, an off exit is 0. `fill_model` is that of `TradingSettings`."""

FILL_DTYPE = np.dtype(
    [
        ("row", np.int64),
        ("order", np.int64),
        ("symbol", np.int64),
        ("at", np.int64),
        ("quantity", np.float64),
        ("price", np.float64),
        ("commission", np.float64),
        ("slippage", np.float64),
        ("residual_slippage", np.float64),
        ("trigger", np.int8),
    ],
    align=True,
)
"""One fill: `row` of the history, `order` the number of its record, `quantity` negative for sales,
`price` within the bar's range, `commission` and `slippage` in currency, `trigger` an index into
`codes.FILL_TRIGGERS`. `residual_slippage` is the part of `slippage` that no price within the range
could hold: cash changes by -(quantity * price + (commission + residual_slippage)), fill by fill, as
in `trading/account/ledger.py`. `at` is the bar's opening instant for a fill at the open, else
its closing one."""


class AccountArrays(NamedTuple):
    """An account of N symbols. Records `orders` (M,), `state` (1,), `positions` (N,) and `rules`
    (1,); `lots` (2, N): lot in units and least value of an order; `fills` (F,), an array with free
    space. Everything but rules and lots changes in place."""

    orders: Records
    state: Records
    positions: Records
    rules: Records
    lots: Floats
    fills: Records


class BarArrays(NamedTuple):
    """Rows of bars, prices and volume as traded. (K, N) and NaN without a bar: prices, volume,
    `dividend` a unit with its ex-date at this bar (0 for none), `volatility` of one bar as known at
    the row's close. (K,) in microseconds since 1970: when the row closed, when it opened, and when
    its session ends."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    dividend: Floats
    volatility: Floats
    known_at: Int64s
    opened_at: Int64s
    session_end: Int64s


class TargetMatrix(NamedTuple):
    """The committee's targets, (K, N): `instructions` from `codes.KEEP` to `CANCEL`, `targets` as
    shares of equity at the row's closes, and `ceilings`, the largest that risk accepts."""

    instructions: Codes
    targets: Floats
    ceilings: Floats


NO_TARGETS = TargetMatrix(np.empty((0, 0), np.int8), np.empty((0, 0)), np.empty((0, 0)))


class SharedLimits(NamedTuple):
    """Limits that symbols share, as shares of equity: `limits` (3,) of one sector, of a symbol with
    all that are correlated with it, and of everything; 1 is no limit. `sector` (N,) is a number or
    -1. `correlated` (M, N, N) has M matrices of correlated pairs; row k uses
    `correlated[matrix_index[k]]`, with `matrix_index` (K,)."""

    sector: NDArray[np.int32]
    correlated: Bools
    matrix_index: NDArray[np.int32]
    limits: Floats


NO_SHARED_LIMITS = SharedLimits(
    np.empty(0, np.int32), np.empty((0, 0, 0), bool), np.empty(0, np.int32), np.ones(3)
)
"""No shared limits: each symbol is limited by its own ceiling alone."""


def new_account_arrays(
    symbols: Sequence[str], settings: TradingSettings, manual_orders: int = 0
) -> AccountArrays:
    """Create an account without cash, positions or orders, with 3N slots and room for
    `manual_orders`."""
    orders = np.zeros(3 * len(symbols) + manual_orders, ORDER_DTYPE)
    for name in ("limit_price", "stop_price", "trail_amount", "trail_fraction", "best"):
        orders[name] = np.nan
    orders["parent"] = -1
    positions = np.zeros(len(symbols), POSITION_DTYPE)
    for name in ("last_price", "last_bar_at", "last_fill_at", "volatility"):
        positions[name] = np.nan
    state = np.zeros(1, STATE_DTYPE)
    state["day"] = -1
    fills = np.empty(max(len(orders), 256), FILL_DTYPE)
    return AccountArrays(
        orders, state, positions, rules_array(settings), lots_array(symbols, settings), fills
    )


def rules_array(settings: TradingSettings) -> Records:
    """Return the settings as one record (1,) of RULES_DTYPE."""
    costs, limits = settings.costs, settings.limits
    rules = np.zeros(1, RULES_DTYPE)
    for name in ("half_spread", "commission", "impact", "volume_cap", "borrow"):
        rules[name] = getattr(costs, name)
    for name in ("band", "order_limit", "flatten", "shorting", "margin"):
        rules[name] = getattr(limits, name)
    for name in ("daily_loss", "drawdown", "losses", "volatility_breaker"):
        value = getattr(limits, name)
        rules[name] = math.inf if value is None else value
    for name in ("stop_loss", "take_profit", "trailing"):
        rules[name] = getattr(limits, name) or 0.0
    rules["unmeasured"] = UNMEASURED_VOLATILITY
    rules["cooldown"] = limits.cooldown_days
    rules["pause"] = limits.pause_seconds * 1e6
    rules["fill_model"] = settings.fill_model
    return rules


def lots_array(symbols: Sequence[str], settings: TradingSettings) -> Floats:
    """Return (2, N), as in `AccountArrays.lots`."""
    lots = [settings.limits.lot_size(symbol) for symbol in symbols]
    rows = [[lot.size for lot in lots], [lot.min_order_value for lot in lots]]
    return np.array(rows).reshape(2, -1)
