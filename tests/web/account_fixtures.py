"""A paper account with a past, written entry by entry through the real ledger and the real store.

It trades the demo market's own closes, so that pages have something true to show; no order meets a
bar here, that is what the floor is for.
"""

from datetime import datetime, timedelta

from domain.timeframe import Timeframe
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
from domain.trading.lots import Trip
from domain.trading.orders import Kind, Order, Side, Source, Term
from storage.accounts.account_log import Accounts
from storage.accounts.blotter import Blotter
from storage.database import Database
from storage.market_data.sql_store import SqlLibrary
from trading.account import ledger

CAPITAL = 100_000.0
HELD = ("AAPL", "JPM", "BTC-USD")
"""Symbols that are still held at the end."""


class Books:
    """The account of the demo market's run, moved by hand."""

    def __init__(self, database: Database, run: str = "live") -> None:
        self.accounts = Accounts(database, ledger.apply)
        self.blotter = Blotter(database, "demo", run)
        self.library = SqlLibrary(database)
        self.run = run

    def account(self) -> Account:
        account = self.accounts.account("demo", self.run)
        assert account is not None
        return account

    def enter(self, at: datetime, *happenings: Happening) -> Account:
        booked = self.accounts.transact("demo", self.run, at, lambda _: happenings)
        return booked.account

    def open(self, at: datetime, mode: Mode = Mode.AUTO) -> Account:
        return self.enter(at, Opened("USD", mode, "balanced"), CashMoved(CAPITAL, "opened"))

    def trade(
        self, at: datetime, symbol: str, units: float, price: float, receipt: str | None = None
    ) -> Account:
        """A market order that filled at once."""
        order = self.order(at, symbol, units, receipt=receipt)
        value = abs(units) * price
        fill = Filled(order.id, symbol, units, price, value * 1e-4, value * 2e-4, "open")
        return self.enter(at, OrderPlaced(order), fill)

    def order(
        self,
        at: datetime,
        symbol: str,
        units: float,
        *,
        kind: Kind = Kind.MARKET,
        stop: float | None = None,
        limit: float | None = None,
        receipt: str | None = None,
    ) -> Order:
        number = self.account().placed + 1
        side = Side.BUY if units > 0 else Side.SELL
        return Order(
            id=f"order-{number}", key=f"key-{number}", symbol=symbol, side=side,
            kind=kind, quantity=abs(units), term=Term.GTC,
            source=Source.COMMITTEE if receipt else Source.MANUAL, placed_at=at, stop=stop,
            limit=limit, reduce_only=stop is not None, receipt=receipt,
        )  # fmt: skip

    def close(self, at: datetime, **closes: float) -> Account:
        """A row of bars is behind the account, and the breakers find nothing."""
        account = self.account()
        last = {symbol: mark.close for symbol, mark in account.marks.items()} | closes
        held = account.positions.items()
        equity = account.cash + sum(p.units * last[symbol] for symbol, p in held)
        before, day = account.guard, at.date()
        guard = Guard(
            high=max(before.high, equity),
            day=day,
            day_equity=before.day_equity if before.day == day else self._equity(account),
            losses=before.losses,
        )
        return self.enter(at, BarClosed(closes, equity, guard, {}))

    def _equity(self, account: Account) -> float:
        held = account.positions.items()
        return account.cash + sum(p.units * account.marks[symbol].close for symbol, p in held)

    def trips(self) -> tuple[Trip, ...]:
        return self.blotter.trips()


def keep_books(database: Database, now: datetime, days: int = 60) -> Books:
    """Buys and sells over `days` days before `now`: two wins or losses in each symbol that is
    closed, a stop under one that is held."""
    books = Books(database)
    start = now - timedelta(days=days)
    closes = _closes(books.library, start, now)
    instants = sorted({at for of in closes.values() for at in of})
    books.open(instants[0] - timedelta(hours=1))
    for place, at in enumerate(instants):
        row = {symbol: of[at] for symbol, of in closes.items() if at in of}
        for number, (symbol, price) in enumerate(sorted(row.items())):
            turn = (place + 3 * number) % 20
            held = books.account().positions.get(symbol)
            if turn == 2:
                books.trade(at, symbol, round(8_000 / price, 4), price * 1.0002)
            elif turn == 12 and held and not (symbol in HELD and place > len(instants) - 20):
                books.trade(at, symbol, -held.units, price * 0.9998)
        books.close(at, **row)
    for symbol in HELD:
        if symbol not in books.account().positions:
            price = books.account().marks[symbol].close
            books.trade(now, symbol, round(8_000 / price, 4), price)
    stop = books.account().marks["AAPL"].close * 0.9
    units = books.account().positions["AAPL"].units
    order = books.order(now, "AAPL", -units, kind=Kind.STOP, stop=round(stop, 2))
    books.enter(now, OrderPlaced(order))
    return books


def _closes(
    library: SqlLibrary, start: datetime, end: datetime
) -> dict[str, dict[datetime, float]]:
    found: dict[str, dict[datetime, float]] = {}
    for symbol in ("AAPL", "MSFT", "NVDA", "JPM", "XOM", "BTC-USD"):
        frame = library.bars("demo", symbol, Timeframe.D1, start, end)
        closed = [stamp.to_pydatetime().replace(hour=21) for stamp in frame["at"]]
        found[symbol] = {
            at: float(close) for at, close in zip(closed, frame["close"], strict=True) if at <= end
        }
    return found
