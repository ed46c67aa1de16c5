"""Random orders on a paper account: of every type, amended, cancelled, on volatile bars, with
splits, deposits and emergency stops in between. And what must hold afterwards, computed from the
entries alone.

`python -m tests.trading.random_orders_stress 1000000` goes on until there were so many order and
fill events, and prints how many of each.
"""

import math
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import numpy as np

from domain.instants import from_microseconds
from domain.panel import BarMatrix
from domain.trading.account import (
    Account,
    AccountEntry,
    AccountOpened,
    BorrowFeeCharged,
    CashTransferred,
    DividendPaid,
    OrderClosed,
    OrderFilled,
    OrderSubmitted,
    OrderUpdated,
    SplitApplied,
    TradingMode,
)
from domain.trading.lots import match_entries
from domain.trading.orders import (
    TRANSITIONS,
    OrderStatus,
    OrderType,
    Side,
    Ticket,
    TimeInForce,
    resize,
)
from tests.trading.bar_matrices import first_rows, random_walk
from trading.account.ledger import apply, equity, fold
from trading.account.paper_account import TargetRequest, apply_bars, place_targets
from trading.account.reconciliation import differences
from trading.limits import LimitSettings, TradingSettings
from trading.orders import manual_orders

EVENTS = (OrderSubmitted, OrderUpdated, OrderClosed, OrderFilled)
SYMBOLS = ("AAPL", "BTC-USD", "ETH-USD", "MSFT")


class RandomOrdersStress:
    """One seed: `rows` rows of bars, with about `orders` orders a row."""

    def __init__(self, seed: int, rows: int = 30, orders: int = 6) -> None:
        self.rng = np.random.default_rng(seed)
        self.matrix: BarMatrix = random_walk(seed, rows, SYMBOLS)
        self.orders = orders
        self.settings = TradingSettings(
            limits=LimitSettings(
                shorting=bool(seed % 2),
                stop_loss=(None, 0.05)[seed // 2 % 2],
                take_profit=(None, 0.05)[seed // 4 % 2],
                trailing=(None, 0.04)[seed // 8 % 2],
                flatten=bool(seed // 16 % 2),
                losses=None,
                drawdown=None,
                daily_loss=None,
            )
        )
        self.split_error = 0.0
        self.account = Account(self.at(0), "USD", TradingMode.AUTO, "balanced")
        opening = (
            AccountOpened("USD", TradingMode.AUTO, "balanced"),
            CashTransferred(100_000.0, ""),
        )
        self.entries = [AccountEntry(n, self.at(0), what) for n, what in enumerate(opening, 1)]
        self.account = fold(self.entries)

    def at(self, row: int) -> datetime:
        return from_microseconds(
            self.matrix.known_at.astype("datetime64[us]").astype(np.int64)[row]
        )

    def append(self, entries: Sequence[AccountEntry]) -> None:
        for entry in entries:
            before = self.account
            self.account = apply(before, entry)
            if isinstance(entry.event, SplitApplied):
                change = abs(equity(self.account) - equity(before)) / max(equity(before), 1.0)
                self.split_error = max(self.split_error, change)
        self.entries += entries

    def run(self) -> "RandomOrdersStress":
        for row in range(len(self.matrix.known_at)):
            splits = self._random_split(row) if row else {}
            applied = apply_bars(
                self.account, first_rows(self.matrix, row + 1), self.settings, splits
            )
            self.append(applied.entries)
            self._check_fill_prices(row, applied.entries)
            self._random_actions(row)
        return self

    def _check_fill_prices(self, row: int, entries: Sequence[AccountEntry]) -> None:
        """No fill outside the range that the bar traded, and none beyond the volume cap."""
        taken = dict.fromkeys(SYMBOLS, 0.0)
        for entry in entries:
            if isinstance(entry.event, OrderFilled):
                n = SYMBOLS.index(entry.event.symbol)
                assert self.matrix.low[row, n] <= entry.event.price <= self.matrix.high[row, n]
                taken[entry.event.symbol] += abs(entry.event.quantity)
        cap = self.settings.costs.volume_cap
        for n, units in enumerate(taken.values()):
            assert units <= 1e-6 or units <= cap * self.matrix.volume[row, n] + 1e-6

    def _random_split(self, row: int) -> dict[str, float]:
        """Now and then the past is told in other units."""
        if self.rng.random() > 0.1:
            return {}
        n, ratio = int(self.rng.integers(len(SYMBOLS))), float(self.rng.choice([2.0, 0.1, 1.5]))
        for name in ("open", "high", "low", "close", "dividend"):
            getattr(self.matrix, name)[:, n] /= ratio
        self.matrix.volume[:, n] *= ratio
        return {SYMBOLS[n]: ratio}

    def _random_actions(self, row: int) -> None:
        at, rng = self.at(row), self.rng
        for n in range(int(rng.integers(2 * self.orders))):
            self.append(
                manual_orders.place(self.account, self._random_ticket(), key=f"{row} {n}", at=at)
            )
        for id in list(self.account.orders):
            if id not in self.account.orders:
                continue
            draw, order = rng.random(), self.account.orders[id]
            if draw < 0.05:
                self.append(manual_orders.cancel(self.account, id, at))
            elif draw < 0.10 and order.parent is None:
                resized_order = resize(
                    order, order.filled + order.remaining * float(rng.uniform(0.5, 2.0))
                )
                self.append(manual_orders.amend(self.account, resized_order, at))
        targets = {
            symbol: TargetRequest(float(rng.choice([0.0, 0.1, 0.3])), 0.5)
            for n, symbol in enumerate(SYMBOLS)
            if not np.isnan(self.matrix.close[row, n]) and rng.random() < 0.5
        }
        self.append(place_targets(self.account, SYMBOLS, targets, at, self.settings))
        if rng.random() < 0.02:
            stop = manual_orders.emergency_stop(
                self.account, flatten=bool(rng.random() < 0.5), reason="", by="storm", at=at
            )
            self.append(stop)
        elif rng.random() < 0.3:
            self.append(manual_orders.resume_trading(self.account, by="storm", at=at))
        if rng.random() < 0.05:
            amount = round(float(rng.uniform(-0.1, 0.3)) * abs(self.account.cash), 2)
            self.append(
                [AccountEntry(self.account.entry_count + 1, at, CashTransferred(amount, ""))]
            )

    def _random_ticket(self) -> Ticket:
        rng = self.rng
        order_type, side = OrderType(rng.choice(list(OrderType))), Side(rng.choice(list(Side)))
        symbol = str(rng.choice(SYMBOLS))
        last_bar = self.account.last_bars.get(symbol)
        price = last_bar.close if last_bar else 100.0
        near_price = lambda: price * float(rng.uniform(0.93, 1.07))  # noqa: E731
        trails = order_type is OrderType.TRAILING_STOP
        bracket = order_type in {OrderType.MARKET, OrderType.LIMIT} and rng.random() < 0.3
        below, above = price * 0.95, price * 1.05
        loss, profit = (below, above) if side is Side.BUY else (above, below)
        return Ticket(
            symbol=symbol,
            side=side,
            order_type=order_type,
            quantity=float(rng.integers(1, 4_000_000)) * 1e-4,
            limit_price=near_price()
            if order_type in {OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT}
            else None,
            stop_price=near_price()
            if order_type in {OrderType.STOP, OrderType.STOP_LIMIT}
            else None,
            trail_amount=price * 0.03 if trails and rng.random() < 0.5 else None,
            trail_fraction=0.03 if trails else None,
            time_in_force=TimeInForce(rng.choice(list(TimeInForce))),
            reduce_only=not bracket and bool(rng.random() < 0.2),
            stop_loss=loss if bracket else None,
            take_profit=profit if bracket else None,
        )

    def check_invariants(self) -> None:
        """Everything that must hold of any account, from its entries alone."""
        rebuilt = fold(self.entries)
        assert rebuilt == self.account
        assert differences(self.account, rebuilt) == ()
        self._check_cash_and_quantities()
        self._check_statuses()
        assert self.split_error < 1e-12
        lots, _ = match_entries(self.entries)
        quantities = {
            symbol: position.quantity for symbol, position in self.account.positions.items()
        }
        for symbol in lots.keys() | quantities.keys():
            units = math.fsum(lot.quantity for lot in lots.get(symbol, ()))
            assert abs(units - quantities.get(symbol, 0.0)) < 1e-6

    def _check_cash_and_quantities(self) -> None:
        """Cash and units are what came in less what went out."""
        cash: list[float] = []
        quantities: dict[str, float] = {}
        for entry in self.entries:
            match entry.event:
                case CashTransferred(amount):
                    cash.append(amount)
                case DividendPaid(cash=paid):
                    cash.append(paid)
                case BorrowFeeCharged(cash=paid):
                    cash.append(-paid)
                case SplitApplied(symbol, ratio):
                    quantities[symbol] = quantities.get(symbol, 0.0) * ratio
                case OrderFilled() as fill:
                    cash += [-fill.quantity * fill.price, -fill.commission, -fill.residual_slippage]
                    quantities[fill.symbol] = quantities.get(fill.symbol, 0.0) + fill.quantity
        assert abs(math.fsum(cash) - self.account.cash) < 0.005
        for symbol, quantity in quantities.items():
            position = self.account.positions.get(symbol)
            assert abs(quantity - (position.quantity if position else 0.0)) < 1e-6, symbol
        opened = sum(p.quantity * p.average_cost for p in self.account.positions.values())
        account = self.account
        earned = account.realised + account.dividends - account.borrowing
        assert abs(account.deposited + earned - opened - account.cash) < 0.005

    def _check_statuses(self) -> None:
        """Each order is in one status at a time, goes only where it may, and fills no more than it
        is for; nothing fills before its time."""
        status: dict[str, OrderStatus] = {}
        remaining: dict[str, float] = {}
        submitted_at: dict[str, datetime] = {}
        for entry in self.entries:
            match entry.event:
                case OrderSubmitted(order):
                    assert order.id not in status
                    assert order.status in {OrderStatus.ACCEPTED, OrderStatus.WORKING}
                    status[order.id], remaining[order.id] = order.status, order.quantity
                    submitted_at[order.id] = order.submitted_at
                case OrderUpdated(order):
                    if order.status is not status[order.id]:
                        assert order.status in TRANSITIONS[status[order.id]]
                    status[order.id], remaining[order.id] = order.status, order.remaining
                    submitted_at[order.id] = order.submitted_at
                case OrderClosed(id, end):
                    assert end in TRANSITIONS[status[id]]
                    status[id] = end
                case OrderFilled() as fill:
                    remaining[fill.order_id] -= abs(fill.quantity)
                    assert remaining[fill.order_id] > -1e-6
                    assert entry.at >= submitted_at[fill.order_id]
                    new = (
                        OrderStatus.PARTIALLY_FILLED
                        if remaining[fill.order_id] > 1e-9
                        else OrderStatus.FILLED
                    )
                    assert new in TRANSITIONS[status[fill.order_id]]
                    status[fill.order_id] = new
                case SplitApplied(symbol, ratio):
                    for id in remaining:
                        remaining[id] *= ratio if self._symbol(id) == symbol else 1.0
        ended = {id for id, now in status.items() if not TRANSITIONS[now]}
        assert self.account.orders.keys() == status.keys() - ended

    def _symbol(self, id: str) -> str:
        placed = self.entries[int(id.split("-")[0][1:]) - 1].event
        assert isinstance(placed, OrderSubmitted)
        return placed.order.symbol


def main(event_count: int) -> None:
    began, seed, counts = time.perf_counter(), 0, Counter[str]()
    while sum(counts[kind.__name__] for kind in EVENTS) < event_count:
        stress = RandomOrdersStress(seed, rows=40, orders=12).run()
        stress.check_invariants()
        counts.update(type(entry.event).__name__ for entry in stress.entries)
        seed += 1
    took = time.perf_counter() - began
    events = sum(counts[kind.__name__] for kind in EVENTS)
    print(f"{events:,} order and fill events of {seed:,} accounts hold, in {took:.0f} s")
    for kind, count in counts.most_common():
        print(f"{count:>10,} {kind}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
