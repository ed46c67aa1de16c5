"""Lots are closed oldest first, and what they end in is what was earned."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.trading.account import Entry, Filled, Happening, OrderPlaced, Reset, SplitApplied
from domain.trading.lots import lots_and_trips, receipts_of
from domain.trading.orders import Kind, Order, Side, Source, Term
from quant.performance.round_trips import round_trips

START = datetime(2024, 3, 4, 21, tzinfo=UTC)


def entries(*happenings: Happening) -> list[Entry]:
    """A day apart."""
    return [Entry(n + 1, START + timedelta(days=n), what) for n, what in enumerate(happenings)]


def fill(units: float, price: float, commission: float = 0.0, order: str = "a") -> Filled:
    return Filled(order, "AAPL", units, price, commission, 0.0, "open")


def order(name: str, receipt: str | None) -> OrderPlaced:
    return OrderPlaced(
        Order(
            id=name,
            key=name,
            symbol="AAPL",
            side=Side.BUY,
            kind=Kind.MARKET,
            quantity=10.0,
            term=Term.DAY,
            source=Source.COMMITTEE,
            placed_at=START,
            receipt=receipt,
        )
    )


def test_a_sale_that_closes_two_lots_ends_two_trips() -> None:
    lots, trips = lots_and_trips(
        entries(fill(10.0, 100.0, 1.0), fill(10.0, 110.0, 1.0), fill(-15.0, 120.0, 3.0))
    )
    assert [(trip.units, trip.entry, trip.exit) for trip in trips] == [
        (10.0, 100.0, 120.0),
        (5.0, 110.0, 120.0),
    ]
    assert [trip.fees for trip in trips] == pytest.approx([1.0 + 2.0, 0.5 + 1.0])
    assert [trip.profit for trip in trips] == pytest.approx([197.0, 48.5])
    assert trips[0].share == pytest.approx(0.197)
    assert [(lot.units, lot.price) for lot in lots["AAPL"]] == [(5.0, 110.0)]


def test_a_sale_of_more_than_is_held_opens_a_short() -> None:
    lots, trips = lots_and_trips(entries(fill(10.0, 100.0), fill(-25.0, 90.0), fill(5.0, 80.0)))
    assert [(trip.units, trip.profit) for trip in trips] == [(10.0, -100.0), (-5.0, 50.0)]
    assert [lot.units for lot in lots["AAPL"]] == [-10.0]


def test_a_split_changes_units_and_prices_and_no_profit() -> None:
    lots, trips = lots_and_trips(
        entries(fill(10.0, 400.0), SplitApplied("AAPL", 4.0), fill(-30.0, 110.0))
    )
    assert [(trip.units, trip.entry, trip.profit) for trip in trips] == [(30.0, 100.0, 300.0)]
    assert [lot.units for lot in lots["AAPL"]] == [10.0]


def test_a_trip_names_its_orders_and_the_decision_behind_it() -> None:
    _, trips = lots_and_trips(
        entries(
            order("in", "r-1"),
            order("out", "r-2"),
            fill(10.0, 100.0, order="in"),
            fill(-10.0, 110.0, order="out"),
        )
    )
    (trip,) = trips
    assert (trip.id, trip.orders, trip.receipt) == ("3-4", ("in", "out"), "r-1")
    assert trip.closed_at - trip.opened_at == timedelta(days=1)


def test_a_reset_leaves_no_lot() -> None:
    assert lots_and_trips(entries(fill(10.0, 100.0), Reset(1000.0, "again"))) == ({}, ())


@pytest.mark.parametrize("cut", range(8))
def test_what_was_matched_before_is_gone_on_from(cut: int) -> None:
    log = entries(
        order("in", "r-1"),
        fill(10.0, 400.0, order="in"),
        SplitApplied("AAPL", 4.0),
        fill(-30.0, 110.0, 1.0),
        Reset(1000.0, "again"),
        fill(-5.0, 90.0, order="in"),
        fill(10.0, 95.0, 2.0),
    )
    lots, trips = lots_and_trips(log[:cut])
    later, ended = lots_and_trips(log[cut:], lots, receipts_of(log[:cut]))
    assert (later, trips + ended) == lots_and_trips(log)


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
    lots, _ = lots_and_trips(entries(*(fill(n * lot, price) for n, price, _ in deals)))
    held = sum(part.units for part in lots.get("AAPL", ()))
    assert held == pytest.approx(sum(n for n, *_ in deals) * lot, abs=lot * 1e-3)


@settings(deadline=None)  # the first call may have to compile
@given(deals=deals)
def test_trips_are_those_of_a_backtests_report(deals: list[tuple[int, float, float]]) -> None:
    _, trips = lots_and_trips(entries(*(fill(float(n), *rest) for n, *rest in deals)))
    rows = np.arange(len(deals))
    units, price, commission = (np.array([d[k] for d in deals], np.float64) for k in range(3))
    bars = np.ones((len(deals), 1))
    told = round_trips(rows, np.zeros_like(rows), units, price, commission, low=bars, high=bars)
    assert [trip.profit for trip in trips] == pytest.approx(told.profit.tolist())
    assert [trip.share for trip in trips] == pytest.approx(told.returned.tolist())
    assert [int(trip.id.split("-")[0]) - 1 for trip in trips] == told.entry.tolist()
