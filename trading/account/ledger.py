"""An account as the fold of its entries: what each of them does.

Promises that the same entries make the same account to the bit, on any machine, and that an entry
which cannot follow the ones before it is refused and never bent into shape. Positions carry their
average cost with fees; tax lots, first in first out, are in `domain/trading/lots.py`.

Two sums always hold, to rounding: cash is what was deposited, less what fills cost, with dividends
and without borrowing; and what was deposited, realised, unrealised and received is the equity.

Left out: where entries come from (`trading/account/paper_account.py`), where they are kept, and
whether an account that was kept agrees with its entries (`trading/account/reconciliation.py`).
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypedDict, TypeVar

from domain.errors import VerificationError
from domain.trading.account import (
    Account,
    BarClosed,
    BorrowCharged,
    CashMoved,
    DividendPaid,
    Entry,
    Filled,
    Guard,
    GuardChanged,
    Mark,
    Mode,
    Opened,
    OrderChanged,
    OrderEnded,
    OrderPlaced,
    Position,
    Reset,
    SplitApplied,
    Switched,
)
from domain.trading.orders import DUST, Order, Status, after_fill, moved, rescaled
from trading.kernels import settle

T = TypeVar("T")


class Change(TypedDict, total=False):
    """What an entry changes of an account."""

    mode: Mode
    profile: str
    cash: float
    deposited: float
    realised: float
    fees: float
    dividends: float
    borrowing: float
    positions: Mapping[str, Position]
    marks: Mapping[str, Mark]
    orders: Mapping[str, Order]
    placed: int
    guard: Guard


def apply(account: Account | None, entry: Entry) -> Account:
    """The account after `entry`; None is the account before its first one, which opens it.

    Raises VerificationError for an entry out of turn, or one that cannot happen to this account.
    """
    expected = 1 if account is None else account.number + 1
    if entry.number != expected:
        raise VerificationError(
            f"Entry {entry.number} cannot follow: the next of this account is {expected}."
        )
    if account is None:
        return _opened(entry)
    change = _CHANGES.get(type(entry.what))
    if change is None:
        raise VerificationError(f"Entry {entry.number} opens an account that is open already.")
    return replace(account, number=entry.number, **change(account, entry.at, entry.what))


def fold(entries: Iterable[Entry]) -> Account:
    """The account that all of its entries make. Raises VerificationError as `apply` does, and
    where there is no entry at all."""
    account = None
    for entry in entries:
        account = apply(account, entry)
    if account is None:
        raise VerificationError("There is no entry, and so no account.")
    return account


def equity(account: Account) -> float:
    """Cash and positions at their last close; NaN where one has never been seen to close."""
    worth = 0.0
    for symbol, position in account.positions.items():
        mark = account.marks.get(symbol)
        worth += position.units * (math.nan if mark is None else mark.close)
    return account.cash + worth


def _opened(entry: Entry) -> Account:
    if not isinstance(entry.what, Opened):
        raise VerificationError(
            f"The first entry of an account opens it, but this is {type(entry.what).__name__}."
        )
    opened = entry.what
    return Account(entry.at, opened.currency, opened.mode, opened.profile, number=entry.number)


def _cash_moved(account: Account, _: datetime, what: CashMoved) -> Change:
    """The breakers measure which share was lost, and moving cash loses nothing: what they compare
    with grows or shrinks as the equity does."""
    guard, before = account.guard, equity(account)
    after = before + what.amount
    known = before > 0.0 and after > 0.0
    return Change(
        cash=account.cash + what.amount,
        deposited=account.deposited + what.amount,
        guard=replace(
            guard,
            high=guard.high * after / before if known else after,
            day_equity=guard.day_equity * after / before if known else after,
        ),
    )


def _reset(account: Account, _: datetime, what: Reset) -> Change:
    if account.orders:
        raise VerificationError(
            f"A reset leaves order {min(account.orders)} open; orders end before it."
        )
    guard = replace(account.guard, high=what.capital, day_equity=what.capital, losses=0)
    return Change(
        cash=what.capital,
        deposited=what.capital,
        realised=0.0,
        fees=0.0,
        dividends=0.0,
        borrowing=0.0,
        positions={},
        guard=guard,
    )


def _placed(account: Account, _: datetime, what: OrderPlaced) -> Change:
    order = what.order
    if order.id in account.orders:
        raise VerificationError(f"Order {order.id} of {order.symbol} was placed already.")
    if order.status not in {Status.HELD, Status.WORKING} or order.left != order.quantity:
        raise VerificationError(
            f"Order {order.id} of {order.symbol} is placed as {order.status} with {order.filled} "
            "units filled. A new order is working or held, and nothing of it has filled."
        )
    if not 0.0 < order.quantity < math.inf:
        raise VerificationError(f"Order {order.id} of {order.symbol} is for {order.quantity}.")
    return Change(orders=_with(account.orders, order.id, order), placed=account.placed + 1)


def _changed(account: Account, _: datetime, what: OrderChanged) -> Change:
    old, new = _open(account, what.order.id), what.order
    if (old.symbol, old.side, old.key, old.filled) != (new.symbol, new.side, new.key, new.filled):
        raise VerificationError(
            f"Order {new.id} of {new.symbol} changed its symbol, side, key or fills: {old} "
            f"became {new}."
        )
    if new.status is not old.status:
        moved(old, new.status)
    counted = abs(new.quantity - (new.filled + new.left)) <= DUST * max(1.0, new.quantity)
    if not 0.0 < new.left < math.inf or not counted or not new.open:
        raise VerificationError(
            f"Order {new.id} of {new.symbol} was changed to {new.quantity} units, {new.status}, "
            f"with {new.filled} filled and {new.left} left. A changed order is open, has something "
            "left, and its units add up."
        )
    return Change(orders=_with(account.orders, new.id, new))


def _ended(account: Account, _: datetime, what: OrderEnded) -> Change:
    order = moved(_open(account, what.order), what.status, what.why)
    if order.open or order.status is Status.FILLED:
        raise VerificationError(f"Order {order.id} of {order.symbol} cannot end as {order.status}.")
    return Change(orders=_with(account.orders, order.id, None))


def _filled(account: Account, at: datetime, what: Filled) -> Change:
    order = _open(account, what.order)
    if order.symbol != what.symbol or order.side.sign * what.units <= 0.0:
        raise VerificationError(
            f"Order {order.id} is to {order.side} {order.symbol}, but its fill is of "
            f"{what.units} {what.symbol}."
        )
    after = after_fill(order, abs(what.units), what.price, what.fees)
    position, profit = _traded(account.positions.get(what.symbol), at, what)
    mark = account.marks.get(what.symbol, Mark(at, what.price))
    return Change(
        orders=_with(account.orders, order.id, after if after.open else None),
        cash=account.cash - (what.units * what.price + what.fees),
        realised=account.realised + profit,
        fees=account.fees + what.fees,
        positions=_with(account.positions, what.symbol, position),
        marks={**account.marks, what.symbol: replace(mark, traded_at=at)},
    )


def _traded(held: Position | None, at: datetime, fill: Filled) -> tuple[Position | None, float]:
    """The position after a fill, None where nothing is left, and the profit that the fill took."""
    before = held or Position(0.0, 0.0, 0.0, at)
    units, cost, profit = settle(before.units, before.cost, fill.units, fill.price, fill.fees)
    if units == 0.0:
        return None, profit
    if before.units * units <= 0.0:
        return Position(units, cost, 0.0, at), profit
    return Position(units, cost, before.realised + profit, before.opened_at), profit


def _split(account: Account, _: datetime, what: SplitApplied) -> Change:
    ratio, position = what.ratio, account.positions.get(what.symbol)
    if not 0.0 < ratio < math.inf:
        raise VerificationError(f"A split of {what.symbol} into {ratio} is none.")
    if position is not None:
        position = replace(position, units=position.units * ratio, cost=position.cost / ratio)
    mark = account.marks.get(what.symbol)
    if mark is not None:
        mark = replace(mark, close=mark.close / ratio)
    return Change(
        positions=_with(account.positions, what.symbol, position),
        marks=_with(account.marks, what.symbol, mark),
        orders={
            id: rescaled(order, ratio) if order.symbol == what.symbol else order
            for id, order in account.orders.items()
        },
    )


def _dividend(account: Account, _: datetime, what: DividendPaid) -> Change:
    return Change(cash=account.cash + what.cash, dividends=account.dividends + what.cash)


def _borrowed(account: Account, _: datetime, what: BorrowCharged) -> Change:
    return Change(cash=account.cash - what.cash, borrowing=account.borrowing + what.cash)


def _bar_closed(account: Account, at: datetime, what: BarClosed) -> Change:
    marks = dict(account.marks)
    for symbol, close in what.closes.items():
        traded = marks[symbol].traded_at if symbol in marks else None
        marks[symbol] = Mark(at, close, traded)
    orders = {**account.orders}
    for id, best in what.best.items():
        orders[id] = replace(_open(account, id), best=best)
    return Change(marks=marks, orders=orders, guard=what.guard)


def _guard_changed(_: Account, __: datetime, what: GuardChanged) -> Change:
    return Change(guard=what.guard)


def _switched(_: Account, __: datetime, what: Switched) -> Change:
    return Change(mode=what.mode, profile=what.profile)


_CHANGES: Mapping[type, Callable[[Account, datetime, Any], Change]] = {
    CashMoved: _cash_moved,
    Reset: _reset,
    OrderPlaced: _placed,
    OrderChanged: _changed,
    OrderEnded: _ended,
    Filled: _filled,
    SplitApplied: _split,
    DividendPaid: _dividend,
    BorrowCharged: _borrowed,
    BarClosed: _bar_closed,
    GuardChanged: _guard_changed,
    Switched: _switched,
}


def _open(account: Account, id: str) -> Order:
    if id not in account.orders:
        raise VerificationError(f"Order {id} is not open in this account.")
    return account.orders[id]


def _with(values: Mapping[str, T], key: str, value: T | None) -> dict[str, T]:
    """The values with another one at `key`, or without it where that is None."""
    kept = dict(values)
    if value is None:
        kept.pop(key, None)
    else:
        kept[key] = value
    return kept
