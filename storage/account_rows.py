"""What pages read of an account, as it follows from its entries: orders, fills and marks. Pure.

Promises that the rows written beside an entry (`accounts.py`) and those that the audit makes from
the whole log (`audit.py`) come from one function.
"""

from dataclasses import dataclass, field
from datetime import datetime

from domain.account import Account, BarClosed, Entry, Filled, Happening, OrderEnded, OrderPlaced
from domain.orders import Order, after_fill, moved
from storage.entries import Row, text


@dataclass(frozen=True, slots=True)
class OrderState:
    """An order after the last entry that touched it, `updated_at` in the market's time. `number`
    is that of the entry that placed it, None where that came before the entries looked at."""

    order: Order
    updated_at: datetime
    number: int | None

    def row(self) -> Row:
        """What may change of its row."""
        return {
            "status": self.order.status.value,
            "updated_at": self.updated_at,
            "body": text(self.order),
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
        stood = before.orders if before else {}
        what = entry.what
        for id, order in after.orders.items():
            if stood.get(id) is not order:
                self._keep(order, entry)
        for id in stood.keys() - after.orders.keys():
            self._keep(_ended(stood[id], what), entry)
        if isinstance(what, Filled):
            self.fills.append(_fill_row(entry, what, stood[what.order]))
        elif isinstance(what, BarClosed):
            self.marks.append(_mark_row(entry, what, after))

    def _keep(self, order: Order, entry: Entry) -> None:
        known = self.orders.get(order.id)
        number = known.number if known else None
        if isinstance(entry.what, OrderPlaced) and entry.what.order.id == order.id:
            number = entry.number
        self.orders[order.id] = OrderState(order, entry.at, number)


def equity(account: Account) -> float | None:
    """Cash and positions at the last prices seen; None where one was not seen yet."""
    values = _values(account)
    return None if values is None else account.cash + sum(values)


def _ended(order: Order, what: Happening) -> Order:
    """An order that the account no longer holds, after what ended it."""
    match what:
        case OrderEnded(status=status, why=why):
            return moved(order, status, why)
        case Filled():
            return after_fill(order, abs(what.units), what.price, what.fees)
        case _:
            raise AssertionError(f"{type(what).__name__} ends no order")


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
    held = None if values is None else sum(map(abs, values))
    return {
        "number": entry.number,
        "at": entry.at,
        "equity": bar.equity,
        "cash": after.cash,
        "exposure": None if held is None or bar.equity <= 0.0 else held / bar.equity,
    }


def _values(account: Account) -> list[float] | None:
    """Of each position at its last price; None where one has none."""
    marks = account.marks
    if not account.positions.keys() <= marks.keys():
        return None
    return [held.units * marks[symbol].close for symbol, held in account.positions.items()]
