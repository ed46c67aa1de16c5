"""An order moves from one status to the next as the table allows, and ends."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import VerificationError
from domain.trading.orders import (
    OPEN_STATUSES,
    TRANSITIONS,
    Order,
    OrderSource,
    OrderStatus,
    OrderType,
    Side,
    TimeInForce,
    exact_quantity,
    transition,
    with_exact_quantities,
)

ENDED = frozenset(
    {OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED}
)
FIRST = Order(
    id="o1",
    key="k1",
    symbol="AAPL",
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    quantity=10.0,
    limit_price=90.0,
    time_in_force=TimeInForce.GTC,
    source=OrderSource.MANUAL,
    submitted_at=datetime(2024, 3, 4, 21, tzinfo=UTC),
    status=OrderStatus.SUBMITTED,
)

statuses = st.sampled_from(OrderStatus)


@given(ended=st.sampled_from(sorted(ENDED)), status=statuses)
def test_an_order_that_has_ended_goes_nowhere(ended: OrderStatus, status: OrderStatus) -> None:
    order = replace(FIRST, status=ended)
    assert not order.is_open
    with pytest.raises(VerificationError, match="it has ended"):
        transition(order, status)


@given(path=st.lists(statuses, max_size=30))
def test_an_order_is_open_until_it_has_ended(path: list[OrderStatus]) -> None:
    """Whatever is asked for, only what the table allows happens."""
    order = FIRST
    for status in path:
        if status in TRANSITIONS[order.status]:
            order = transition(order, status)
        else:
            with pytest.raises(VerificationError, match=f"cannot become {status}"):
                transition(order, status)
        assert order.is_open == (order.status in OPEN_STATUSES) == (order.status not in ENDED)


def test_every_status_is_reached_from_submitted() -> None:
    reached, frontier = {OrderStatus.SUBMITTED}, {OrderStatus.SUBMITTED}
    while frontier:
        frontier = {later for status in frontier for later in TRANSITIONS[status]} - reached
        reached |= frontier
    assert reached == set(OrderStatus)


@pytest.mark.parametrize("status", sorted(OPEN_STATUSES))
def test_every_open_order_can_be_cancelled(status: OrderStatus) -> None:
    assert OrderStatus.CANCELLED in TRANSITIONS[status]


def test_a_cancellation_may_come_too_late_or_be_refused() -> None:
    pending = transition(replace(FIRST, status=OrderStatus.WORKING), OrderStatus.PENDING_CANCEL)
    for status in (OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED, OrderStatus.WORKING):
        assert transition(pending, status).status is status


def test_the_stored_names_of_statuses_stay() -> None:
    assert [status.value for status in OrderStatus] == [
        "submitted", "held", "working", "partially filled", "pending cancel", "filled",
        "cancelled", "expired", "rejected",
    ]  # fmt: skip


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=20), st.sampled_from([4, 6]))
def test_a_sum_of_lots_is_published_as_its_decimal(lots: list[int], digits: int) -> None:
    total = sum(each / 10**digits for each in lots)
    assert exact_quantity(total) == round(sum(lots) / 10**digits, digits)
    assert exact_quantity(-total) == -exact_quantity(total)


def test_what_is_published_has_no_rounding_errors_and_no_negative_zero() -> None:
    order = with_exact_quantities(
        replace(FIRST, quantity=47.042500000000004, filled=0.1 + 0.2, remaining=-0.0)
    )
    assert (order.quantity, order.filled, str(order.remaining)) == (47.0425, 0.3, "0.0")
