"""A paper account that is opened, buys, sells and meets bars, for the tests of storage."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from domain.trading.account import (
    Account,
    BarClosed,
    CashMoved,
    Filled,
    Guard,
    Happening,
    Mode,
    Opened,
    OrderPlaced,
)
from domain.trading.orders import Kind, Order, Side, Source, Status, Term
from domain.trading.transactions import Act, Booked, Request
from storage.accounts.account_log import Accounts
from storage.database import Database
from tests.storage.samples import START, day
from trading.account import ledger

HERE = ("files", "live")
CAPITAL = 100_000.0


def accounts(database: Database) -> Accounts:
    return Accounts(database, ledger.apply)


def order(number: int = 1, symbol: str = "AAPL", **changed: Any) -> Order:
    made: dict[str, Any] = {
        "id": f"o{number}",
        "key": f"key {number}",
        "symbol": symbol,
        "side": Side.BUY,
        "kind": Kind.MARKET,
        "quantity": 10.0,
        "term": Term.GTC,
        "source": Source.MANUAL,
        "placed_at": day(0),
        "note": '<b>"Ä\x00 \u202e',
    }
    return Order(**{**made, **changed})


def fill(of: Order, units: float = 10.0, price: float = 100.1) -> Filled:
    return Filled(of.id, of.symbol, of.side.sign * units, price, 0.1, 0.3, "open", 0.02)


def bar(
    equity: float = CAPITAL, best: dict[str, float] | None = None, **closes: float
) -> BarClosed:
    return BarClosed(closes, equity, Guard(high=equity), best or {})


def says(*happenings: Happening) -> Act:
    return lambda _: happenings


def opened(to: Accounts, where: tuple[str, str] = HERE, at: datetime = START) -> Booked:
    return to.transact(
        *where, at, says(Opened("USD", Mode.AUTO, "balanced"), CashMoved(CAPITAL, ""))
    )


def place(
    to: Accounts,
    placed: Order,
    content: str = "a",
    at: datetime = START,
    where: tuple[str, str] = HERE,
) -> Booked:
    """As a request whose digest is `content`."""
    request = Request(placed.key, content)
    return to.transact(*where, at, says(OrderPlaced(placed)), request=request)


def lively(to: Accounts, where: tuple[str, str] = HERE) -> Account:
    """An account with orders in several states, fills and marks: 13 entries, rows in all tables."""
    opened(to, where)
    for number, symbol in enumerate(("AAPL", "MSFT", "XOM", "AAPL"), start=1):
        place(to, order(number, symbol), where=where)
    trailing = order(5, "MSFT", side=Side.SELL, kind=Kind.TRAILING_STOP, trail=2.0)
    held = order(6, "AAPL", side=Side.SELL, status=Status.HELD, parent="o1")
    to.transact(*where, day(0), says(OrderPlaced(trailing), OrderPlaced(held)))
    first: Sequence[Happening] = (
        fill(order(1)),
        fill(order(2, "MSFT"), 4.0, 250.3),
        bar(99_000.0, {"o5": 251.0}, AAPL=101.0, MSFT=249.0),
    )
    to.transact(*where, day(1), says(*first))
    second = (fill(order(2, "MSFT"), 6.0, 249.7), bar(99_500.0, AAPL=102.0, MSFT=252.0))
    return to.transact(*where, day(2), says(*second)).account
