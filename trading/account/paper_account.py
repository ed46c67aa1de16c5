"""The paper account at work: pure functions from an account and what came to it to entries.

Promises that whatever happens to the account is an entry, with the time it belongs to, and that
folding them (`ledger.py`) gives the very floats the compiled loops had: the loops' cash is compared
with the fold's after every row. Each row starts from the account alone, so that a cycle after a
restart, a catch-up over many rows and a backtest come to the same.

Leaves out where bars, decisions and settings come from, and what people do (`hand.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from domain.bar_matrix import Tape
from domain.trading.account import Account, Entry, Guard, GuardChanged, Mark, SplitApplied, Standing
from trading import kernels
from trading.account.account_arrays import bars_of, book_of, instants, micros, moment
from trading.account.event_recorder import Scribe, tell_asks, tell_row
from trading.kernels import codes
from trading.kernels.state import NO_GROUPS, Asks, Groups, new_desk
from trading.limits import TradingSettings

NEAR = 0.005
"""How near two prices must be, as a fraction, to be the same price, or one a split of the other."""


@dataclass(frozen=True, slots=True)
class Met:
    """What rows of bars did: the `entries`, and the `account` after them."""

    entries: tuple[Entry, ...]
    account: Account


@dataclass(frozen=True, slots=True)
class Wish:
    """A decision on a symbol, as shares of equity: `target` is what is wanted, None where the
    symbol is blocked, and `ceiling` the most that risk accepts. Where `barred`, it may only be
    sold. `receipt` names the decision."""

    target: float | None
    ceiling: float
    barred: bool = False
    receipt: str | None = None


def meet(
    account: Account,
    tape: Tape,
    settings: TradingSettings,
    splits: Mapping[str, float] | None = None,
) -> Met:
    """Every bar that the account has not seen is met, row by row.

    `tape` begins no later than the last bar seen of each symbol that is held, and `splits` are the
    new units for an old one that were recorded since then. Where the tape tells that bar's close
    in another scale, the recorded split is applied; where none explains it, the account is halted
    and nothing is met. Raises VerificationError where something is held or ordered that the tape
    leaves out.
    """
    scribe = Scribe(account)
    if not _rescale(scribe, tape, splits or {}):
        return Met(tuple(scribe.entries), scribe.account)
    fresh = _fresh(scribe.account, tape)
    bars, known = bars_of(_unmet(tape, fresh)), Known(tape)
    for t in np.flatnonzero(fresh.any(axis=1)).tolist():
        book = book_of(scribe.account, tape.symbols, settings, known.before(t))
        kernels.bar_row(book.desk, bars, t)
        tell_row(scribe, book, bars, t)
        _ask(scribe, tape.symbols, {}, moment(bars.known_at[t]), settings)
    return Met(tuple(scribe.entries), scribe.account)


def wild(tape: Tape, settings: TradingSettings) -> frozenset[str]:
    """Symbols whose last bar on the tape moved by more than the volatility breaker allows. The
    tape alone tells, whatever an account has met already."""
    desk, bars = new_desk(tape.symbols, settings), bars_of(tape)
    for t in range(len(tape.known_at)):
        kernels.bar_row(desk, bars, t)
    moved = np.flatnonzero(desk.held["volatility_halted"]).tolist()
    return frozenset(tape.symbols[n] for n in moved)


def ask(
    account: Account,
    symbols: Sequence[str],
    wishes: Mapping[str, Wish],
    at: datetime,
    settings: TradingSettings,
    barred: frozenset[str] = frozenset(),
    groups: Groups = NO_GROUPS,
) -> tuple[Entry, ...]:
    """The committee's orders for decisions on bars that closed `at` and that the account has met,
    within the limits that symbols share: `groups` of one row.

    `symbols` are those of the tape, in its order; one without a wish keeps its order. What is
    `barred` is not bought: `wild` says what is. The same wishes again, at the same instant, change
    nothing.
    """
    scribe = Scribe(account)
    _ask(scribe, symbols, wishes, at, settings, barred, groups)
    return tuple(scribe.entries)


def _ask(
    scribe: Scribe,
    symbols: Sequence[str],
    wishes: Mapping[str, Wish],
    at: datetime,
    settings: TradingSettings,
    barred: frozenset[str] = frozenset(),
    groups: Groups = NO_GROUPS,
) -> None:
    account = scribe.account
    idle = account.guard.standing is not Standing.HALTED and not account.guard.flattening
    if idle and not wishes:
        return
    book = book_of(account, symbols, settings, {})
    asks = asks_of(symbols, wishes)
    for n, symbol in enumerate(symbols):
        book.desk.held[n]["volatility_halted"] = symbol in barred
    kernels.ask_row(book.desk, asks, groups, 0, micros(at))
    tell_asks(scribe, book, at, {symbol: wish.receipt for symbol, wish in wishes.items()})


def asks_of(symbols: Sequence[str], wishes: Mapping[str, Wish]) -> Asks:
    """The wishes as the compiled loops read them: one row, (1, N)."""
    words = np.full((1, len(symbols)), codes.LEAVE, np.int8)
    targets, ceilings = np.zeros((1, len(symbols))), np.ones((1, len(symbols)))
    for n, symbol in enumerate(symbols):
        if wish := wishes.get(symbol):
            words[0, n] = codes.SHRINK if wish.barred else codes.DECIDE
            ceilings[0, n] = wish.ceiling
            if wish.target is None:
                words[0, n] = codes.WITHDRAW
            else:
                targets[0, n] = wish.target
    return Asks(words, targets, ceilings)


def _fresh(account: Account, tape: Tape) -> NDArray[np.bool_]:
    """(K, N) where a bar is still to be met. A symbol never seen begins with the newest row that
    was met, or with the account."""
    newest = max((mark.at for mark in account.marks.values()), default=account.opened_at)
    fresh = ~np.isnan(tape.close)
    known_at = instants(tape.known_at)
    for n, symbol in enumerate(tape.symbols):
        mark = account.marks.get(symbol)
        fresh[:, n] &= known_at > micros(mark.at) if mark else known_at >= micros(newest)
    return fresh


def _unmet(tape: Tape, fresh: NDArray[np.bool_]) -> Tape:
    """The tape without bars that were met already."""
    prices = (tape.open, tape.high, tape.low, tape.close, tape.volume)
    opening, high, low, close, volume = (np.where(fresh, array, np.nan) for array in prices)
    dividend = np.where(fresh, np.nan_to_num(tape.dividend), 0.0)
    return replace(
        tape, open=opening, high=high, low=low, close=close, volume=volume, dividend=dividend
    )


class Known:
    """The volatility of each symbol as it was known before a row; rows are asked in their order."""

    def __init__(self, tape: Tape) -> None:
        self._tape, self._row = tape, 0
        self._last: dict[str, float] = {}

    def before(self, row: int) -> Mapping[str, float]:
        measured = self._tape.volatility
        for t in range(self._row, row):
            seen = (measured[t] > 0.0) & ~np.isnan(self._tape.close[t])
            for n in np.flatnonzero(seen).tolist():
                self._last[self._tape.symbols[n]] = float(measured[t, n])
        self._row = max(self._row, row)
        return self._last


def _rescale(scribe: Scribe, tape: Tape, splits: Mapping[str, float]) -> bool:
    """Prices since the last bar seen are in the scale of today: what is held follows. Whether it
    could. A tape that ends before that bar, as of an instant that is begun again, tells nothing."""
    account, known_at = scribe.account, instants(tape.known_at)
    ordered = {order.symbol for order in account.orders.values()}
    for n, symbol in enumerate(tape.symbols):
        mark = account.marks.get(symbol)
        if mark is None or (len(known_at) and known_at[-1] < micros(mark.at)):
            continue
        rows = np.flatnonzero((known_at == micros(mark.at)) & ~np.isnan(tape.close[:, n]))
        told = float(tape.close[rows[0], n]) if len(rows) else np.nan
        if abs(mark.close / told - 1.0) <= NEAR:
            continue
        ratio = splits.get(symbol, 1.0)
        if abs(mark.close / ratio / told - 1.0) <= NEAR:
            scribe.write(mark.at, SplitApplied(symbol, ratio))
        elif symbol in account.positions or symbol in ordered:
            rewritten = _rewritten(account.guard, symbol, mark, told)
            if rewritten != account.guard:
                scribe.write(mark.at, GuardChanged(rewritten))
            return False
    return True


def _rewritten(guard: Guard, symbol: str, mark: Mark, told: float) -> Guard:
    now = "is not there any more" if np.isnan(told) else f"is told as {told:.6g} now"
    return replace(
        guard,
        standing=Standing.HALTED,
        reason=f"the history of {symbol} was rewritten: its close of {mark.close:.6g} at "
        f"{mark.at:%Y-%m-%d %H:%M} UTC {now}, which no recorded split explains",
        by="ledger",
        since=mark.at,
        until=None,
        flattening=False,
    )
