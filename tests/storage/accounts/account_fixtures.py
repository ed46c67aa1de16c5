"""A paper account that is opened, buys, sells and processes bars, for the tests of storage."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from domain.trading.account import (
    Account,
    AccountEvent,
    AccountOpened,
    BarClosed,
    CashTransferred,
    OrderFilled,
    OrderSubmitted,
    RiskState,
    TradingMode,
)
from domain.trading.orders import Order, OrderSource, OrderStatus, OrderType, Side, TimeInForce
from domain.trading.transactions import AccountCommand, ClientRequest, TransactionResult
from storage.accounts.account_log import SqlAccountLog
from storage.database import Database
from tests.storage.samples import START, day
from trading.account import ledger

ACCOUNT = ("files", "live")
CAPITAL = 100_000.0


def account_log(database: Database) -> SqlAccountLog:
    return SqlAccountLog(database, ledger.apply)


def order(number: int = 1, symbol: str = "AAPL", **changed: Any) -> Order:
    market_order = Order(
        id=f"o{number}",
        key=f"key {number}",
        symbol=symbol,
        side=Side.BUY,
        order_type=OrderType.MARKET,
        quantity=10.0,
        time_in_force=TimeInForce.GTC,
        source=OrderSource.MANUAL,
        submitted_at=day(0),
        note='<b>"Ä\x00 \u202e',
    )
    return replace(market_order, **{"remaining": math.nan, **changed})


def fill(of: Order, quantity: float = 10.0, price: float = 100.1) -> OrderFilled:
    return OrderFilled(of.id, of.symbol, of.side.sign * quantity, price, 0.1, 0.3, "open", 0.02)


def closed_bar(
    equity: float = CAPITAL, best: dict[str, float] | None = None, **closes: float
) -> BarClosed:
    return BarClosed(closes, equity, RiskState(peak_equity=equity), best or {})


def append_command(*events: AccountEvent) -> AccountCommand:
    return lambda _: events


def open_account(
    store: SqlAccountLog, where: tuple[str, str] = ACCOUNT, at: datetime = START
) -> TransactionResult:
    return store.transact(
        *where,
        at,
        append_command(
            AccountOpened("USD", TradingMode.AUTO, "balanced"), CashTransferred(CAPITAL, "")
        ),
    )


def place(
    store: SqlAccountLog,
    submitted: Order,
    content: str = "a",
    at: datetime = START,
    where: tuple[str, str] = ACCOUNT,
) -> TransactionResult:
    """As a request whose digest is `content`."""
    request = ClientRequest(submitted.key, content)
    return store.transact(*where, at, append_command(OrderSubmitted(submitted)), request=request)


def active_account(store: SqlAccountLog, where: tuple[str, str] = ACCOUNT) -> Account:
    """An account with orders in several states, fills, equity points: 13 entries, rows in all
    tables."""
    open_account(store, where)
    for number, symbol in enumerate(("AAPL", "MSFT", "XOM", "AAPL"), start=1):
        place(store, order(number, symbol), where=where)
    trailing = order(
        5, "MSFT", side=Side.SELL, order_type=OrderType.TRAILING_STOP, trail_amount=2.0
    )
    contingent = order(6, "AAPL", side=Side.SELL, status=OrderStatus.ACCEPTED, parent="o1")
    store.transact(
        *where, day(0), append_command(OrderSubmitted(trailing), OrderSubmitted(contingent))
    )
    first: Sequence[AccountEvent] = (
        fill(order(1)),
        fill(order(2, "MSFT"), 4.0, 250.3),
        closed_bar(99_000.0, {"o5": 251.0}, AAPL=101.0, MSFT=249.0),
    )
    store.transact(*where, day(1), append_command(*first))
    second = (fill(order(2, "MSFT"), 6.0, 249.7), closed_bar(99_500.0, AAPL=102.0, MSFT=252.0))
    return store.transact(*where, day(2), append_command(*second)).account
