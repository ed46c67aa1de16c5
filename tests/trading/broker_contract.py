"""What every broker must do, as tests: an adapter's own tests inherit from `BrokerContract`.

A venue is a broker with a market that the test can move: its bars are calm, at about 100, with
plenty of volume, unless it is told otherwise.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

import pytest

from domain.errors import InputError, NotFoundError
from domain.trading.account import Account, Entry, Filled, OrderEnded, OrderPlaced
from domain.trading.orders import Kind, Order, Side, Status, Term, Ticket, resized
from trading.account.ledger import apply
from trading.orders.broker import Broker

Bar = tuple[float, float, float, float]
CALM: Bar = (100.0, 101.0, 99.0, 100.0)


class Venue(Protocol):
    broker: Broker
    symbol: str
    account: Account
    """Opened, with cash for a few hundred units and nothing held, and synced until `now`."""
    now: datetime

    def move(self, *bars: Bar) -> datetime:
        """Let bars (open, high, low, close) trade and close; when the last one has."""


class BrokerContract:
    """Inherit, and give a fixture `venue`."""

    @staticmethod
    def fold(venue: Venue, entries: Sequence[Entry]) -> Account:
        for entry in entries:
            venue.account = apply(venue.account, entry)
        return venue.account

    def place(self, venue: Venue, key: str = "k", **terms: Any) -> Order:
        terms = {"side": Side.BUY, "quantity": 10.0, "term": Term.GTC, **terms}
        asked = Ticket(symbol=venue.symbol, **terms)
        entries = venue.broker.place(venue.account, asked, key=key, at=venue.now)
        self.fold(venue, entries)
        return next(e.what.order for e in entries if isinstance(e.what, OrderPlaced))

    def sync(self, venue: Venue, *bars: Bar) -> Sequence[Entry]:
        entries = venue.broker.sync(venue.account, venue.move(*bars))
        self.fold(venue, entries)
        return entries

    def fills(self, entries: Sequence[Entry]) -> list[Filled]:
        return [entry.what for entry in entries if isinstance(entry.what, Filled)]

    def test_it_has_a_name_and_takes_market_orders(self, venue: Venue) -> None:
        assert venue.broker.name
        assert Kind.MARKET in venue.broker.capabilities.kinds

    def test_what_it_does_not_take_is_refused_before_anything_is_sent(self, venue: Venue) -> None:
        took = venue.broker.capabilities
        for kind in set(Kind) - took.kinds:
            with pytest.raises(InputError):
                self.place(venue, kind=kind)
        for term in set(Term) - took.terms:
            with pytest.raises(InputError):
                self.place(venue, term=term)
        if not took.fractional:
            with pytest.raises(InputError):
                self.place(venue, quantity=0.5)

    def test_a_placed_order_is_open_under_its_key(self, venue: Venue) -> None:
        order = self.place(venue, "mine")
        assert venue.account.orders[order.id].key == "mine"
        assert venue.account.orders[order.id].status is Status.WORKING

    def test_an_order_whose_answer_was_lost_is_not_placed_twice(self, venue: Venue) -> None:
        asked = Ticket(symbol=venue.symbol, side=Side.BUY, quantity=10.0, term=Term.GTC)
        venue.broker.place(venue.account, asked, key="k", at=venue.now)  # and the process dies
        self.place(venue)
        filled = self.fills(self.sync(venue, CALM, CALM))
        assert sum(fill.units for fill in filled) == 10.0

    def test_a_market_order_fills_whole_and_is_over(self, venue: Venue) -> None:
        order = self.place(venue)
        entries = self.sync(venue, CALM)
        assert sum(fill.units for fill in self.fills(entries)) == 10.0
        assert {fill.order for fill in self.fills(entries)} == {order.id}
        assert all(99.0 <= fill.price <= 101.0 for fill in self.fills(entries))
        assert venue.account.orders == {}
        assert venue.account.positions[venue.symbol].units == 10.0

    def test_what_was_told_once_is_not_told_again(self, venue: Venue) -> None:
        self.place(venue)
        self.sync(venue, CALM)
        assert list(venue.broker.sync(venue.account, venue.now)) == []

    def test_a_limit_waits_for_its_price_and_is_never_filled_worse(self, venue: Venue) -> None:
        self.place(venue, kind=Kind.LIMIT, limit=97.0)
        assert self.fills(self.sync(venue, CALM)) == []
        (fill,) = self.fills(self.sync(venue, (99.0, 99.0, 95.0, 96.0)))
        assert fill.price <= 97.0

    def test_a_cancelled_order_never_fills(self, venue: Venue) -> None:
        order = self.place(venue, kind=Kind.LIMIT, limit=97.0)
        entries = venue.broker.cancel(venue.account, order.id, venue.now)
        ended = [entry.what for entry in entries if isinstance(entry.what, OrderEnded)]
        assert [(end.order, end.status) for end in ended] == [(order.id, Status.CANCELLED)]
        self.fold(venue, entries)
        assert self.fills(self.sync(venue, (99.0, 99.0, 90.0, 91.0))) == []

    def test_an_order_is_replaced_under_its_id(self, venue: Venue) -> None:
        order = self.place(venue, kind=Kind.LIMIT, limit=97.0)
        new = replace(resized(venue.account.orders[order.id], 20.0), limit=98.0)
        self.fold(venue, venue.broker.replace(venue.account, new, venue.now))
        filled = self.fills(self.sync(venue, (99.0, 99.0, 97.5, 98.0)))
        assert sum(fill.units for fill in filled) == 20.0
        assert {fill.order for fill in filled} == {order.id}

    def test_an_order_that_is_not_open_is_not_found(self, venue: Venue) -> None:
        order = self.place(venue)
        self.sync(venue, CALM)
        for id in (order.id, "nobody's"):
            with pytest.raises(NotFoundError):
                venue.broker.cancel(venue.account, id, venue.now)
            with pytest.raises(NotFoundError):
                venue.broker.replace(venue.account, replace(order, id=id), venue.now)

    def test_what_only_reduces_never_opens(self, venue: Venue) -> None:
        self.place(venue, "a")
        self.sync(venue, CALM)
        self.place(venue, "b", side=Side.SELL, quantity=4.0)
        self.place(venue, "c", side=Side.SELL, quantity=10.0, reduce_only=True)
        self.sync(venue, CALM, CALM)
        assert venue.account.positions == {}

    def test_exits_wait_for_their_entry_and_one_cancels_the_other(self, venue: Venue) -> None:
        if not venue.broker.capabilities.bracket:
            pytest.skip("holds no exits")
        self.place(venue, stop_loss=95.0, take_profit=110.0)
        self.sync(venue, CALM)
        assert len(venue.account.orders) == 2
        self.sync(venue, (100.0, 101.0, 94.0, 95.0))
        assert venue.account.orders == {}
        assert venue.account.positions == {}

    def test_its_figures_are_those_of_the_ledger(self, venue: Venue) -> None:
        self.place(venue, "a")
        self.sync(venue, CALM)
        self.place(venue, "b", side=Side.SELL, quantity=4.0)
        self.sync(venue, CALM)
        said = venue.broker.figures(venue.account)
        assert said.cash == pytest.approx(venue.account.cash, abs=0.005)
        assert said.units == pytest.approx({venue.symbol: 6.0}, abs=1e-9)
