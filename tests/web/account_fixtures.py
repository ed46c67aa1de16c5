"""A paper account with a past, written entry by entry through the real ledger and the real store.

It trades the demo market's own closes, so that pages have something true to show; no order meets a
bar here: `orchestrator/account/service.py` is for that.
"""

from datetime import datetime, timedelta

from domain.timeframe import Timeframe
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
from domain.trading.lots import RoundTrip
from domain.trading.orders import Order, OrderSource, OrderType, Side, TimeInForce
from storage.accounts.account_log import SqlAccountLog
from storage.accounts.blotter import SqlBlotter
from storage.database import Database
from storage.market_data.sql_store import SqlMarketDataStore
from trading.account import ledger

CAPITAL = 100_000.0
HELD_SYMBOLS = ("AAPL", "JPM", "BTC-USD")
"""Symbols that are still held at the end."""


class AccountFixture:
    """The account of the demo market's run, changed by the tests."""

    def __init__(self, database: Database, run: str = "live") -> None:
        self.accounts = SqlAccountLog(database, ledger.apply)
        self.blotter = SqlBlotter(database, "demo", run)
        self.store = SqlMarketDataStore(database)
        self.run = run

    def account(self) -> Account:
        account = self.accounts.account("demo", self.run)
        assert account is not None
        return account

    def append(self, at: datetime, *events: AccountEvent) -> Account:
        result = self.accounts.transact("demo", self.run, at, lambda _: events)
        return result.account

    def open(self, at: datetime, mode: TradingMode = TradingMode.AUTO) -> Account:
        return self.append(
            at, AccountOpened("USD", mode, "balanced"), CashTransferred(CAPITAL, "opened")
        )

    def trade(
        self, at: datetime, symbol: str, quantity: float, price: float, receipt: str | None = None
    ) -> Account:
        """A market order that filled at once."""
        order = self.order(at, symbol, quantity, receipt=receipt)
        value = abs(quantity) * price
        fill = OrderFilled(order.id, symbol, quantity, price, value * 1e-4, value * 2e-4, "open")
        return self.append(at, OrderSubmitted(order), fill)

    def order(
        self,
        at: datetime,
        symbol: str,
        quantity: float,
        *,
        order_type: OrderType = OrderType.MARKET,
        stop_price: float | None = None,
        limit_price: float | None = None,
        receipt: str | None = None,
    ) -> Order:
        number = self.account().order_count + 1
        side = Side.BUY if quantity > 0 else Side.SELL
        return Order(
            id=f"order-{number}",
            key=f"key-{number}",
            symbol=symbol,
            side=side,
            order_type=order_type,
            quantity=abs(quantity),
            time_in_force=TimeInForce.GTC,
            source=OrderSource.COMMITTEE if receipt else OrderSource.MANUAL,
            submitted_at=at,
            stop_price=stop_price,
            limit_price=limit_price,
            reduce_only=stop_price is not None,
            receipt=receipt,
        )

    def close_bar(self, at: datetime, **closes: float) -> Account:
        """A row of bars is behind the account, and the breakers find nothing."""
        account = self.account()
        last = {symbol: bar.close for symbol, bar in account.last_bars.items()} | closes
        positions = account.positions.items()
        equity = account.cash + sum(p.quantity * last[symbol] for symbol, p in positions)
        before, day = account.risk, at.date()
        risk = RiskState(
            peak_equity=max(before.peak_equity, equity),
            day=day,
            day_equity=before.day_equity if before.day == day else self._equity(account),
            losses=before.losses,
        )
        return self.append(at, BarClosed(closes, equity, risk, {}))

    def _equity(self, account: Account) -> float:
        positions = account.positions.items()
        return account.cash + sum(
            p.quantity * account.last_bars[symbol].close for symbol, p in positions
        )

    def round_trips(self) -> tuple[RoundTrip, ...]:
        return self.blotter.round_trips()


def build_account_history(database: Database, now: datetime, days: int = 60) -> AccountFixture:
    """Buys and sells over `days` days before `now`: two wins or losses in each symbol that is
    closed, a stop under one that is held."""
    account = AccountFixture(database)
    start = now - timedelta(days=days)
    closes = _closes(account.store, start, now)
    instants = sorted({at for of in closes.values() for at in of})
    account.open(instants[0] - timedelta(hours=1))
    for place, at in enumerate(instants):
        row = {symbol: of[at] for symbol, of in closes.items() if at in of}
        for number, (symbol, price) in enumerate(sorted(row.items())):
            turn = (place + 3 * number) % 20
            position = account.account().positions.get(symbol)
            if turn == 2:
                account.trade(at, symbol, round(8_000 / price, 4), price * 1.0002)
            elif (
                turn == 12
                and position
                and not (symbol in HELD_SYMBOLS and place > len(instants) - 20)
            ):
                account.trade(at, symbol, -position.quantity, price * 0.9998)
        account.close_bar(at, **row)
    for symbol in HELD_SYMBOLS:
        if symbol not in account.account().positions:
            price = account.account().last_bars[symbol].close
            account.trade(now, symbol, round(8_000 / price, 4), price)
    stop_price = account.account().last_bars["AAPL"].close * 0.9
    quantity = account.account().positions["AAPL"].quantity
    order = account.order(
        now, "AAPL", -quantity, order_type=OrderType.STOP, stop_price=round(stop_price, 2)
    )
    account.append(now, OrderSubmitted(order))
    return account


def _closes(
    store: SqlMarketDataStore, start: datetime, end: datetime
) -> dict[str, dict[datetime, float]]:
    found: dict[str, dict[datetime, float]] = {}
    for symbol in ("AAPL", "MSFT", "NVDA", "JPM", "XOM", "BTC-USD"):
        frame = store.bars("demo", symbol, Timeframe.D1, start, end)
        closed = [stamp.to_pydatetime().replace(hour=21) for stamp in frame["at"]]
        found[symbol] = {
            at: float(close) for at, close in zip(closed, frame["close"], strict=True) if at <= end
        }
    return found
