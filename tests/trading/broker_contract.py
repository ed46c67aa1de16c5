"""What every broker must do, as tests: an adapter's own tests inherit from `BrokerContract`.

A venue is a broker with a market that the test can move: its bars are calm, at about 100, with
plenty of volume, unless a test gives others.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

import pytest

from domain.errors import InputError, NotFoundError
from domain.trading.account import Account, AccountEntry, OrderClosed, OrderFilled, OrderSubmitted
from domain.trading.orders import Order, OrderStatus, OrderType, Side, Ticket, TimeInForce, resize
from trading.account.ledger import apply
from trading.orders.broker import Broker

Bar = tuple[float, float, float, float]
CALM: Bar = (100.0, 101.0, 99.0, 100.0)


class Venue(Protocol):
    broker: Broker
    symbol: str
    account: Account
    """Opened, with cash for a few hundred units and no position, and synced until `now`."""
    now: datetime

    def trade_bars(self, *bars: Bar) -> datetime:
        """Let bars (open, high, low, close) trade and close; when the last one has."""


class BrokerContract:
    """Inherit, and give a fixture `venue`."""

    @staticmethod
    def fold(venue: Venue, entries: Sequence[AccountEntry]) -> Account:
        for entry in entries:
            venue.account = apply(venue.account, entry)
        return venue.account

    def submit(self, venue: Venue, key: str = "k", **terms: Any) -> Order:
        terms = {"side": Side.BUY, "quantity": 10.0, "time_in_force": TimeInForce.GTC, **terms}
        ticket = Ticket(symbol=venue.symbol, **terms)
        entries = venue.broker.place(venue.account, ticket, key=key, at=venue.now)
        self.fold(venue, entries)
        return next(e.event.order for e in entries if isinstance(e.event, OrderSubmitted))

    def sync(self, venue: Venue, *bars: Bar) -> Sequence[AccountEntry]:
        entries = venue.broker.sync(venue.account, venue.trade_bars(*bars))
        self.fold(venue, entries)
        return entries

    def fills(self, entries: Sequence[AccountEntry]) -> list[OrderFilled]:
        return [entry.event for entry in entries if isinstance(entry.event, OrderFilled)]

    def test_it_has_a_name_and_takes_market_orders(self, venue: Venue) -> None:
        assert venue.broker.name
        assert OrderType.MARKET in venue.broker.capabilities.order_types

    def test_what_it_does_not_take_is_refused_before_anything_is_sent(self, venue: Venue) -> None:
        capabilities = venue.broker.capabilities
        for order_type in set(OrderType) - capabilities.order_types:
            with pytest.raises(InputError):
                self.submit(venue, order_type=order_type)
        for time_in_force in set(TimeInForce) - capabilities.times_in_force:
            with pytest.raises(InputError):
                self.submit(venue, time_in_force=time_in_force)
        if not capabilities.supports_fractional:
            with pytest.raises(InputError):
                self.submit(venue, quantity=0.5)

    def test_a_placed_order_is_open_under_its_key(self, venue: Venue) -> None:
        order = self.submit(venue, "mine")
        assert venue.account.orders[order.id].key == "mine"
        assert venue.account.orders[order.id].status is OrderStatus.WORKING

    def test_an_order_whose_answer_was_lost_is_not_placed_twice(self, venue: Venue) -> None:
        ticket = Ticket(
            symbol=venue.symbol, side=Side.BUY, quantity=10.0, time_in_force=TimeInForce.GTC
        )
        venue.broker.place(venue.account, ticket, key="k", at=venue.now)  # and the process dies
        self.submit(venue)
        filled = self.fills(self.sync(venue, CALM, CALM))
        assert sum(fill.quantity for fill in filled) == 10.0

    def test_a_market_order_fills_whole_and_is_over(self, venue: Venue) -> None:
        order = self.submit(venue)
        entries = self.sync(venue, CALM)
        assert sum(fill.quantity for fill in self.fills(entries)) == 10.0
        assert {fill.order_id for fill in self.fills(entries)} == {order.id}
        assert all(99.0 <= fill.price <= 101.0 for fill in self.fills(entries))
        assert venue.account.orders == {}
        assert venue.account.positions[venue.symbol].quantity == 10.0

    def test_what_was_reported_once_is_not_reported_again(self, venue: Venue) -> None:
        self.submit(venue)
        self.sync(venue, CALM)
        assert list(venue.broker.sync(venue.account, venue.now)) == []

    def test_a_limit_waits_for_its_price_and_is_never_filled_worse(self, venue: Venue) -> None:
        self.submit(venue, order_type=OrderType.LIMIT, limit_price=97.0)
        assert self.fills(self.sync(venue, CALM)) == []
        (fill,) = self.fills(self.sync(venue, (99.0, 99.0, 95.0, 96.0)))
        assert fill.price <= 97.0

    def test_a_cancelled_order_never_fills(self, venue: Venue) -> None:
        order = self.submit(venue, order_type=OrderType.LIMIT, limit_price=97.0)
        entries = venue.broker.cancel(venue.account, order.id, venue.now)
        ended = [entry.event for entry in entries if isinstance(entry.event, OrderClosed)]
        assert [(end.order_id, end.status) for end in ended] == [(order.id, OrderStatus.CANCELLED)]
        self.fold(venue, entries)
        assert self.fills(self.sync(venue, (99.0, 99.0, 90.0, 91.0))) == []

    def test_an_order_is_replaced_under_its_id(self, venue: Venue) -> None:
        order = self.submit(venue, order_type=OrderType.LIMIT, limit_price=97.0)
        new = replace(resize(venue.account.orders[order.id], 20.0), limit_price=98.0)
        self.fold(venue, venue.broker.replace(venue.account, new, venue.now))
        filled = self.fills(self.sync(venue, (99.0, 99.0, 97.5, 98.0)))
        assert sum(fill.quantity for fill in filled) == 20.0
        assert {fill.order_id for fill in filled} == {order.id}

    def test_an_order_that_is_not_open_is_not_found(self, venue: Venue) -> None:
        order = self.submit(venue)
        self.sync(venue, CALM)
        for id in (order.id, "nobody's"):
            with pytest.raises(NotFoundError):
                venue.broker.cancel(venue.account, id, venue.now)
            with pytest.raises(NotFoundError):
                venue.broker.replace(venue.account, replace(order, id=id), venue.now)

    def test_what_only_reduces_never_opens(self, venue: Venue) -> None:
        self.submit(venue, "a")
        self.sync(venue, CALM)
        self.submit(venue, "b", side=Side.SELL, quantity=4.0)
        self.submit(venue, "c", side=Side.SELL, quantity=10.0, reduce_only=True)
        self.sync(venue, CALM, CALM)
        assert venue.account.positions == {}

    def test_exits_wait_for_their_entry_and_one_cancels_the_other(self, venue: Venue) -> None:
        if not venue.broker.capabilities.supports_brackets:
            pytest.skip("holds no exits")
        self.submit(venue, stop_loss=95.0, take_profit=110.0)
        self.sync(venue, CALM)
        assert len(venue.account.orders) == 2
        self.sync(venue, (100.0, 101.0, 94.0, 95.0))
        assert venue.account.orders == {}
        assert venue.account.positions == {}

    def test_its_figures_are_those_of_the_ledger(self, venue: Venue) -> None:
        self.submit(venue, "a")
        self.sync(venue, CALM)
        self.submit(venue, "b", side=Side.SELL, quantity=4.0)
        self.sync(venue, CALM)
        balance = venue.broker.balance(venue.account)
        assert balance.cash == pytest.approx(venue.account.cash, abs=0.005)
        assert balance.quantities == pytest.approx({venue.symbol: 6.0}, abs=1e-9)
