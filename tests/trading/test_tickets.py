"""A ticket becomes an order, or is refused with the reason and what would be accepted."""

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from domain.errors import InputError
from domain.trading.account import Account, LastBar, Position, RiskState, TradingMode, TradingState
from domain.trading.orders import (
    Amendment,
    Order,
    OrderSource,
    OrderStatus,
    OrderType,
    Side,
    Ticket,
    TimeInForce,
)
from trading.limits import LimitSettings, TradingSettings
from trading.orders.tickets import amend_order, orders_from_ticket, preview_ticket
from trading.pre_trade.checks import MarketSnapshot, require_passed, run_checks
from trading.sizing.position_sizing import SizingSettings

NOW = datetime(2024, 3, 5, 15, 30, tzinfo=UTC)
BEFORE = NOW - timedelta(days=1)
SETTINGS = TradingSettings()
SHORTING = TradingSettings(limits=LimitSettings(shorting=True))
MARKET = MarketSnapshot(
    now=NOW, price=100.0, priced_at=BEFORE, volatility=0.02, volume=1e6, is_open=True
)
ACCOUNT = Account(
    opened_at=BEFORE,
    currency="USD",
    mode=TradingMode.AUTO,
    profile="balanced",
    cash=90_000.0,
    deposited=100_000.0,
    positions={"AAPL": Position(100.0, 95.0, 0.0, BEFORE)},
    last_bars={"AAPL": LastBar(BEFORE, 100.0, BEFORE)},
)


def ticket(**terms: Any) -> Ticket:
    return Ticket(**{"symbol": "AAPL", "side": Side.BUY, "quantity": 10.0, **terms})


def refusal(
    order_ticket: Ticket,
    account: Account = ACCOUNT,
    market: MarketSnapshot = MARKET,
    settings: TradingSettings = SETTINGS,
) -> str:
    """Why it is refused; empty where it is not."""
    try:
        require_passed(
            preview_ticket(order_ticket, account, market, settings, SizingSettings()).checks
        )
    except InputError as refused:
        return str(refused)
    return ""


def test_a_plain_order_passes_every_rule_and_shows_what_it_would_do() -> None:
    preview = preview_ticket(ticket(), ACCOUNT, MARKET, SETTINGS, SizingSettings())
    assert all(check.passed for check in preview.checks)
    slip = 0.0002 + 0.02 * math.sqrt(10 / 1e6)
    assert preview.costs == pytest.approx(1000.0 * (slip + 0.0001))
    assert preview.value == pytest.approx(1000.0 + preview.costs)
    assert preview.weight == pytest.approx(0.11)
    assert preview.expires_at - NOW == timedelta(seconds=15)
    assert any("next bar" in line for line in preview.assumptions)
    assert any("2 bp" in line for line in preview.assumptions)


def test_a_limit_pays_commission_and_no_spread() -> None:
    preview = preview_ticket(
        ticket(order_type=OrderType.LIMIT, limit_price=99.0),
        ACCOUNT,
        MARKET,
        SETTINGS,
        SizingSettings(),
    )
    assert preview.costs == pytest.approx(990.0 * 0.0001)


@pytest.mark.parametrize("quantity", [0.0, -5.0, math.nan, math.inf, 1e308])
def test_a_quantity_that_is_none_is_refused_with_the_range_there_is(quantity: float) -> None:
    assert "The quantity is" in (reason := refusal(ticket(quantity=quantity)))
    assert "Give a number of units from" in reason


def test_a_quantity_between_lots_is_refused_with_its_neighbours() -> None:
    whole = TradingSettings(limits=LimitSettings(fractional=False))
    assert "Give 10 or 11" in refusal(ticket(quantity=10.5), settings=whole)
    assert refusal(ticket(quantity=10.5)) == ""


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"limit_price": 99.0}, "A market order has no limit. Leave it out"),
        ({"order_type": OrderType.LIMIT}, "A limit order needs a limit"),
        ({"order_type": OrderType.STOP}, "A stop order needs a stop"),
        ({"order_type": OrderType.STOP_LIMIT, "stop_price": 105.0}, "needs a limit"),
        ({"order_type": OrderType.TRAILING_STOP}, "needs a trail"),
        (
            {"order_type": OrderType.TRAILING_STOP, "trail_amount": 1.0, "trail_fraction": 0.1},
            "Give one of them",
        ),
        ({"order_type": OrderType.TRAILING_STOP, "trail_fraction": 1.5}, "between 0 and 1"),
        (
            {"order_type": OrderType.TRAILING_STOP, "side": Side.SELL, "trail_amount": 100.0},
            "below 0",
        ),
        ({"order_type": OrderType.LIMIT, "limit_price": 99.005}, "Give 99 or 99.01"),
        ({"order_type": OrderType.LIMIT, "limit_price": -1.0}, "Give a price above 0"),
        ({"order_type": OrderType.LIMIT, "limit_price": math.nan}, "Give a price above 0"),
        ({"order_type": OrderType.STOP, "stop_price": 99.0}, "wrong side.*Give one above"),
        (
            {"order_type": OrderType.STOP, "side": Side.SELL, "stop_price": 101.0},
            "wrong side.*Give one below",
        ),
        (
            {"order_type": OrderType.TAKE_PROFIT, "side": Side.SELL, "limit_price": 99.0},
            "Give one above",
        ),
        ({"stop_loss": 101.0}, "bracket is crossed.*stop loss.*Give one below"),
        ({"take_profit": 99.0}, "bracket is crossed.*take profit.*Give one above"),
        (
            {"order_type": OrderType.LIMIT, "limit_price": 90.0, "stop_loss": 95.0},
            "bracket is crossed",
        ),
        ({"side": Side.SELL, "reduce_only": True, "stop_loss": 110.0}, "takes no exits"),
        ({"time_in_force": TimeInForce.IOC, "stop_loss": 90.0}, "Choose day or gtc"),
        (
            {"order_type": OrderType.STOP, "stop_price": 105.0, "time_in_force": TimeInForce.FOK},
            "Choose day or gtc",
        ),
        ({"symbol": "^GSPC"}, "is an index"),
        ({"note": "x" * 501}, "at most 500"),
    ],
)
def test_a_ticket_that_is_no_order_is_refused_with_what_would_be(
    terms: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        preview_ticket(ticket(**terms), ACCOUNT, MARKET, SETTINGS, SizingSettings())


def test_a_buy_over_cash_is_refused_with_what_the_cash_reaches() -> None:
    poor = replace(
        ACCOUNT,
        cash=500.0,
        positions={"ZZZZ": Position(100.0, 95.0, 0.0, BEFORE)},
        last_bars={"ZZZZ": LastBar(BEFORE, 100.0, BEFORE)},
    )
    reason = refusal(ticket(), poor)
    assert "Over cash" in reason
    most = float(reason.split("Give at most ")[-1].split()[0])
    assert 4.9 < most < 5.0
    assert refusal(ticket(quantity=math.floor(most * 1e4) / 1e4), poor) == ""


def test_what_is_advised_is_accepted() -> None:
    advised = 0
    for cash in range(20_000, 30_000, 37):  # of equity, held in thirds of a unit
        account = replace(ACCOUNT, cash=float(cash), positions={}, last_bars={})
        for price in (96.77, 187.73, 0.3377, 7.01):
            market = replace(MARKET, price=price)
            reason = refusal(ticket(quantity=1e6), account, market)
            most = min(float(part.split()[0]) for part in reason.split("Give at most ")[1:])
            assert refusal(ticket(quantity=most), account, market) == ""
            advised += 1
    least = refusal(ticket(quantity=0.0001), market=replace(MARKET, price=96.77))
    units = float(least.split("Give at least ")[-1].split()[0])
    assert refusal(ticket(quantity=units), market=replace(MARKET, price=96.77)) == ""
    assert advised > 1000


def test_where_nothing_fits_no_number_is_advised() -> None:
    penniless = replace(ACCOUNT, cash=0.0, positions={}, last_bars={})
    reason = refusal(ticket(), penniless)
    assert reason.count("There is room for none.") == 5
    assert "Give" not in reason
    assert math.isnan(
        preview_ticket(ticket(), penniless, MARKET, SETTINGS, SizingSettings()).weight
    )


def test_a_sale_of_what_is_not_held_is_refused_for_that_alone() -> None:
    for terms in ({}, {"reduce_only": True}):
        reason = refusal(ticket(symbol="MSFT", side=Side.SELL, quantity=5_000.0, **terms))
        assert reason.endswith("There is nothing to reduce.")


def test_what_open_buys_will_cost_is_not_free() -> None:
    (waiting,) = orders_from_ticket(
        ticket(order_type=OrderType.LIMIT, limit_price=90.0, quantity=995.0),
        id="a",
        key="a",
        at=NOW,
    )
    assert "Over cash" in refusal(ticket(), replace(ACCOUNT, orders={"a": waiting}))


def test_a_sale_of_more_than_is_held_is_refused_unless_shorting_is_on() -> None:
    sale = ticket(side=Side.SELL, quantity=150.0)
    assert "shorting is off. Give at most 100." in refusal(sale)
    assert refusal(sale, settings=SHORTING) == ""


def test_a_short_needs_its_margin_in_cash() -> None:
    poor = replace(ACCOUNT, cash=2_000.0)
    sale = ticket(side=Side.SELL, quantity=150.0)
    assert "margin" in refusal(sale, poor, settings=SHORTING)


def test_what_a_short_brought_in_cannot_be_spent() -> None:
    short = replace(
        ACCOUNT,
        cash=1_600.0,
        positions={"MSFT": Position(-10.0, 100.0, 0.0, BEFORE)},
        last_bars={"MSFT": LastBar(BEFORE, 100.0, BEFORE)},
    )
    assert "of 100.00 that is free" in refusal(ticket(quantity=1.5), short, settings=SHORTING)
    preview = preview_ticket(ticket(quantity=0.9), short, MARKET, SHORTING, SizingSettings())
    assert {check.name: check.passed for check in preview.checks}["cash"]


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_what_only_reduces_may_not_exceed_what_is_held(side: Side) -> None:
    order_ticket = ticket(side=side, quantity=101.0, reduce_only=True)
    assert "the order only reduces" in refusal(order_ticket, settings=SHORTING)


def test_a_price_that_cannot_be_relied_on_refuses_every_order() -> None:
    stale = replace(MARKET, stale_reason="its last bar is 6 days old")
    assert "its last bar is 6 days old" in refusal(ticket(), market=stale)


@pytest.mark.parametrize("time_in_force", [TimeInForce.IOC, TimeInForce.FOK])
def test_an_order_for_at_once_is_refused_while_the_market_is_closed(
    time_in_force: TimeInForce,
) -> None:
    closed = replace(MARKET, is_open=False)
    assert "is closed" in refusal(ticket(time_in_force=time_in_force), market=closed)
    assert refusal(ticket(time_in_force=time_in_force)) == ""
    assert refusal(ticket(time_in_force=TimeInForce.GTC), market=closed) == ""


def test_a_halted_account_trades_nothing() -> None:
    halted = replace(ACCOUNT, risk=RiskState(TradingState.HALTED, "emergency stop"))
    for side in Side:
        assert "The account is halted (emergency stop). Resume" in refusal(
            ticket(side=side), halted
        )


def test_a_reducing_account_sells_and_does_not_buy() -> None:
    risk = RiskState(TradingState.REDUCING, "daily loss", until=date(2024, 3, 6))
    reducing = replace(ACCOUNT, risk=risk)
    assert "only reduces until 2024-03-06 (daily loss)" in refusal(ticket(), reducing)
    assert refusal(ticket(side=Side.SELL), reducing) == ""


def test_an_order_and_a_position_may_only_be_so_large() -> None:
    assert "an order may be 25.0%" in refusal(ticket(quantity=251.0))
    assert "a position may be 25.0%. Give at most 150 units" in refusal(ticket(quantity=151.0))
    assert refusal(ticket(quantity=150.0)) == ""
    assert refusal(ticket(side=Side.SELL, quantity=100.0)) == ""


def test_open_orders_count_against_the_position_limit() -> None:
    (waiting,) = orders_from_ticket(ticket(quantity=100.0), id="a", key="a", at=NOW)
    reason = refusal(ticket(quantity=100.0), replace(ACCOUNT, orders={"a": waiting}))
    assert "a position may be 25.0%" in reason


def test_what_is_held_and_ordered_elsewhere_counts_against_sector_and_gross_limits() -> None:
    account = replace(
        ACCOUNT,
        positions={**ACCOUNT.positions, "MSFT": Position(200.0, 95.0, 0.0, BEFORE)},
        last_bars={**ACCOUNT.last_bars, "MSFT": LastBar(BEFORE, 100.0)},
    )

    def checks(**limits: object) -> dict[str, bool]:
        sizing = SizingSettings.model_validate(limits)
        preview = preview_ticket(ticket(), account, MARKET, SETTINGS, sizing)
        return {check.name: check.passed for check in preview.checks}

    assert checks()["sector limit"]
    assert checks()["gross limit"]
    assert not checks(sector_limit=0.2)["sector limit"]
    assert not checks(gross_limit=0.2)["gross limit"]
    assert checks(sector_limit=0.2, sectors={"MSFT": "elsewhere"})["sector limit"]


def test_a_symbol_pauses_between_trades_but_may_always_be_sold() -> None:
    last_bars = {"AAPL": LastBar(BEFORE, 100.0, NOW - timedelta(seconds=100))}
    traded = replace(ACCOUNT, last_bars=last_bars)
    assert "300 s must pass between trades. Wait 200 s." in refusal(ticket(), traded)
    assert refusal(ticket(side=Side.SELL), traded) == ""


def test_an_order_has_a_least_value_unless_it_closes_the_position() -> None:
    assert "less than the least" in refusal(ticket(quantity=0.001))
    crumb = replace(ACCOUNT, positions={"AAPL": Position(0.001, 95.0, 0.0, BEFORE)})
    assert refusal(ticket(side=Side.SELL, quantity=0.001), crumb) == ""


def test_a_whole_position_can_be_sold_whatever_floats_made_of_it() -> None:
    units = sum([0.1] * 8)
    assert units < 0.8
    account = replace(ACCOUNT, positions={"AAPL": Position(units, 95.0, 0.0, BEFORE)})
    for sale in (
        ticket(side=Side.SELL, quantity=0.8),
        ticket(side=Side.SELL, quantity=0.8, reduce_only=True),
    ):
        assert refusal(sale, account) == refusal(sale, account, settings=SHORTING) == ""
    assert "too much" in refusal(ticket(side=Side.SELL, quantity=0.8001), account)


def test_every_failed_rule_is_reported_not_only_the_first() -> None:
    halted = replace(ACCOUNT, cash=0.0, risk=RiskState(TradingState.HALTED, "emergency stop"))
    failed = {
        check.name
        for check in run_checks(ticket(), halted, MARKET, SETTINGS, SizingSettings())
        if not check.passed
    }
    assert failed == {"account", "cash", "position limit", "sector limit", "gross limit"}


def test_a_bracket_becomes_three_orders_of_which_two_wait() -> None:
    entry, stop, profit = orders_from_ticket(
        ticket(stop_loss=90.0, take_profit=120.0), id="a", key="k", at=NOW
    )
    assert (entry.status, entry.side, entry.order_type) == (
        OrderStatus.WORKING,
        Side.BUY,
        OrderType.MARKET,
    )
    for exit in (stop, profit):
        assert (exit.status, exit.side, exit.reduce_only) == (OrderStatus.ACCEPTED, Side.SELL, True)
        assert (exit.parent, exit.group, exit.time_in_force) == ("a", "a", TimeInForce.GTC)
    assert (stop.order_type, stop.stop_price, stop.limit_price) == (OrderType.STOP, 90.0, None)
    assert (profit.order_type, profit.stop_price, profit.limit_price) == (
        OrderType.TAKE_PROFIT,
        None,
        120.0,
    )
    assert len({order.key for order in (entry, stop, profit)}) == 3


def working(**terms: Any) -> Order:
    order_ticket = ticket(**{"order_type": OrderType.LIMIT, "limit_price": 90.0, **terms})
    return orders_from_ticket(order_ticket, id="a", key="a", at=NOW)[0]


def amend_in_market(order: Order, amendment: Amendment, account: Account = ACCOUNT) -> Order:
    account = replace(account, orders={order.id: order})
    return amend_order(order, amendment, account, MARKET, SETTINGS, SizingSettings())


def test_an_amended_order_has_the_new_terms_and_keeps_the_others() -> None:
    order = working(quantity=100.0)
    assert amend_in_market(order, Amendment(limit_price=91.0)) == replace(order, limit_price=91.0)
    assert amend_in_market(order, Amendment(quantity=150.0)) == replace(
        order, quantity=150.0, remaining=150.0
    )


@pytest.mark.parametrize(
    ("amendment", "reason"),
    [
        (Amendment(), "changes nothing"),
        (Amendment(limit_price=91.005), "off the tick"),
        (Amendment(stop_price=110.0), "has no stop"),
        (Amendment(quantity=math.nan), "Give more|The quantity is"),
        (Amendment(quantity=4.0), "4 of order a have filled, so it cannot become one of 4"),
        (Amendment(quantity=2_000.0), "an order may be"),
    ],
)
def test_an_amendment_is_checked_against_the_rules_of_a_new_order(
    amendment: Amendment, reason: str
) -> None:
    order = replace(working(), status=OrderStatus.PARTIALLY_FILLED, filled=4.0, remaining=6.0)
    with pytest.raises(InputError, match=reason):
        amend_in_market(order, amendment)


def test_a_waiting_exit_lies_on_the_right_side_of_what_its_parent_waits_for() -> None:
    order_ticket = ticket(order_type=OrderType.STOP, stop_price=120.0, stop_loss=110.0)
    entry, stop = orders_from_ticket(order_ticket, id="a", key="a", at=NOW)
    account = replace(ACCOUNT, orders={entry.id: entry, stop.id: stop})
    terms = (account, MARKET, SETTINGS, SizingSettings())
    assert amend_order(stop, Amendment(stop_price=112.0), *terms).stop_price == 112.0
    with pytest.raises(InputError, match="wrong side of the last price, 120"):
        amend_order(stop, Amendment(stop_price=121.0), *terms)


def test_an_amendment_does_not_cross_the_bracket() -> None:
    order_ticket = ticket(
        order_type=OrderType.LIMIT, limit_price=90.0, stop_loss=80.0, take_profit=120.0
    )
    account = replace(
        ACCOUNT,
        orders={
            each.id: each for each in orders_from_ticket(order_ticket, id="a", key="a", at=NOW)
        },
    )
    entry, terms = account.orders["a"], (account, MARKET, SETTINGS, SizingSettings())
    assert amend_order(entry, Amendment(limit_price=85.0), *terms).limit_price == 85.0
    with pytest.raises(InputError, match="The bracket is crossed: the stop loss"):
        amend_order(entry, Amendment(limit_price=75.0), *terms)


def test_an_exit_does_not_become_larger_than_what_it_closes() -> None:
    entry, stop = orders_from_ticket(ticket(stop_loss=80.0), id="a", key="a", at=NOW)
    waiting = replace(ACCOUNT, positions={}, orders={"a": entry, stop.id: stop})
    with pytest.raises(InputError, match=r"only reduces.* Give at most 10"):
        amend_order(stop, Amendment(quantity=11.0), waiting, MARKET, SETTINGS, SizingSettings())
    assert (
        amend_order(
            stop, Amendment(quantity=4.0), waiting, MARKET, SETTINGS, SizingSettings()
        ).remaining
        == 4.0
    )
    working = replace(stop, status=OrderStatus.WORKING)
    account = replace(ACCOUNT, orders={stop.id: working})
    assert (
        amend_order(
            working, Amendment(quantity=100.0), account, MARKET, SETTINGS, SizingSettings()
        ).remaining
        == 100.0
    )
    with pytest.raises(InputError, match="Give at most 100"):
        amend_order(working, Amendment(quantity=101.0), account, MARKET, SETTINGS, SizingSettings())


def test_what_has_ended_or_is_the_committees_cannot_be_amended() -> None:
    with pytest.raises(InputError, match=r"is filled\. Place a new one"):
        amend_in_market(replace(working(), status=OrderStatus.FILLED), Amendment(limit_price=91.0))
    with pytest.raises(InputError, match="the committee's"):
        amend_in_market(
            replace(working(), source=OrderSource.COMMITTEE), Amendment(limit_price=91.0)
        )
