"""An account is what its entries make of it, and nothing else."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import VerificationError
from domain.trading.account import (
    Account,
    AccountEntry,
    AccountEvent,
    AccountOpened,
    AccountReset,
    AccountSettingsChanged,
    BarClosed,
    BorrowFeeCharged,
    CashTransferred,
    DividendPaid,
    OrderClosed,
    OrderFilled,
    OrderSubmitted,
    OrderUpdated,
    RiskState,
    SplitApplied,
    TradingMode,
    TradingState,
    TradingStateChanged,
)
from domain.trading.orders import Order, OrderSource, OrderStatus, OrderType, Side, TimeInForce
from trading.account.ledger import apply, equity, fold
from trading.account.reconciliation import differences

START = datetime(2024, 3, 4, 21, tzinfo=UTC)
OPENING = (
    AccountOpened("USD", TradingMode.AUTO, "balanced"),
    CashTransferred(100_000.0, "opening capital"),
)


def account(*events: AccountEvent) -> Account:
    """Opened with 100,000; the events are a day apart."""
    return fold(
        AccountEntry(n + 1, START + timedelta(days=n), event)
        for n, event in enumerate((*OPENING, *events))
    )


def order(id: str = "a", side: Side = Side.BUY, quantity: float = 10.0, **terms: Any) -> Order:
    market_order = Order(
        id=id,
        key=id,
        symbol="AAPL",
        side=side,
        order_type=OrderType.MARKET,
        quantity=quantity,
        time_in_force=TimeInForce.GTC,
        source=OrderSource.MANUAL,
        submitted_at=START,
    )
    return replace(market_order, **terms)


def filled(units: float, price: float, fees: float = 0.0, order: str = "a") -> OrderFilled:
    return OrderFilled(order, "AAPL", units, price, fees, 0.0, "open")


def traded(*deals: tuple[float, float, float]) -> Account:
    """Units, price and fees of one order each."""
    events: list[AccountEvent] = []
    for n, (units, price, fees) in enumerate(deals):
        side = Side.BUY if units > 0 else Side.SELL
        events.append(OrderSubmitted(order(str(n), side, abs(units))))
        events.append(filled(units, price, fees, str(n)))
    return account(*events)


def test_a_buy_costs_its_price_and_fees_and_both_are_in_its_average_cost() -> None:
    after = traded((10.0, 100.0, 5.0), (10.0, 110.0, 5.0))
    assert after.cash == 100_000.0 - 1000.0 - 1100.0 - 10.0
    assert after.positions["AAPL"].quantity == 20.0
    assert after.positions["AAPL"].average_cost == pytest.approx(105.5)
    assert (after.realised, after.fees) == (0.0, 10.0)


def test_a_sale_realises_the_difference_to_the_average_cost_less_fees() -> None:
    after = traded((10.0, 100.0, 5.0), (-4.0, 120.0, 2.0))
    assert after.positions["AAPL"].average_cost == pytest.approx(100.5)
    assert after.positions["AAPL"].realised == after.realised == pytest.approx(4 * 19.5 - 2)


def test_a_position_that_is_sold_out_is_gone() -> None:
    after = traded((0.1, 100.0, 0.0), (0.2, 100.0, 0.0), (-0.3, 110.0, 0.0))
    assert after.positions == {}
    assert after.realised == pytest.approx(3.0)


def test_a_sale_through_nothing_closes_and_opens_a_short() -> None:
    after = traded((10.0, 100.0, 0.0), (-30.0, 110.0, 3.0))
    short = after.positions["AAPL"]
    assert short.quantity == -20.0
    assert short.average_cost == pytest.approx((20 * 110 - 2) / 20)
    assert short.realised == 0.0
    assert after.realised == pytest.approx(100.0 - 1.0)
    assert short.opened_at == START + timedelta(days=5)


def test_deposits_and_withdrawals_are_no_profit_to_the_breakers() -> None:
    after = account(CashTransferred(50_000.0, ""), CashTransferred(-20_000.0, ""))
    assert (after.cash, after.deposited) == (130_000.0, 130_000.0)
    assert (after.risk.peak_equity, after.risk.day_equity) == (130_000.0, 130_000.0)


def test_money_that_is_moved_is_no_loss_to_the_breakers() -> None:
    """Equity of 91,000 is 9% below its high and 4% below the day before, before and after it."""
    lost = (
        OrderSubmitted(order(quantity=100.0)),
        filled(100.0, 500.0),
        BarClosed(
            {"AAPL": 410.0}, 91_000.0, RiskState(peak_equity=100_000.0, day_equity=95_000.0), {}
        ),
    )
    for amount in (-45_000.0, 30_000.0):
        after = account(*lost, CashTransferred(amount, ""))
        assert equity(after) / after.risk.peak_equity == pytest.approx(0.91)
        assert equity(after) / after.risk.day_equity == pytest.approx(91 / 95)


def test_what_is_paid_into_an_empty_account_is_its_high() -> None:
    after = account(CashTransferred(-100_000.0, ""), CashTransferred(500.0, ""))
    assert (after.risk.peak_equity, after.risk.day_equity) == (500.0, 500.0)


def test_dividends_come_in_and_borrowing_goes_out() -> None:
    after = account(DividendPaid("AAPL", 0.5, 5.0), BorrowFeeCharged("AAPL", 2.0))
    assert (after.cash, after.dividends, after.borrowing) == (100_003.0, 5.0, 2.0)


def test_a_split_changes_units_and_prices_and_not_the_equity() -> None:
    before = account(
        OrderSubmitted(order()),
        filled(10.0, 400.0),
        BarClosed({"AAPL": 404.0}, 100_040.0, RiskState(), {}),
        OrderSubmitted(
            order(
                "b",
                Side.SELL,
                6.0,
                order_type=OrderType.STOP,
                stop_price=380.0,
                trail_amount=8.0,
                best_price=410.0,
            )
        ),
    )
    after = apply(before, AccountEntry(before.entry_count + 1, START, SplitApplied("AAPL", 4.0)))
    assert equity(after) == equity(before) == 100_040.0
    assert after.positions["AAPL"].quantity == 40.0
    assert after.positions["AAPL"].average_cost == 100.0
    stop = after.orders["b"]
    assert (stop.quantity, stop.remaining, stop.stop_price) == (24, 24, 95)
    assert (stop.trail_amount, stop.best_price) == (2, 102.5)


def test_a_reset_starts_again_and_remembers_prices() -> None:
    after = account(
        OrderSubmitted(order()),
        filled(10.0, 100.0, 1.0),
        BarClosed({"AAPL": 101.0}, 100_009.0, RiskState(peak_equity=100_009.0, losses=2), {}),
        AccountReset(5_000.0, "again"),
    )
    assert (after.cash, after.deposited, after.fees, after.realised) == (5_000.0, 5_000.0, 0, 0)
    assert after.positions == {}
    assert after.last_bars["AAPL"].close == 101.0
    assert (after.risk.peak_equity, after.risk.losses) == (5_000.0, 0)


def test_an_order_fills_in_parts_and_is_open_until_nothing_is_left() -> None:
    part = account(OrderSubmitted(order()), filled(4.0, 100.0, 1.0), filled(3.0, 107.0, 1.0))
    half = part.orders["a"]
    assert (half.status, half.filled, half.remaining) == (OrderStatus.PARTIALLY_FILLED, 7.0, 3.0)
    assert half.average_price == pytest.approx(103.0)
    assert half.fees == 2.0
    whole = apply(part, AccountEntry(part.entry_count + 1, START, filled(3.0, 100.0)))
    assert whole.orders == {}


def test_a_bar_moves_last_bars_the_risk_state_and_trailing_stops() -> None:
    stop = order("b", Side.SELL, order_type=OrderType.TRAILING_STOP, trail_amount=2.0)
    risk = RiskState(TradingState.REDUCING, "daily loss")
    after = account(OrderSubmitted(stop), BarClosed({"AAPL": 99.0}, 100_000.0, risk, {"b": 103.0}))
    assert after.last_bars["AAPL"].close == 99.0
    assert after.last_bars["AAPL"].at == START + timedelta(days=3)
    assert after.risk == risk
    assert after.orders["b"].best_price == 103.0


def test_mode_profile_and_trading_state_change_by_hand() -> None:
    halted = RiskState(TradingState.HALTED, "emergency stop", "somebody")
    after = account(
        AccountSettingsChanged(TradingMode.OBSERVE, "conservative", "somebody"),
        TradingStateChanged(halted),
    )
    assert (after.mode, after.profile, after.risk) == (TradingMode.OBSERVE, "conservative", halted)


PLACED = OrderSubmitted(order())


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ((filled(1.0, 100.0),), "Order a is not open"),
        ((PLACED, PLACED), "Order a of AAPL was placed already"),
        ((PLACED, filled(11.0, 100.0)), "has 10.0 units left and cannot fill 11.0"),
        ((PLACED, filled(-1.0, 100.0)), "is to buy AAPL, but its fill is of -1.0"),
        ((PLACED, filled(10.0, 100.0), filled(1.0, 100.0)), "Order a is not open"),
        ((PLACED, OrderClosed("a", OrderStatus.FILLED, "")), "cannot end as filled"),
        ((PLACED, OrderClosed("a", OrderStatus.ACCEPTED, "")), "is working and cannot become held"),
        (
            (OrderSubmitted(order(status=OrderStatus.ACCEPTED)), filled(1.0, 100.0)),
            "is held and cannot become partially filled",
        ),
        (
            (PLACED, filled(1.0, 100.0), OrderClosed("a", OrderStatus.REJECTED, "")),
            "is partially filled and cannot become rejected",
        ),
        (
            (OrderSubmitted(order(status=OrderStatus.PARTIALLY_FILLED)),),
            "placed as partially filled",
        ),
        ((OrderSubmitted(order(quantity=math.inf)),), "is for inf"),
        ((PLACED, OrderUpdated(order(side=Side.SELL))), "changed its symbol, side, key or fills"),
        ((PLACED, OrderUpdated(order(remaining=4.0))), "its units add up"),
        ((PLACED, AccountReset(1.0, "")), "leaves order a open"),
        ((SplitApplied("AAPL", 0.0),), "into 0.0 is none"),
        (OPENING, "is open already"),
    ],
)
def test_what_cannot_happen_is_refused_and_named(
    events: tuple[AccountEvent, ...], reason: str
) -> None:
    with pytest.raises(VerificationError, match=reason):
        account(*events)


def test_entries_are_folded_in_turn_and_the_first_opens_the_account() -> None:
    with pytest.raises(VerificationError, match="the next of this account is 1"):
        fold([AccountEntry(2, START, OPENING[0])])
    with pytest.raises(VerificationError, match="The first entry of an account opens it"):
        fold([AccountEntry(1, START, OPENING[1])])
    with pytest.raises(VerificationError, match="Entry 4 cannot follow"):
        apply(account(), AccountEntry(4, START, OPENING[1]))
    with pytest.raises(VerificationError, match="There is no entry"):
        fold([])


def test_an_account_that_agrees_with_its_entries_has_no_differences() -> None:
    recorded = traded((10.0, 100.0, 5.0))
    assert differences(recorded, traded((10.0, 100.0, 5.0))) == ()
    assert differences(replace(recorded, cash=recorded.cash + 0.004), recorded) == ()


def test_each_difference_is_reported_with_both_figures() -> None:
    rebuilt = account(PLACED, filled(4.0, 100.0, 5.0))
    position = replace(rebuilt.positions["AAPL"], quantity=5.0)
    recorded = replace(
        rebuilt, cash=rebuilt.cash - 0.01, positions={"AAPL": position}, orders={}, last_bars={}
    )
    found = differences(recorded, rebuilt)
    assert found[0].startswith("account: cash is 99594.99, but the entries make 99595.0")
    assert "position AAPL: quantity is 5.0, but the entries make 4.0" in found
    assert any(line.startswith("order a is missing") for line in found)
    assert any(line.startswith("last bar AAPL is missing") for line in found)


deals = st.lists(
    st.tuples(
        st.integers(-50, 50).filter(bool).map(lambda lots: lots * 0.25),
        st.integers(100, 20_000).map(lambda cents: cents / 100),
        st.integers(0, 500).map(lambda cents: cents / 100),
    ),
    max_size=40,
)


@given(deals=deals, last=st.integers(1, 20_000).map(lambda cents: cents / 100))
def test_what_was_deposited_realised_and_is_unrealised_is_the_equity(
    deals: list[tuple[float, float, float]], last: float
) -> None:
    after = traded(*deals)
    cash = 100_000.0 - math.fsum(units * price + fees for units, price, fees in deals)
    units = sum(units for units, *_ in deals)
    assert after.cash == pytest.approx(cash, abs=1e-6)
    position = after.positions.get("AAPL")
    assert (position.quantity if position else 0.0) == units
    open_profit = position.quantity * (last - position.average_cost) if position else 0.0
    assert cash + units * last == pytest.approx(
        after.deposited + after.realised + open_profit, abs=1e-4
    )
