"""The ledger: an account as the result of its entries, and what each entry does.

Promises that the same entries make the same account to the bit, on any machine, and that an entry
which cannot follow the ones before it is refused, never adjusted. Positions carry their average
cost with fees; tax lots, first in first out, are in `domain/trading/lots.py`.

Two identities always hold, to rounding. Cash is deposits less the cost of fills, plus dividends,
less borrowing. Equity is deposits plus realised and unrealised profit plus what was received.

Leaves out where entries come from (`trading/account/paper_account.py`), where they are stored, and
whether a stored account agrees with its entries (`trading/account/reconciliation.py`).
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypedDict, TypeVar

from domain.errors import VerificationError
from domain.trading.account import (
    Account,
    AccountEntry,
    AccountOpened,
    AccountReset,
    AccountSettingsChanged,
    BarClosed,
    BorrowFeeCharged,
    CashTransferred,
    DividendPaid,
    LastBar,
    OrderClosed,
    OrderFilled,
    OrderSubmitted,
    OrderUpdated,
    Position,
    RiskState,
    SplitApplied,
    TradingMode,
    TradingStateChanged,
)
from domain.trading.orders import DUST, Order, OrderStatus, adjust_for_split, apply_fill, transition
from trading.kernels import position_after_fill

T = TypeVar("T")


class AccountChanges(TypedDict, total=False):
    """The fields of an account that an entry changes."""

    mode: TradingMode
    profile: str
    cash: float
    deposited: float
    realised: float
    fees: float
    dividends: float
    borrowing: float
    positions: Mapping[str, Position]
    last_bars: Mapping[str, LastBar]
    orders: Mapping[str, Order]
    order_count: int
    risk: RiskState


def apply(account: Account | None, entry: AccountEntry) -> Account:
    """Return the account after `entry`; None is the account before its first entry, which opens it.

    Raises VerificationError for an entry out of sequence, or one that cannot happen to this
    account.
    """
    expected = 1 if account is None else account.entry_count + 1
    if entry.number != expected:
        raise VerificationError(
            f"Entry {entry.number} cannot follow: the next of this account is {expected}."
        )
    if account is None:
        return _opened_account(entry)
    handler = _HANDLERS.get(type(entry.event))
    if handler is None:
        raise VerificationError(f"Entry {entry.number} opens an account that is open already.")
    return replace(account, entry_count=entry.number, **handler(account, entry.at, entry.event))


def fold(entries: Iterable[AccountEntry]) -> Account:
    """Return the account that results from all of its entries. Raises VerificationError as `apply`
    does, and if there is no entry at all."""
    account = None
    for entry in entries:
        account = apply(account, entry)
    if account is None:
        raise VerificationError("There is no entry, and so no account.")
    return account


def equity(account: Account) -> float:
    """Return cash plus positions at their last close; NaN if a position has never had a close."""
    value = 0.0
    for symbol, position in account.positions.items():
        last_bar = account.last_bars.get(symbol)
        value += position.quantity * (math.nan if last_bar is None else last_bar.close)
    return account.cash + value


def _opened_account(entry: AccountEntry) -> Account:
    if not isinstance(entry.event, AccountOpened):
        raise VerificationError(
            f"The first entry of an account opens it, but this is {type(entry.event).__name__}."
        )
    opened = entry.event
    return Account(entry.at, opened.currency, opened.mode, opened.profile, entry_count=entry.number)


def _cash_transferred(account: Account, _: datetime, event: CashTransferred) -> AccountChanges:
    """Move cash. The breakers measure the fraction lost, and a transfer is not a loss: the figures
    they compare with grow or shrink in proportion to the equity."""
    risk, before = account.risk, equity(account)
    after = before + event.amount
    known = before > 0.0 and after > 0.0
    return AccountChanges(
        cash=account.cash + event.amount,
        deposited=account.deposited + event.amount,
        risk=replace(
            risk,
            peak_equity=risk.peak_equity * after / before if known else after,
            day_equity=risk.day_equity * after / before if known else after,
        ),
    )


def _account_reset(account: Account, _: datetime, event: AccountReset) -> AccountChanges:
    if account.orders:
        raise VerificationError(
            f"A reset leaves order {min(account.orders)} open; orders end before it."
        )
    risk = replace(account.risk, peak_equity=event.capital, day_equity=event.capital, losses=0)
    return AccountChanges(
        cash=event.capital,
        deposited=event.capital,
        realised=0.0,
        fees=0.0,
        dividends=0.0,
        borrowing=0.0,
        positions={},
        risk=risk,
    )


def _order_submitted(account: Account, _: datetime, event: OrderSubmitted) -> AccountChanges:
    order = event.order
    if order.id in account.orders:
        raise VerificationError(f"Order {order.id} of {order.symbol} was placed already.")
    if (
        order.status not in {OrderStatus.ACCEPTED, OrderStatus.WORKING}
        or order.remaining != order.quantity
    ):
        raise VerificationError(
            f"Order {order.id} of {order.symbol} is placed as {order.status} with {order.filled} "
            "units filled. A new order is working or held, and nothing of it has filled."
        )
    if not 0.0 < order.quantity < math.inf:
        raise VerificationError(f"Order {order.id} of {order.symbol} is for {order.quantity}.")
    return AccountChanges(
        orders=_with_item(account.orders, order.id, order), order_count=account.order_count + 1
    )


def _order_updated(account: Account, _: datetime, event: OrderUpdated) -> AccountChanges:
    old, new = _open_order(account, event.order.id), event.order
    if (old.symbol, old.side, old.key, old.filled) != (new.symbol, new.side, new.key, new.filled):
        raise VerificationError(
            f"Order {new.id} of {new.symbol} changed its symbol, side, key or fills: {old} "
            f"became {new}."
        )
    if new.status is not old.status:
        transition(old, new.status)
    counted = abs(new.quantity - (new.filled + new.remaining)) <= DUST * max(1.0, new.quantity)
    if not 0.0 < new.remaining < math.inf or not counted or not new.is_open:
        raise VerificationError(
            f"Order {new.id} of {new.symbol} was changed to {new.quantity} units, {new.status}, "
            f"with {new.filled} filled and {new.remaining} left. A changed order is open, has "
            "something left, and its units add up."
        )
    return AccountChanges(orders=_with_item(account.orders, new.id, new))


def _order_closed(account: Account, _: datetime, event: OrderClosed) -> AccountChanges:
    order = transition(_open_order(account, event.order_id), event.status, event.reason)
    if order.is_open or order.status is OrderStatus.FILLED:
        raise VerificationError(f"Order {order.id} of {order.symbol} cannot end as {order.status}.")
    return AccountChanges(orders=_with_item(account.orders, order.id, None))


def _order_filled(account: Account, at: datetime, event: OrderFilled) -> AccountChanges:
    order = _open_order(account, event.order_id)
    if order.symbol != event.symbol or order.side.sign * event.quantity <= 0.0:
        raise VerificationError(
            f"Order {order.id} is to {order.side} {order.symbol}, but its fill is of "
            f"{event.quantity} {event.symbol}."
        )
    after = apply_fill(order, abs(event.quantity), event.price, event.total_fees)
    position, profit = _position_after(account.positions.get(event.symbol), at, event)
    last_bar = account.last_bars.get(event.symbol, LastBar(at, event.price))
    return AccountChanges(
        orders=_with_item(account.orders, order.id, after if after.is_open else None),
        cash=account.cash - (event.quantity * event.price + event.total_fees),
        realised=account.realised + profit,
        fees=account.fees + event.total_fees,
        positions=_with_item(account.positions, event.symbol, position),
        last_bars={**account.last_bars, event.symbol: replace(last_bar, traded_at=at)},
    )


def _position_after(
    position: Position | None, at: datetime, fill: OrderFilled
) -> tuple[Position | None, float]:
    """Return the position after a fill, None if nothing is left, and the profit that the fill
    realised."""
    before = position or Position(0.0, 0.0, 0.0, at)
    quantity, cost, profit = position_after_fill(
        before.quantity, before.average_cost, fill.quantity, fill.price, fill.total_fees
    )
    if quantity == 0.0:
        return None, profit
    if before.quantity * quantity <= 0.0:
        return Position(quantity, cost, 0.0, at), profit
    return Position(quantity, cost, before.realised + profit, before.opened_at), profit


def _split_applied(account: Account, _: datetime, event: SplitApplied) -> AccountChanges:
    ratio, position = event.ratio, account.positions.get(event.symbol)
    if not 0.0 < ratio < math.inf:
        raise VerificationError(f"A split of {event.symbol} into {ratio} is none.")
    if position is not None:
        position = replace(
            position, quantity=position.quantity * ratio, average_cost=position.average_cost / ratio
        )
    last_bar = account.last_bars.get(event.symbol)
    if last_bar is not None:
        last_bar = replace(last_bar, close=last_bar.close / ratio)
    return AccountChanges(
        positions=_with_item(account.positions, event.symbol, position),
        last_bars=_with_item(account.last_bars, event.symbol, last_bar),
        orders={
            id: adjust_for_split(order, ratio) if order.symbol == event.symbol else order
            for id, order in account.orders.items()
        },
    )


def _dividend_paid(account: Account, _: datetime, event: DividendPaid) -> AccountChanges:
    return AccountChanges(cash=account.cash + event.cash, dividends=account.dividends + event.cash)


def _borrow_fee_charged(account: Account, _: datetime, event: BorrowFeeCharged) -> AccountChanges:
    return AccountChanges(cash=account.cash - event.cash, borrowing=account.borrowing + event.cash)


def _bar_closed(account: Account, at: datetime, event: BarClosed) -> AccountChanges:
    last_bars = dict(account.last_bars)
    for symbol, close in event.closes.items():
        traded = last_bars[symbol].traded_at if symbol in last_bars else None
        last_bars[symbol] = LastBar(at, close, traded)
    orders = {**account.orders}
    for id, best in event.best_prices.items():
        orders[id] = replace(_open_order(account, id), best_price=best)
    return AccountChanges(last_bars=last_bars, orders=orders, risk=event.risk)


def _trading_state_changed(_: Account, __: datetime, event: TradingStateChanged) -> AccountChanges:
    return AccountChanges(risk=event.risk)


def _settings_changed(_: Account, __: datetime, event: AccountSettingsChanged) -> AccountChanges:
    return AccountChanges(mode=event.mode, profile=event.profile)


_HANDLERS: Mapping[type, Callable[[Account, datetime, Any], AccountChanges]] = {
    CashTransferred: _cash_transferred,
    AccountReset: _account_reset,
    OrderSubmitted: _order_submitted,
    OrderUpdated: _order_updated,
    OrderClosed: _order_closed,
    OrderFilled: _order_filled,
    SplitApplied: _split_applied,
    DividendPaid: _dividend_paid,
    BorrowFeeCharged: _borrow_fee_charged,
    BarClosed: _bar_closed,
    TradingStateChanged: _trading_state_changed,
    AccountSettingsChanged: _settings_changed,
}


def _open_order(account: Account, id: str) -> Order:
    if id not in account.orders:
        raise VerificationError(f"Order {id} is not open in this account.")
    return account.orders[id]


def _with_item(values: Mapping[str, T], key: str, value: T | None) -> dict[str, T]:
    """Return a copy with `value` at `key`, or without that key if `value` is None."""
    copy = dict(values)
    if value is None:
        copy.pop(key, None)
    else:
        copy[key] = value
    return copy
