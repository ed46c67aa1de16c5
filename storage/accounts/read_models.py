"""What pages read of an account, as it follows from its entries: orders, fills and marks. Pure.

Promises that the rows written beside an entry (`accounts.py`) and those that the audit makes from
the whole log (`audit.py`) come from one function.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from math import fsum
from typing import Any

from domain.canonical import to_json
from domain.trading.account import (
    Account,
    BarClosed,
    Entry,
    Filled,
    OrderChanged,
    OrderEnded,
    OrderPlaced,
    SplitApplied,
)
from domain.trading.orders import Order, after_fill, moved
from storage.journal.cycle_rows import Row, plain_text


@dataclass(frozen=True)
class OrderState:
    """An order after the last entry that touched it, `updated_at` in the market's time. `number`
    is that of the entry that placed it, None where that came before the entries looked at."""

    order: Order
    updated_at: datetime
    number: int | None

    @cached_property
    def json(self) -> dict[str, Any]:
        return dict(to_json(self.order))

    def row(self) -> Row:
        """What may change of its row."""
        return {
            "status": self.order.status.value,
            "updated_at": self.updated_at,
            "body": plain_text(self.json),
        }

    def new_row(self) -> Row:
        """The whole row but for its account and its request."""
        order = self.order
        return {
            **self.row(),
            "number": self.number,
            "id": order.id,
            "key": order.key,
            "symbol": order.symbol,
            "side": order.side.value,
            "kind": order.kind.value,
            "source": order.source.value,
            "placed_at": order.placed_at,
        }


@dataclass(slots=True)
class ReadModels:
    """What entries come to, in the order in which they are told; `orders` by id."""

    orders: dict[str, OrderState] = field(default_factory=dict)
    fills: list[Row] = field(default_factory=list)
    marks: list[Row] = field(default_factory=list)

    def follow(self, before: Account | None, entry: Entry, after: Account) -> None:
        """Take in the entry that led from `before` to `after`."""
        stood: Mapping[str, Order] = before.orders if before else {}
        match entry.what:
            case OrderPlaced(order) | OrderChanged(order):
                self._keep(after.orders[order.id], entry)
            case OrderEnded(id, status, why):
                self._keep(moved(stood[id], status, why), entry)
            case Filled(id) as fill:
                self._keep(after.orders.get(id) or _filled(stood[id], fill), entry)
                self.fills.append(_fill_row(entry, fill, stood[id]))
            case BarClosed() as bar:
                self.marks.append(_mark_row(entry, bar, after))
                self._keep_new(stood, entry, after)
            case SplitApplied():
                self._keep_new(stood, entry, after)

    def _keep_new(self, stood: Mapping[str, Order], entry: Entry, after: Account) -> None:
        for id, order in after.orders.items():
            if stood.get(id) is not order:
                self._keep(order, entry)

    def _keep(self, order: Order, entry: Entry) -> None:
        known = self.orders.get(order.id)
        number = known.number if known else None
        if isinstance(entry.what, OrderPlaced) and entry.what.order.id == order.id:
            number = entry.number
        self.orders[order.id] = OrderState(order, entry.at, number)


def equity(account: Account) -> float | None:
    """Cash and positions at the last prices seen; None where one was not seen yet."""
    values = _values(account)
    return None if values is None else fsum((account.cash, *values))


def _filled(order: Order, fill: Filled) -> Order:
    """An order of which nothing is left after the fill."""
    return after_fill(order, abs(fill.units), fill.price, fill.fees)


def _fill_row(entry: Entry, fill: Filled, order: Order) -> Row:
    return {
        "number": entry.number,
        "at": entry.at,
        "order": fill.order,
        "symbol": fill.symbol,
        "units": fill.units,
        "price": fill.price,
        "commission": fill.commission,
        "slippage": fill.slippage,
        "charged": fill.charged,
        "moment": fill.moment,
        "source": order.source.value,
    }


def _mark_row(entry: Entry, bar: BarClosed, after: Account) -> Row:
    values = _values(after)
    held = None if values is None else fsum(map(abs, values))
    return {
        "number": entry.number,
        "at": entry.at,
        "equity": bar.equity,
        "cash": after.cash,
        "exposure": None if held is None or bar.equity <= 0.0 else held / bar.equity,
    }


def _values(account: Account) -> list[float] | None:
    """Of each position at its last price, in no order: to be added exactly. None where one has no
    price."""
    marks = account.marks
    if not account.positions.keys() <= marks.keys():
        return None
    return [held.units * marks[symbol].close for symbol, held in account.positions.items()]
