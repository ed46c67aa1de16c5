"""Lots are closed oldest first, and what they end in is what was earned."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.trading.account import (
    AccountEntry,
    AccountEvent,
    AccountReset,
    OrderFilled,
    OrderSubmitted,
    SplitApplied,
)
from domain.trading.lots import match_entries, receipts_by_order
from domain.trading.orders import Order, OrderSource, OrderType, Side, TimeInForce
from quant.performance.round_trips import match_round_trips

START = datetime(2024, 3, 4, 21, tzinfo=UTC)


def entries(*events: AccountEvent) -> list[AccountEntry]:
    """A day apart."""
    return [AccountEntry(n + 1, START + timedelta(days=n), what) for n, what in enumerate(events)]


def fill(units: float, price: float, commission: float = 0.0, order: str = "a") -> OrderFilled:
    return OrderFilled(order, "AAPL", units, price, commission, 0.0, "open")


def order(name: str, receipt: str | None) -> OrderSubmitted:
    return OrderSubmitted(
        Order(
            id=name,
            key=name,
            symbol="AAPL",
            side=Side.BUY,
            order_type=OrderType.MARKET,
            quantity=10.0,
            time_in_force=TimeInForce.DAY,
            source=OrderSource.COMMITTEE,
            submitted_at=START,
            receipt=receipt,
        )
    )


def test_a_sale_that_closes_two_lots_ends_two_trips() -> None:
    lots, trips = match_entries(
        entries(fill(10.0, 100.0, 1.0), fill(10.0, 110.0, 1.0), fill(-15.0, 120.0, 3.0))
    )
    assert [(trip.quantity, trip.entry_price, trip.exit_price) for trip in trips] == [
        (10.0, 100.0, 120.0),
        (5.0, 110.0, 120.0),
    ]
    assert [trip.fees for trip in trips] == pytest.approx([1.0 + 2.0, 0.5 + 1.0])
    assert [trip.profit for trip in trips] == pytest.approx([197.0, 48.5])
    assert trips[0].return_fraction == pytest.approx(0.197)
    assert [(lot.quantity, lot.entry_price) for lot in lots["AAPL"]] == [(5.0, 110.0)]


def test_a_sale_of_more_than_is_held_opens_a_short() -> None:
    lots, trips = match_entries(entries(fill(10.0, 100.0), fill(-25.0, 90.0), fill(5.0, 80.0)))
    assert [(trip.quantity, trip.profit) for trip in trips] == [(10.0, -100.0), (-5.0, 50.0)]
    assert [lot.quantity for lot in lots["AAPL"]] == [-10.0]


def test_a_split_changes_units_and_prices_and_no_profit() -> None:
    lots, trips = match_entries(
        entries(fill(10.0, 400.0), SplitApplied("AAPL", 4.0), fill(-30.0, 110.0))
    )
    assert [(trip.quantity, trip.entry_price, trip.profit) for trip in trips] == [
        (30.0, 100.0, 300.0)
    ]
    assert [lot.quantity for lot in lots["AAPL"]] == [10.0]


def test_a_trip_names_its_orders_and_the_decision_behind_it() -> None:
    _, trips = match_entries(
        entries(
            order("in", "r-1"),
            order("out", "r-2"),
            fill(10.0, 100.0, order="in"),
            fill(-10.0, 110.0, order="out"),
        )
    )
    (trip,) = trips
    assert (trip.id, trip.order_ids, trip.receipt) == ("3-4", ("in", "out"), "r-1")
    assert trip.closed_at - trip.opened_at == timedelta(days=1)


def test_a_reset_leaves_no_lot() -> None:
    assert match_entries(entries(fill(10.0, 100.0), AccountReset(1000.0, "again"))) == ({}, ())


@pytest.mark.parametrize("cut", range(8))
def test_what_was_matched_before_is_gone_on_from(cut: int) -> None:
    log = entries(
        order("in", "r-1"),
        fill(10.0, 400.0, order="in"),
        SplitApplied("AAPL", 4.0),
        fill(-30.0, 110.0, 1.0),
        AccountReset(1000.0, "again"),
        fill(-5.0, 90.0, order="in"),
        fill(10.0, 95.0, 2.0),
    )
    lots, trips = match_entries(log[:cut])
    later, ended = match_entries(log[cut:], lots, receipts_by_order(log[:cut]))
    assert (later, trips + ended) == match_entries(log)


deals = st.lists(
    st.tuples(
        st.integers(-50, 50).filter(bool),
        st.integers(100, 20_000).map(lambda cents: cents / 100),
        st.integers(0, 500).map(lambda cents: cents / 100),
    ),
    max_size=60,
)


@given(deals=deals, lot=st.sampled_from([1.0, 1e-6, 1e-8]))
def test_lots_add_up_to_the_position(deals: list[tuple[int, float, float]], lot: float) -> None:
    lots, _ = match_entries(entries(*(fill(n * lot, price) for n, price, _ in deals)))
    held = sum(part.quantity for part in lots.get("AAPL", ()))
    assert held == pytest.approx(sum(n for n, *_ in deals) * lot, abs=lot * 1e-3)


@settings(deadline=None)  # the first call may have to compile
@given(deals=deals)
def test_trips_are_those_of_a_backtests_report(deals: list[tuple[int, float, float]]) -> None:
    _, trips = match_entries(entries(*(fill(float(n), *rest) for n, *rest in deals)))
    rows = np.arange(len(deals))
    units, price, commission = (np.array([d[k] for d in deals], np.float64) for k in range(3))
    bars = np.ones((len(deals), 1))
    told = match_round_trips(
        rows, np.zeros_like(rows), units, price, commission, low=bars, high=bars
    )
    assert [trip.profit for trip in trips] == pytest.approx(told.profit.tolist())
    assert [trip.return_fraction for trip in trips] == pytest.approx(told.return_fraction.tolist())
    assert [int(trip.id.split("-")[0]) - 1 for trip in trips] == told.entry_row.tolist()
