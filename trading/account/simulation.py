"""Targets traded on history, through the same compiled account as live: `kernels/`.

The caller gives the target of each symbol at each row's close, a share of equity; the settings
decide how it is traded: the fill model, limits and breakers of `kernels/`. Without a target an
order stays and so do the units of a position, so that its share drifts with prices.

Leaves out manual orders, which history has none of, and splits: prices are in today's units.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from domain.errors import InputError
from domain.panel import Bools, Floats, Ints
from trading.kernels import process_bars
from trading.kernels.codes import ACTIVE, BREAKER_REASONS, CANCEL, KEEP, REDUCE, TARGET
from trading.kernels.state import (
    NO_SHARED_LIMITS,
    AccountArrays,
    BarArrays,
    Codes,
    Records,
    SharedLimits,
    TargetMatrix,
    new_account_arrays,
)
from trading.limits import TradingSettings


@dataclass(frozen=True, slots=True, eq=False)
class FillTable:
    """F fills in order of row, columns of equal length.

    `quantity` in units, negative for sales; `price` paid or received per unit, within the bar's
    range; in currency, `commission`, `residual_slippage`, the part of spread and impact that no
    price within the range could hold, and `cost`, the sum of commission, spread and impact.
    `trigger` is an index into `codes.FILL_TRIGGERS`.
    """

    row: Ints
    col: Ints
    quantity: Floats
    price: Floats
    commission: Floats
    residual_slippage: Floats
    cost: Floats
    trigger: Ints

    @property
    def fees(self) -> Floats:
        """What was charged beside the price."""
        return self.commission + self.residual_slippage


@dataclass(frozen=True, slots=True)
class BreakerTrip:
    """A breaker that tripped at the close of `row`."""

    row: int
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class SimulationResult:
    """An account through K rows; all arrays are (K,) but the fills.

    `equity` is at the closes, for symbols without a bar at their last close; `cash` is the part of
    it in cash. `dividends` and `borrowing` are received and paid in the row, in currency.
    `trading_state` and `reason` are codes of `kernels/codes.py`.
    """

    equity: Floats
    cash: Floats
    fills: FillTable
    dividends: Floats
    borrowing: Floats
    trading_state: Codes
    reason: Codes

    @property
    def exposure(self) -> Floats:
        """Share of equity that is invested."""
        return 1.0 - self.cash / self.equity

    @property
    def turnover(self) -> Floats:
        """Value traded in the row as a share of equity at its close."""
        return self._by_row(np.abs(self.fills.quantity) * self.fills.price) / self.equity

    @property
    def costs(self) -> Floats:
        """Cost of the row's fills, in currency."""
        return self._by_row(self.fills.cost)

    @property
    def breaker_trips(self) -> Iterator[BreakerTrip]:
        """Every trip of a breaker, also while another one was in force."""
        changed = np.flatnonzero(np.diff(self.reason, prepend=np.int8(0)) != 0)
        for row in changed.tolist():
            if self.reason[row]:
                yield BreakerTrip(row, BREAKER_REASONS[self.reason[row]])

    @property
    def restricted_rows(self) -> int:
        """Number of rows at whose close positions could only shrink."""
        return int((self.trading_state != ACTIVE).sum())

    def _by_row(self, amounts: Floats) -> Floats:
        return np.bincount(self.fills.row, amounts, len(self.equity)).astype(np.float64)


def simulate_trading(
    symbols: Sequence[str],
    bars: BarArrays,
    targets: TargetMatrix,
    settings: TradingSettings,
    cash: float,
    delay: int = 0,
    shared_limits: SharedLimits = NO_SHARED_LIMITS,
) -> SimulationResult:
    """Trade to `targets` on `bars`, of K rows and N symbols, starting with `cash` and no positions,
    within `shared_limits`.

    With a `delay`, a target is traded that many bars of its symbol later, and its quantity is
    computed then. Raises InputError if cash is not positive, for a negative delay, and for a target
    that is not a number, or is negative although the settings forbid short sales.
    """
    _validate(targets, cash, delay, settings.limits.shorting)
    if delay:
        targets = _delay(targets, bars.close, delay)
    account = new_account_arrays(symbols, settings)
    for name in ("cash", "equity", "high", "day_equity"):
        account.state[name] = cash
    rows = len(bars.known_at)
    totals, trading_states = np.empty((4, rows)), np.empty((2, rows), np.int8)
    bars = BarArrays._make(map(np.ascontiguousarray, bars))
    targets = TargetMatrix._make(map(np.ascontiguousarray, targets))
    shared_limits = SharedLimits._make(map(np.ascontiguousarray, shared_limits))
    processed = process_bars(account, bars, targets, shared_limits, 0, rows, totals, trading_states)
    while processed < rows:
        account = _grow_fills(account)
        processed = process_bars(
            account, bars, targets, shared_limits, processed, rows, totals, trading_states
        )
    dividends, borrowing = np.diff(totals[2:], prepend=0.0)
    fills = _fill_table(account.fills[: account.state["fill_count"][0]])
    return SimulationResult(
        totals[0], totals[1], fills, dividends, borrowing, trading_states[0], trading_states[1]
    )


def targets_where(targets: Floats, ordered: Bools) -> TargetMatrix:
    """Return `targets` (K, N) where `ordered`; elsewhere orders stay. There are no ceilings."""
    instructions = np.where(ordered, TARGET, KEEP).astype(np.int8)
    return TargetMatrix(instructions, targets, np.full(targets.shape, np.inf))


def committee_targets(
    targets: Floats, ceilings: Floats, traded: Bools, blocked: Bools
) -> TargetMatrix:
    """Return a committee's targets (K, N) for the bars that were `traded`; where `blocked` by the
    quality gate, the order is cancelled."""
    instructions = np.where(traded, np.where(blocked, CANCEL, TARGET), KEEP).astype(np.int8)
    return TargetMatrix(instructions, targets, ceilings)


def changed_targets(targets: Floats) -> Bools:
    """Return (K, N): where a target differs from the row before, in the first row from zero."""
    changed: Bools = np.diff(targets, axis=0, prepend=0.0) != 0.0
    return changed


def _grow_fills(account: AccountArrays) -> AccountArrays:
    """Return the account with room for twice as many fills, and for one more row's."""
    more = np.empty(len(account.fills) + len(account.orders), account.fills.dtype)
    return account._replace(fills=np.concatenate((account.fills, more)))


def _fill_table(fills: Records) -> FillTable:
    return FillTable(
        row=fills["row"].astype(np.int32),
        col=fills["symbol"].astype(np.int32),
        quantity=fills["quantity"].copy(),
        price=fills["price"].copy(),
        commission=fills["commission"].copy(),
        residual_slippage=fills["residual_slippage"].copy(),
        cost=fills["commission"] + fills["slippage"],
        trigger=fills["trigger"].astype(np.int32),
    )


def _delay(matrix: TargetMatrix, close: Floats, delay: int) -> TargetMatrix:
    """Shift each symbol's instructions by `delay` of its own bars."""
    instructions = np.full(matrix.instructions.shape, KEEP, np.int8)
    targets, ceilings = np.zeros(close.shape), np.full(close.shape, np.inf)
    for n in range(close.shape[1]):
        rows = np.flatnonzero(~np.isnan(close[:, n]))
        later, before = rows[delay:], rows[: max(len(rows) - delay, 0)]
        instructions[later, n] = matrix.instructions[before, n]
        targets[later, n] = matrix.targets[before, n]
        ceilings[later, n] = matrix.ceilings[before, n]
    return TargetMatrix(instructions, targets, ceilings)


def _validate(targets: TargetMatrix, cash: float, delay: int, shorting: bool) -> None:
    if not (np.isfinite(cash) and cash > 0.0):
        raise InputError(f"A backtest cannot start with {cash} in cash. Give a positive amount.")
    if delay < 0:
        raise InputError(f"A delay of {delay} bars would trade before deciding. Give 0 or more.")
    has_target = (targets.instructions == TARGET) | (targets.instructions == REDUCE)
    wrong = has_target & ~(np.isfinite(targets.targets) & ((targets.targets >= 0.0) | shorting))
    if wrong.any():
        row, col = np.argwhere(wrong)[0].tolist()
        raise InputError(
            f"The target of column {col} in row {row} is {targets.targets[row, col]}. Targets are "
            "finite shares of equity, below 0 only where the limits allow `shorting`."
        )
