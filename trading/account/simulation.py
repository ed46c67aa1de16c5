"""Targets carried out on history, through the same compiled account as live: `kernels/`.

The caller says at which row's close what share of equity is wanted of which symbol. What comes of
it is decided by the settings: the fill model, limits and breakers of `kernels/`. Where nothing
is said an order stands and units stay as they are, so shares drift with prices.

Left out: manual orders, which history has none of, and splits: prices are in today's units.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from domain.errors import InputError
from domain.panel import Floats, Ints
from trading.kernels import trade_rows
from trading.kernels.codes import ACTIVE, DECIDE, LEAVE, REASONS, SHRINK, WITHDRAW
from trading.kernels.state import (
    NO_GROUPS,
    Asks,
    Bars,
    Bools,
    Codes,
    Desk,
    Groups,
    Records,
    new_desk,
)
from trading.limits import TradingSettings


@dataclass(frozen=True, slots=True, eq=False)
class Trades:
    """F fills in order of row, columns of equal length.

    `units` are negative for sales, `price` is what was paid or got a unit, within the bar's range;
    `commission` in currency with what of spread and impact no price within the range could take;
    `cost` all of commission, spread and impact. `moment` is a code of `codes.MOMENTS`.
    """

    row: Ints
    col: Ints
    units: Floats
    price: Floats
    commission: Floats
    cost: Floats
    moment: Ints


@dataclass(frozen=True, slots=True)
class Trip:
    """A breaker tripped at the close of `row`."""

    row: int
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """An account through K rows, all (K,) but the fills.

    `equity` is at the closes, for symbols without a bar at their last; `cash` is its part in cash.
    `dividends` and `borrowing` are what the row brought and took, in currency. `standing` and
    `reason` are codes of `kernels/`.
    """

    equity: Floats
    cash: Floats
    fills: Trades
    dividends: Floats
    borrowing: Floats
    standing: Codes
    reason: Codes

    @property
    def exposure(self) -> Floats:
        """Share of equity that is invested."""
        return 1.0 - self.cash / self.equity

    @property
    def turnover(self) -> Floats:
        """Value traded in the row as a share of equity at its close."""
        return self._by_row(np.abs(self.fills.units) * self.fills.price) / self.equity

    @property
    def costs(self) -> Floats:
        """What the row's fills cost, in currency."""
        return self._by_row(self.fills.cost)

    @property
    def trips(self) -> Iterator[Trip]:
        """Every time a breaker tripped, also while another one rested."""
        changed = np.flatnonzero(np.diff(self.reason, prepend=np.int8(0)) != 0)
        for row in changed.tolist():
            if self.reason[row]:
                yield Trip(row, REASONS[self.reason[row]])

    @property
    def rested(self) -> int:
        """Rows at whose close positions could only shrink."""
        return int((self.standing != ACTIVE).sum())

    def _by_row(self, amounts: Floats) -> Floats:
        return np.bincount(self.fills.row, amounts, len(self.equity)).astype(np.float64)


def play(
    symbols: Sequence[str],
    bars: Bars,
    asks: Asks,
    settings: TradingSettings,
    cash: float,
    delay: int = 0,
    groups: Groups = NO_GROUPS,
) -> Played:
    """Carry out `asks` on `bars`, of K rows and N symbols, starting with nothing but `cash`, within
    the limits that `groups` share.

    With a `delay` what was wanted goes out so many bars of its symbol later, and its size is found
    then. Raises InputError for a cash that is not positive, a negative delay, and a target that is
    asked for but no number, or negative where the settings forbid to sell short.
    """
    _refuse(asks, cash, delay, settings.limits.shorting)
    if delay:
        asks = _delayed(asks, bars.close, delay)
    desk = new_desk(symbols, settings)
    for name in ("cash", "equity", "high", "day_equity"):
        desk.state[name] = cash
    rows = len(bars.known_at)
    sums, standing = np.empty((4, rows)), np.empty((2, rows), np.int8)
    bars = Bars._make(map(np.ascontiguousarray, bars))
    asks = Asks._make(map(np.ascontiguousarray, asks))
    groups = Groups._make(map(np.ascontiguousarray, groups))
    met = trade_rows(desk, bars, asks, groups, 0, rows, sums, standing)
    while met < rows:
        desk = _with_room(desk)
        met = trade_rows(desk, bars, asks, groups, met, rows, sums, standing)
    dividends, borrowing = np.diff(sums[2:], prepend=0.0)
    fills = _trades(desk.fills[: desk.state["fill_count"][0]])
    return Played(sums[0], sums[1], fills, dividends, borrowing, standing[0], standing[1])


def asked(targets: Floats, ordered: Bools) -> Asks:
    """`targets` (K, N) asked for where `ordered`; between, orders stand. Nothing caps them."""
    words = np.where(ordered, DECIDE, LEAVE).astype(np.int8)
    return Asks(words, targets, np.full(targets.shape, np.inf))


def decided(targets: Floats, ceilings: Floats, traded: Bools, blocked: Bools) -> Asks:
    """A committee's word (K, N) on each bar: its target, and nothing where the gate is shut."""
    words = np.where(traded, np.where(blocked, WITHDRAW, DECIDE), LEAVE).astype(np.int8)
    return Asks(words, targets, ceilings)


def moved(targets: Floats) -> Bools:
    """(K, N) where a target differs from the row before, in the first row from nothing."""
    changed: Bools = np.diff(targets, axis=0, prepend=0.0) != 0.0
    return changed


def _with_room(desk: Desk) -> Desk:
    """The desk with space for as many fills again, and for a row's."""
    more = np.empty(len(desk.fills) + len(desk.book), desk.fills.dtype)
    return desk._replace(fills=np.concatenate((desk.fills, more)))


def _trades(fills: Records) -> Trades:
    return Trades(
        row=fills["row"].astype(np.int32),
        col=fills["symbol"].astype(np.int32),
        units=fills["quantity"].copy(),
        price=fills["price"].copy(),
        commission=fills["commission"] + fills["residual_slippage"],
        cost=fills["commission"] + fills["slippage"],
        moment=fills["trigger"].astype(np.int32),
    )


def _delayed(asks: Asks, close: Floats, delay: int) -> Asks:
    """What was said of each symbol, so many of its own bars later."""
    words = np.full(asks.words.shape, LEAVE, np.int8)
    targets, ceilings = np.zeros(close.shape), np.full(close.shape, np.inf)
    for n in range(close.shape[1]):
        rows = np.flatnonzero(~np.isnan(close[:, n]))
        later, before = rows[delay:], rows[: max(len(rows) - delay, 0)]
        words[later, n] = asks.words[before, n]
        targets[later, n], ceilings[later, n] = asks.targets[before, n], asks.ceilings[before, n]
    return Asks(words, targets, ceilings)


def _refuse(asks: Asks, cash: float, delay: int, shorting: bool) -> None:
    if not (np.isfinite(cash) and cash > 0.0):
        raise InputError(f"A backtest cannot start with {cash} in cash. Give a positive amount.")
    if delay < 0:
        raise InputError(f"A delay of {delay} bars would trade before deciding. Give 0 or more.")
    acted = (asks.words == DECIDE) | (asks.words == SHRINK)
    wrong = acted & ~(np.isfinite(asks.targets) & ((asks.targets >= 0.0) | shorting))
    if wrong.any():
        row, col = np.argwhere(wrong)[0].tolist()
        raise InputError(
            f"The target of column {col} in row {row} is {asks.targets[row, col]}. Targets are "
            "finite shares of equity, below 0 only where the limits allow `shorting`."
        )
