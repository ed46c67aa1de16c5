"""What pages read of an account, derived from its entries: orders, fills, equity points. Pure.

Promises that the rows written with an entry (`account_log.py`) and those that the audit makes from
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
    AccountEntry,
    BarClosed,
    OrderClosed,
    OrderFilled,
    OrderSubmitted,
    OrderUpdated,
    SplitApplied,
)
from domain.trading.orders import Order, apply_fill, transition
from storage.journal.cycle_rows import RowValues, plain_json_text


@dataclass(frozen=True)
class OrderReadModel:
    """An order after the last entry that changed it, `updated_at` in market time. `number` is that
    of the entry that placed it, None if that came before the entries applied here."""

    order: Order
    updated_at: datetime
    number: int | None

    @cached_property
    def json(self) -> dict[str, Any]:
        return dict(to_json(self.order))

    def row(self) -> RowValues:
        """Return the part of its row that may change."""
        return {
            "status": self.order.status.value,
            "updated_at": self.updated_at,
            "body": plain_json_text(self.json),
        }

    def new_row(self) -> RowValues:
        """Return the whole row except its account and its request."""
        order = self.order
        return {
            **self.row(),
            "number": self.number,
            "id": order.id,
            "key": order.key,
            "symbol": order.symbol,
            "side": order.side.value,
            "kind": order.order_type.value,
            "source": order.source.value,
            "placed_at": order.submitted_at,
        }


@dataclass(slots=True)
class AccountReadModels:
    """The read models of entries, applied in their order; `orders` by id."""

    orders: dict[str, OrderReadModel] = field(default_factory=dict)
    fills: list[RowValues] = field(default_factory=list)
    equity_points: list[RowValues] = field(default_factory=list)

    def apply(self, before: Account | None, entry: AccountEntry, after: Account) -> None:
        """Apply the entry that led from `before` to `after`."""
        orders_before: Mapping[str, Order] = before.orders if before else {}
        match entry.event:
            case OrderSubmitted(order) | OrderUpdated(order):
                self._store(after.orders[order.id], entry)
            case OrderClosed(id, status, reason):
                self._store(transition(orders_before[id], status, reason), entry)
            case OrderFilled(id) as fill:
                self._store(after.orders.get(id) or _fully_filled(orders_before[id], fill), entry)
                self.fills.append(_fill_row(entry, fill, orders_before[id]))
            case BarClosed() as bar:
                self.equity_points.append(_equity_point_row(entry, bar, after))
                self._store_changed(orders_before, entry, after)
            case SplitApplied():
                self._store_changed(orders_before, entry, after)

    def _store_changed(
        self, orders_before: Mapping[str, Order], entry: AccountEntry, after: Account
    ) -> None:
        for id, order in after.orders.items():
            if orders_before.get(id) is not order:
                self._store(order, entry)

    def _store(self, order: Order, entry: AccountEntry) -> None:
        known = self.orders.get(order.id)
        number = known.number if known else None
        if isinstance(entry.event, OrderSubmitted) and entry.event.order.id == order.id:
            number = entry.number
        self.orders[order.id] = OrderReadModel(order, entry.at, number)


def known_equity(account: Account) -> float | None:
    """Return cash and positions at their last prices; None if a position has no price yet."""
    values = _values(account)
    return None if values is None else fsum((account.cash, *values))


def _fully_filled(order: Order, fill: OrderFilled) -> Order:
    """Return an order that the fill has completed."""
    return apply_fill(order, abs(fill.quantity), fill.price, fill.total_fees)


def _fill_row(entry: AccountEntry, fill: OrderFilled, order: Order) -> RowValues:
    return {
        "number": entry.number,
        "at": entry.at,
        "order": fill.order_id,
        "symbol": fill.symbol,
        "units": fill.quantity,
        "price": fill.price,
        "commission": fill.commission,
        "slippage": fill.slippage,
        "charged": fill.residual_slippage,
        "moment": fill.trigger,
        "source": order.source.value,
    }


def _equity_point_row(entry: AccountEntry, bar: BarClosed, after: Account) -> RowValues:
    values = _values(after)
    gross_value = None if values is None else fsum(map(abs, values))
    return {
        "number": entry.number,
        "at": entry.at,
        "equity": bar.equity,
        "cash": after.cash,
        "exposure": None if gross_value is None or bar.equity <= 0.0 else gross_value / bar.equity,
    }


def _values(account: Account) -> list[float] | None:
    """Return the value of each position at its last price, in no order: they are to be summed
    exactly. None if one has no price."""
    last_bars = account.last_bars
    if not account.positions.keys() <= last_bars.keys():
        return None
    return [each.quantity * last_bars[symbol].close for symbol, each in account.positions.items()]
