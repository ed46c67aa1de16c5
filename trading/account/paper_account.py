"""The paper account: pure functions from an account and new bars or decisions to entries.

Promises that whatever happens to the account is an entry with its own time, and that applying the
entries (`ledger.py`) gives exactly the floats of the compiled loops: the loops' cash is compared
with the ledger's after every row. Each row starts from the account alone, so that a cycle after a
restart, a catch-up over many rows and a backtest give the same result.

Leaves out where bars, decisions and settings come from, and what people do
(`trading/orders/manual_orders.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from domain.instants import from_microseconds, times_to_microseconds, to_microseconds
from domain.panel import BarMatrix
from domain.trading.account import (
    Account,
    AccountEntry,
    LastBar,
    RiskState,
    SplitApplied,
    TradingState,
    TradingStateChanged,
)
from trading import kernels
from trading.account.account_arrays import account_to_arrays, bar_arrays_from
from trading.account.event_recorder import EventRecorder, record_bar, record_target_orders
from trading.kernels import codes
from trading.kernels.state import NO_SHARED_LIMITS, SharedLimits, TargetMatrix, new_account_arrays
from trading.limits import TradingSettings

PRICE_TOLERANCE = 0.005
"""Two prices that differ by at most this fraction are the same price, or one is a split of the
other."""


@dataclass(frozen=True, slots=True)
class BarsApplied:
    """The `entries` from rows of bars, and the `account` after them."""

    entries: tuple[AccountEntry, ...]
    account: Account


@dataclass(frozen=True, slots=True)
class TargetRequest:
    """What a decision requests for one symbol, as shares of equity: `target` is the share to hold,
    None if the symbol is blocked, and `ceiling` the most that risk accepts. If `buy_blocked`, it
    may only be sold. `receipt` names the decision."""

    target: float | None
    ceiling: float
    buy_blocked: bool = False
    receipt: str | None = None


def apply_bars(
    account: Account,
    bar_matrix: BarMatrix,
    settings: TradingSettings,
    splits: Mapping[str, float] | None = None,
) -> BarsApplied:
    """Apply every unprocessed bar to the account, in time order.

    `bar_matrix` begins no later than the last processed bar of each symbol with a position, and
    `splits` has the new units for one old unit recorded since then. Where the matrix has that bar's
    close in another scale, the recorded split is applied; if none explains the difference, the
    account is halted and no bar is applied. Raises VerificationError if the matrix lacks a symbol
    with a position or an order.
    """
    recorder = EventRecorder(account)
    if not _apply_splits(recorder, bar_matrix, splits or {}):
        return BarsApplied(tuple(recorder.entries), recorder.account)
    unprocessed = _unprocessed(recorder.account, bar_matrix)
    bars = bar_arrays_from(_only_unprocessed(bar_matrix, unprocessed))
    volatility = VolatilityLookup(bar_matrix)
    for t in np.flatnonzero(unprocessed.any(axis=1)).tolist():
        view = account_to_arrays(
            recorder.account, bar_matrix.symbols, settings, volatility.before(t)
        )
        kernels.process_bar(view.arrays, bars, t)
        record_bar(recorder, view, bars, t)
        _place_targets(
            recorder, bar_matrix.symbols, {}, from_microseconds(bars.known_at[t]), settings
        )
    return BarsApplied(tuple(recorder.entries), recorder.account)


def find_volatility_halted(bar_matrix: BarMatrix, settings: TradingSettings) -> frozenset[str]:
    """Return the symbols whose last bar in the matrix moved by more than the volatility breaker
    allows. This depends on the matrix alone, whatever bars an account has processed."""
    arrays, bars = new_account_arrays(bar_matrix.symbols, settings), bar_arrays_from(bar_matrix)
    for t in range(len(bar_matrix.known_at)):
        kernels.process_bar(arrays, bars, t)
    halted = np.flatnonzero(arrays.positions["volatility_halted"]).tolist()
    return frozenset(bar_matrix.symbols[n] for n in halted)


def place_targets(
    account: Account,
    symbols: Sequence[str],
    requests: Mapping[str, TargetRequest],
    at: datetime,
    settings: TradingSettings,
    buy_blocked: frozenset[str] = frozenset(),
    shared_limits: SharedLimits = NO_SHARED_LIMITS,
) -> tuple[AccountEntry, ...]:
    """Place the committee's orders for decisions on bars that closed at `at` and that the account
    has processed, within the limits that symbols share: `shared_limits` has one row.

    `symbols` are those of the bar matrix, in its order; one without a request keeps its order.
    Symbols in `buy_blocked`, such as those of `volatility_halted`, are not bought. The same
    requests at the same instant change nothing the second time.
    """
    recorder = EventRecorder(account)
    _place_targets(recorder, symbols, requests, at, settings, buy_blocked, shared_limits)
    return tuple(recorder.entries)


def _place_targets(
    recorder: EventRecorder,
    symbols: Sequence[str],
    requests: Mapping[str, TargetRequest],
    at: datetime,
    settings: TradingSettings,
    buy_blocked: frozenset[str] = frozenset(),
    shared_limits: SharedLimits = NO_SHARED_LIMITS,
) -> None:
    account = recorder.account
    idle = account.risk.trading_state is not TradingState.HALTED and not account.risk.flattening
    if idle and not requests:
        return
    view = account_to_arrays(account, symbols, settings, {})
    target_matrix = target_matrix_from(symbols, requests)
    for n, symbol in enumerate(symbols):
        view.arrays.positions[n]["volatility_halted"] = symbol in buy_blocked
    kernels.place_target_orders(view.arrays, target_matrix, shared_limits, 0, to_microseconds(at))
    receipts = {symbol: request.receipt for symbol, request in requests.items()}
    record_target_orders(recorder, view, at, receipts)


def target_matrix_from(
    symbols: Sequence[str], requests: Mapping[str, TargetRequest]
) -> TargetMatrix:
    """Return the requests as the compiled loops read them: one row, (1, N)."""
    instructions = np.full((1, len(symbols)), codes.KEEP, np.int8)
    targets, ceilings = np.zeros((1, len(symbols))), np.ones((1, len(symbols)))
    for n, symbol in enumerate(symbols):
        if request := requests.get(symbol):
            instructions[0, n] = codes.REDUCE if request.buy_blocked else codes.TARGET
            ceilings[0, n] = request.ceiling
            if request.target is None:
                instructions[0, n] = codes.CANCEL
            else:
                targets[0, n] = request.target
    return TargetMatrix(instructions, targets, ceilings)


def _unprocessed(account: Account, bar_matrix: BarMatrix) -> NDArray[np.bool_]:
    """Return (K, N): where a bar is still to be processed. A new symbol begins with the newest row
    that was processed, or with the opening of the account."""
    newest = max(
        (last_bar.at for last_bar in account.last_bars.values()), default=account.opened_at
    )
    unprocessed = ~np.isnan(bar_matrix.close)
    known_at = times_to_microseconds(bar_matrix.known_at)
    for n, symbol in enumerate(bar_matrix.symbols):
        last_bar = account.last_bars.get(symbol)
        unprocessed[:, n] &= (
            known_at > to_microseconds(last_bar.at)
            if last_bar
            else known_at >= to_microseconds(newest)
        )
    return unprocessed


def _only_unprocessed(bar_matrix: BarMatrix, unprocessed: NDArray[np.bool_]) -> BarMatrix:
    """Return the matrix without the bars that were processed already."""
    prices = (bar_matrix.open, bar_matrix.high, bar_matrix.low, bar_matrix.close, bar_matrix.volume)
    opening, high, low, close, volume = (np.where(unprocessed, array, np.nan) for array in prices)
    dividend = np.where(unprocessed, np.nan_to_num(bar_matrix.dividend), 0.0)
    return replace(
        bar_matrix, open=opening, high=high, low=low, close=close, volume=volume, dividend=dividend
    )


class VolatilityLookup:
    """The volatility of each symbol as it was known before a row; rows must be requested in
    order."""

    def __init__(self, bar_matrix: BarMatrix) -> None:
        self._bar_matrix, self._row = bar_matrix, 0
        self._last: dict[str, float] = {}

    def before(self, row: int) -> Mapping[str, float]:
        measured = self._bar_matrix.volatility
        for t in range(self._row, row):
            has_value = (measured[t] > 0.0) & ~np.isnan(self._bar_matrix.close[t])
            for n in np.flatnonzero(has_value).tolist():
                self._last[self._bar_matrix.symbols[n]] = float(measured[t, n])
        self._row = max(self._row, row)
        return self._last


def _apply_splits(
    recorder: EventRecorder, bar_matrix: BarMatrix, splits: Mapping[str, float]
) -> bool:
    """Apply recorded splits, so that the account is in the scale of today's prices. Return whether
    that could be done. A matrix that ends before the last processed bar, as in a cycle that is run
    again, shows no split."""
    account, known_at = recorder.account, times_to_microseconds(bar_matrix.known_at)
    ordered = {order.symbol for order in account.orders.values()}
    for n, symbol in enumerate(bar_matrix.symbols):
        last_bar = account.last_bars.get(symbol)
        if last_bar is None or (len(known_at) and known_at[-1] < to_microseconds(last_bar.at)):
            continue
        rows = np.flatnonzero(
            (known_at == to_microseconds(last_bar.at)) & ~np.isnan(bar_matrix.close[:, n])
        )
        close = float(bar_matrix.close[rows[0], n]) if len(rows) else np.nan
        if abs(last_bar.close / close - 1.0) <= PRICE_TOLERANCE:
            continue
        ratio = splits.get(symbol, 1.0)
        if abs(last_bar.close / ratio / close - 1.0) <= PRICE_TOLERANCE:
            recorder.record(last_bar.at, SplitApplied(symbol, ratio))
        elif symbol in account.positions or symbol in ordered:
            halted = _halt_for_rewritten_history(account.risk, symbol, last_bar, close)
            if halted != account.risk:
                recorder.record(last_bar.at, TradingStateChanged(halted))
            return False
    return True


def _halt_for_rewritten_history(
    risk: RiskState, symbol: str, last_bar: LastBar, close: float
) -> RiskState:
    now = "is not there any more" if np.isnan(close) else f"is told as {close:.6g} now"
    return replace(
        risk,
        trading_state=TradingState.HALTED,
        reason=f"the history of {symbol} was rewritten: its close of {last_bar.close:.6g} at "
        f"{last_bar.at:%Y-%m-%d %H:%M} UTC {now}, which no recorded split explains",
        by="ledger",
        since=last_bar.at,
        until=None,
        flattening=False,
    )
