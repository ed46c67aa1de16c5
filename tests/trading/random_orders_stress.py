"""A storm over a paper account: orders of every kind, amended, cancelled, met by wild bars, with
splits, deposits and emergency stops in between. And what must hold after it, worked out again from
the entries alone.

`python -m tests.trading.random_orders_stress 1000000` rages until there were so many order and fill
events, and says what it saw.
"""

import math
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import numpy as np

from domain.bar_matrix import Tape
from domain.trading.account import (
    Account,
    BorrowCharged,
    CashMoved,
    DividendPaid,
    Entry,
    Filled,
    Mode,
    Opened,
    OrderChanged,
    OrderEnded,
    OrderPlaced,
    SplitApplied,
)
from domain.trading.lots import lots_and_trips
from domain.trading.orders import NEXT, Kind, Side, Status, Term, Ticket, resized
from tests.trading.bar_matrices import until, walk
from trading.account.account_arrays import moment
from trading.account.ledger import apply, equity, fold
from trading.account.paper_account import Wish, ask, meet
from trading.account.reconciliation import differences
from trading.limits import LimitSettings, TradingSettings
from trading.orders import manual_orders

EVENTS = (OrderPlaced, OrderChanged, OrderEnded, Filled)
SYMBOLS = ("AAPL", "BTC-USD", "ETH-USD", "MSFT")


class Storm:
    """One seed: `rows` rows of bars, with about `orders` orders a row."""

    def __init__(self, seed: int, rows: int = 30, orders: int = 6) -> None:
        self.dice = np.random.default_rng(seed)
        self.tape: Tape = walk(seed, rows, SYMBOLS)
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
        self.account = Account(self.at(0), "USD", Mode.AUTO, "balanced")
        opening = (Opened("USD", Mode.AUTO, "balanced"), CashMoved(100_000.0, ""))
        self.entries = [Entry(n, self.at(0), what) for n, what in enumerate(opening, 1)]
        self.account = fold(self.entries)

    def at(self, row: int) -> datetime:
        return moment(self.tape.known_at.astype("datetime64[us]").astype(np.int64)[row])

    def keep(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            before = self.account
            self.account = apply(before, entry)
            if isinstance(entry.what, SplitApplied):
                change = abs(equity(self.account) - equity(before)) / max(equity(before), 1.0)
                self.split_error = max(self.split_error, change)
        self.entries += entries

    def rage(self) -> "Storm":
        for row in range(len(self.tape.known_at)):
            splits = self._split(row) if row else {}
            met = meet(self.account, until(self.tape, row + 1), self.settings, splits)
            self.keep(met.entries)
            self._fair(row, met.entries)
            self._act(row)
        return self

    def _fair(self, row: int, entries: Sequence[Entry]) -> None:
        """No fill outside the range that the bar traded, and none beyond the volume cap."""
        taken = dict.fromkeys(SYMBOLS, 0.0)
        for entry in entries:
            if isinstance(entry.what, Filled):
                n = SYMBOLS.index(entry.what.symbol)
                assert self.tape.low[row, n] <= entry.what.price <= self.tape.high[row, n]
                taken[entry.what.symbol] += abs(entry.what.units)
        cap = self.settings.costs.volume_cap
        for n, units in enumerate(taken.values()):
            assert units <= 1e-6 or units <= cap * self.tape.volume[row, n] + 1e-6

    def _split(self, row: int) -> dict[str, float]:
        """Now and then the past is told in other units."""
        if self.dice.random() > 0.1:
            return {}
        n, ratio = int(self.dice.integers(len(SYMBOLS))), float(self.dice.choice([2.0, 0.1, 1.5]))
        for name in ("open", "high", "low", "close", "dividend"):
            getattr(self.tape, name)[:, n] /= ratio
        self.tape.volume[:, n] *= ratio
        return {SYMBOLS[n]: ratio}

    def _act(self, row: int) -> None:
        at, dice = self.at(row), self.dice
        for n in range(int(dice.integers(2 * self.orders))):
            self.keep(manual_orders.place(self.account, self._ticket(), key=f"{row} {n}", at=at))
        for id in list(self.account.orders):
            if id not in self.account.orders:
                continue
            luck, order = dice.random(), self.account.orders[id]
            if luck < 0.05:
                self.keep(manual_orders.cancel(self.account, id, at))
            elif luck < 0.10 and order.parent is None:
                more = resized(order, order.filled + order.left * float(dice.uniform(0.5, 2.0)))
                self.keep(manual_orders.amend(self.account, more, at))
        wishes = {
            symbol: Wish(float(dice.choice([0.0, 0.1, 0.3])), 0.5)
            for n, symbol in enumerate(SYMBOLS)
            if not np.isnan(self.tape.close[row, n]) and dice.random() < 0.5
        }
        self.keep(ask(self.account, SYMBOLS, wishes, at, self.settings))
        if dice.random() < 0.02:
            stop = manual_orders.emergency(
                self.account, flatten=bool(dice.random() < 0.5), reason="", by="storm", at=at
            )
            self.keep(stop)
        elif dice.random() < 0.3:
            self.keep(manual_orders.release(self.account, by="storm", at=at))
        if dice.random() < 0.05:
            amount = round(float(dice.uniform(-0.1, 0.3)) * abs(self.account.cash), 2)
            self.keep([Entry(self.account.number + 1, at, CashMoved(amount, ""))])

    def _ticket(self) -> Ticket:
        dice = self.dice
        kind, side = Kind(dice.choice(list(Kind))), Side(dice.choice(list(Side)))
        symbol = str(dice.choice(SYMBOLS))
        mark = self.account.marks.get(symbol)
        price = mark.close if mark else 100.0
        near = lambda: price * float(dice.uniform(0.93, 1.07))  # noqa: E731
        trails = kind is Kind.TRAILING_STOP
        bracket = kind in {Kind.MARKET, Kind.LIMIT} and dice.random() < 0.3
        below, above = price * 0.95, price * 1.05
        loss, profit = (below, above) if side is Side.BUY else (above, below)
        return Ticket(
            symbol=symbol,
            side=side,
            kind=kind,
            quantity=float(dice.integers(1, 4_000_000)) * 1e-4,
            limit=near() if kind in {Kind.LIMIT, Kind.STOP_LIMIT, Kind.TAKE_PROFIT} else None,
            stop=near() if kind in {Kind.STOP, Kind.STOP_LIMIT} else None,
            trail=price * 0.03 if trails and dice.random() < 0.5 else None,
            trail_share=0.03 if trails else None,
            term=Term(dice.choice(list(Term))),
            reduce_only=not bracket and bool(dice.random() < 0.2),
            stop_loss=loss if bracket else None,
            take_profit=profit if bracket else None,
        )

    def check(self) -> None:
        """Everything that must hold of any account, from its entries alone."""
        rebuilt = fold(self.entries)
        assert rebuilt == self.account
        assert differences(self.account, rebuilt) == ()
        self._conserved()
        self._legal()
        assert self.split_error < 1e-12
        lots, _ = lots_and_trips(self.entries)
        held = {symbol: position.units for symbol, position in self.account.positions.items()}
        for symbol in lots.keys() | held.keys():
            units = math.fsum(lot.units for lot in lots.get(symbol, ()))
            assert abs(units - held.get(symbol, 0.0)) < 1e-6

    def _conserved(self) -> None:
        """Cash and units are what came in less what went out."""
        cash: list[float] = []
        units: dict[str, float] = {}
        for entry in self.entries:
            match entry.what:
                case CashMoved(amount):
                    cash.append(amount)
                case DividendPaid(cash=paid):
                    cash.append(paid)
                case BorrowCharged(cash=paid):
                    cash.append(-paid)
                case SplitApplied(symbol, ratio):
                    units[symbol] = units.get(symbol, 0.0) * ratio
                case Filled() as fill:
                    cash += [-fill.units * fill.price, -fill.commission, -fill.charged]
                    units[fill.symbol] = units.get(fill.symbol, 0.0) + fill.units
        assert abs(math.fsum(cash) - self.account.cash) < 0.005
        for symbol, held in units.items():
            position = self.account.positions.get(symbol)
            assert abs(held - (position.units if position else 0.0)) < 1e-6, symbol
        opened = sum(p.units * p.cost for p in self.account.positions.values())
        account = self.account
        earned = account.realised + account.dividends - account.borrowing
        assert abs(account.deposited + earned - opened - account.cash) < 0.005

    def _legal(self) -> None:
        """Each order is in one status at a time, goes only where it may, and fills no more than it
        is for; nothing fills before its time."""
        status: dict[str, Status] = {}
        left: dict[str, float] = {}
        placed: dict[str, datetime] = {}
        for entry in self.entries:
            match entry.what:
                case OrderPlaced(order):
                    assert order.id not in status
                    assert order.status in {Status.HELD, Status.WORKING}
                    status[order.id], left[order.id] = order.status, order.quantity
                    placed[order.id] = order.placed_at
                case OrderChanged(order):
                    if order.status is not status[order.id]:
                        assert order.status in NEXT[status[order.id]]
                    status[order.id], left[order.id] = order.status, order.left
                    placed[order.id] = order.placed_at
                case OrderEnded(id, end):
                    assert end in NEXT[status[id]]
                    status[id] = end
                case Filled() as fill:
                    left[fill.order] -= abs(fill.units)
                    assert left[fill.order] > -1e-6
                    assert entry.at >= placed[fill.order]
                    new = Status.PARTIAL if left[fill.order] > 1e-9 else Status.FILLED
                    assert new in NEXT[status[fill.order]]
                    status[fill.order] = new
                case SplitApplied(symbol, ratio):
                    for id in left:
                        left[id] *= ratio if self._symbol(id) == symbol else 1.0
        ended = {id for id, now in status.items() if not NEXT[now]}
        assert self.account.orders.keys() == status.keys() - ended

    def _symbol(self, id: str) -> str:
        placed = self.entries[int(id.split("-")[0][1:]) - 1].what
        assert isinstance(placed, OrderPlaced)
        return placed.order.symbol


def main(wanted: int) -> None:
    began, seed, seen = time.perf_counter(), 0, Counter[str]()
    while sum(seen[kind.__name__] for kind in EVENTS) < wanted:
        storm = Storm(seed, rows=40, orders=12).rage()
        storm.check()
        seen.update(type(entry.what).__name__ for entry in storm.entries)
        seed += 1
    took = time.perf_counter() - began
    events = sum(seen[kind.__name__] for kind in EVENTS)
    print(f"{events:,} order and fill events of {seed:,} accounts hold, in {took:.0f} s")
    for kind, count in seen.most_common():
        print(f"{count:>10,} {kind}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
