"""Kinds of orders one by one, and a long run of random ones: how an order meets a bar."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant.jit import compiled
from trading import kernels
from trading.costs import CostSettings
from trading.kernels import codes
from trading.kernels.codes import A_DAY, AT_A_LIMIT, AT_A_STOP, AT_THE_OPEN
from trading.kernels.state import NO_ASKS, NO_GROUPS, Asks, Bars, Desk, Groups, new_desk
from trading.limits import UNLIMITED, LimitSettings, TradingSettings

FREE = CostSettings(half_spread_bps=0, commission_bps=0, impact=0, volume_cap=1, borrow_bps=0)
BUY, SELL = 1, -1


class Stand:
    """One symbol, one account of 10,000 and as many manual orders as are placed."""

    def __init__(self, units: float = 0.0, costs: CostSettings = FREE, **limits: object) -> None:
        told = UNLIMITED.model_copy(update=limits)
        self.desk: Desk = new_desk(("AAPL",), TradingSettings(costs=costs, limits=told), 8)
        for name in ("cash", "equity", "high"):
            self.desk.state[name] = 10_000.0
        if units:
            self.desk.held["quantity"], self.desk.held["average_cost"] = units, 100.0
            self.desk.held["last_price"], self.desk.held["last_bar_at"] = 100.0, 0.0
        self.placed, self.day = 0, 0

    def place(self, side: int, kind: int, units: float, **told: object) -> int:
        m = 3 + self.placed
        self.placed += 1
        kernels.clear(self.desk.book[m], 0, side, units, self.day * A_DAY)
        self.desk.book[m]["order_type"] = kind
        for name, value in told.items():
            self.desk.book[m][name] = value
        return m

    def bar(self, opening, high, low, close, volume=1e9) -> list[tuple[float, float, int]]:
        """Units, price and moment of the fills of one more day."""
        self.day += 1
        before = int(self.desk.state["fill_count"][0])
        figures = [np.array([[float(each)]]) for each in (opening, high, low, close, volume)]
        ends = np.array([self.day * A_DAY])
        kernels.bar_row(
            self.desk,
            Bars(*figures, np.zeros((1, 1)), np.full((1, 1), 0.01), ends, ends - A_DAY, ends),
            0,
        )
        fills = self.desk.fills[before : self.desk.state["fill_count"][0]]
        return list(
            zip(
                fills["quantity"].tolist(),
                fills["price"].tolist(),
                fills["trigger"].tolist(),
                strict=True,
            )
        )

    def ask(self, target: float, ceiling: float = 1.0) -> None:
        asks = Asks(
            np.array([[codes.DECIDE]], np.int8), np.array([[target]]), np.array([[ceiling]])
        )
        kernels.ask_row(self.desk, asks, NO_GROUPS, 0, self.day * A_DAY)

    def status(self, m: int) -> int:
        return int(self.desk.book[m]["status"])

    def why(self, m: int) -> str:
        return codes.WHY[self.desk.book[m]["reason"]]


def test_a_stop_that_the_open_has_passed_fills_at_the_open():
    stand = Stand(10)
    stand.place(SELL, codes.STOP, 10, stop_price=95.0)
    assert stand.bar(99, 101, 96, 100) == []
    assert stand.bar(90, 92, 88, 91) == [(-10.0, 90.0, AT_THE_OPEN)]


def test_a_stop_touched_within_the_bar_fills_at_its_price_less_slip():
    stand = Stand(10, CostSettings(half_spread_bps=100, commission_bps=0, impact=0, volume_cap=1))
    stand.place(SELL, codes.STOP, 10, stop_price=95.0)
    assert stand.bar(99, 101, 95, 100) == [(-10.0, 95.0, AT_A_STOP)]  # no lower price was there
    assert stand.desk.fills[0]["residual_slippage"] == pytest.approx(10 * 0.95)
    deep = Stand(10, CostSettings(half_spread_bps=100, commission_bps=0, impact=0, volume_cap=1))
    deep.place(SELL, codes.STOP, 10, stop_price=95.0)
    [(_, price, _)] = deep.bar(99, 101, 90, 100)
    assert price == pytest.approx(95 * 0.99)
    assert deep.desk.state["cash"] == pytest.approx(stand.desk.state["cash"])


def test_a_limit_touched_is_not_filled_and_one_traded_through_is():
    stand = Stand()
    m = stand.place(BUY, codes.LIMIT, 10, limit_price=95.0)
    assert stand.bar(99, 101, 95, 100) == []
    assert stand.bar(99, 101, 94.99, 100) == [(10.0, 95.0, AT_A_LIMIT)]
    assert stand.status(m) == codes.FILLED


def test_a_limit_takes_a_better_open_but_never_pays_more_than_it_says():
    stand = Stand(0, CostSettings(half_spread_bps=200, commission_bps=0, impact=0, volume_cap=1))
    stand.place(BUY, codes.LIMIT, 10, limit_price=95.0)
    [(_, price, moment)] = stand.bar(94, 101, 90, 100)
    assert (price, moment) == (95.0, AT_THE_OPEN)


def test_a_stop_limit_is_a_limit_from_the_bar_after_it_was_triggered():
    stand = Stand(10)
    stand.place(SELL, codes.STOP_LIMIT, 10, stop_price=95.0, limit_price=94.0)
    assert stand.bar(99, 101, 90, 92) == []
    assert stand.bar(92, 93, 91, 92) == []
    assert stand.bar(93, 96, 92, 95) == [(-10.0, 94.0, AT_A_LIMIT)]


def test_a_stop_limit_passed_by_the_open_does_not_sell_below_its_limit():
    stand = Stand(10)
    stand.place(SELL, codes.STOP_LIMIT, 10, stop_price=95.0, limit_price=94.0)
    assert stand.bar(90, 93, 89, 92) == []
    assert stand.bar(96, 97, 95, 96) == [(-10.0, 96.0, AT_THE_OPEN)]


@pytest.mark.parametrize("told", [{"trail_amount": 5.0}, {"trail_fraction": 0.05}])
def test_a_trailing_stop_follows_the_best_price_seen_before_the_bar(told):
    stand = Stand(10)
    stand.place(SELL, codes.TRAILING_STOP, 10, best=100.0, **told)
    assert stand.bar(100, 120, 99, 119) == []  # the bar's own high moves it for the next one
    level = 120 - 5 if "trail_amount" in told else 120 * 0.95
    assert stand.bar(118, 119, 113, 117) == [(-10.0, pytest.approx(level), AT_A_STOP)]


def test_stop_and_profit_in_one_bar_is_the_stop():
    stand = Stand(10)
    stop = stand.place(SELL, codes.STOP, 10, stop_price=95.0, group=9, reduce_only=True)
    profit = stand.place(SELL, codes.LIMIT, 10, limit_price=105.0, group=9, reduce_only=True)
    assert stand.bar(100, 110, 90, 100) == [(-10.0, 95.0, AT_A_STOP)]
    assert stand.status(stop) == codes.FILLED
    assert stand.why(profit) == "another order of its group was filled"


def test_a_part_of_one_exit_shrinks_the_other():
    stand = Stand(10, FREE.model_copy(update={"volume_cap": 0.5}))
    stand.place(SELL, codes.STOP, 10, stop_price=95.0, group=9, reduce_only=True)
    profit = stand.place(SELL, codes.LIMIT, 10, limit_price=105.0, group=9, reduce_only=True)
    assert stand.bar(100, 104, 90, 100, volume=8) == [(-4.0, 95.0, AT_A_STOP)]
    assert stand.desk.book[profit]["remaining"] == 6.0


def test_a_bracket_bought_at_the_open_may_take_profit_in_that_bar():
    stand = Stand()
    parent = stand.place(BUY, codes.MARKET, 10)
    told = {"status": codes.HELD, "parent": parent, "group": 9, "reduce_only": True}
    stand.place(SELL, codes.STOP, 10, stop_price=95.0, **told)
    stand.place(SELL, codes.LIMIT, 10, limit_price=105.0, **told)
    assert [fill[2] for fill in stand.bar(100, 106, 96, 100)] == [AT_THE_OPEN, AT_A_LIMIT]


def test_a_bracket_bought_within_the_bar_may_stop_out_in_it_but_not_take_profit():
    for low, filled in ((93.0, [AT_A_LIMIT, AT_A_STOP]), (96.0, [AT_A_LIMIT])):
        stand = Stand()
        parent = stand.place(BUY, codes.LIMIT, 10, limit_price=98.0)
        told = {"status": codes.HELD, "parent": parent, "group": 9, "reduce_only": True}
        stand.place(SELL, codes.STOP, 10, stop_price=95.0, **told)
        stand.place(SELL, codes.LIMIT, 10, limit_price=105.0, **told)
        assert [fill[2] for fill in stand.bar(100, 110, low, 100)] == filled


def test_exits_end_with_a_parent_that_is_never_filled():
    stand = Stand()
    parent = stand.place(BUY, codes.LIMIT, 10, limit_price=50.0, time_in_force=codes.DAY)
    told = {"status": codes.HELD, "parent": parent, "group": 9, "reduce_only": True}
    stop = stand.place(SELL, codes.STOP, 10, stop_price=45.0, **told)
    assert stand.bar(100, 110, 90, 100) == []
    assert stand.status(parent) == codes.EXPIRED
    assert stand.why(stop) == "its parent has ended"


def test_terms_end_what_they_must():
    stand = Stand(0, FREE.model_copy(update={"volume_cap": 0.5}))
    part = stand.place(BUY, codes.MARKET, 10, time_in_force=codes.IOC)
    whole = stand.place(BUY, codes.MARKET, 10, time_in_force=codes.FOK)
    today = stand.place(BUY, codes.LIMIT, 1, limit_price=50.0, time_in_force=codes.DAY)
    always = stand.place(BUY, codes.LIMIT, 1, limit_price=50.0)
    assert stand.bar(100, 101, 99, 100, volume=8) == [(4.0, 100.0, AT_THE_OPEN)]
    assert stand.status(part) == codes.CANCELLED
    assert stand.why(whole) == "it could not be filled whole at the open"
    assert stand.status(today) == codes.EXPIRED
    assert stand.status(always) == codes.WORKING


def test_reduce_only_neither_opens_nor_flips():
    stand = Stand(4)
    more = stand.place(SELL, codes.MARKET, 10, reduce_only=True)
    none = stand.place(BUY, codes.MARKET, 10, reduce_only=True)
    assert stand.bar(100, 101, 99, 100) == [(-4.0, 100.0, AT_THE_OPEN)]
    assert stand.why(more) == stand.why(none) == "nothing is left to reduce"


def test_long_only_sells_no_more_than_there_is():
    stand = Stand(4)
    stand.place(SELL, codes.MARKET, 10)
    assert stand.bar(100, 101, 99, 100) == [(-4.0, 100.0, AT_THE_OPEN)]


def test_a_short_keeps_its_margin_pays_its_borrowing_and_is_bought_back():
    stand = Stand(0, FREE.model_copy(update={"borrow_bps": 3650.0}), shorting=True)
    stand.place(SELL, codes.MARKET, 1_000)
    [(units, _, _)] = stand.bar(100, 100, 100, 100)
    assert units == -200.0  # half of its value beside its proceeds
    assert stand.place(BUY, codes.MARKET, 50)
    assert stand.bar(100, 100, 100, 100) == [(50.0, 100.0, AT_THE_OPEN)]
    assert stand.desk.state["borrowing"] == pytest.approx(200 * 100 * 0.365 / 365)
    assert stand.desk.state["equity"] == pytest.approx(10_000 - 20.0)


def test_an_order_meets_no_bar_that_opened_before_it_was_placed():
    stand = Stand()
    stand.place(BUY, codes.MARKET, 1, submitted=A_DAY // 2)
    assert stand.bar(100, 101, 99, 100) == []
    assert stand.bar(100, 101, 99, 100) == [(1.0, 100.0, AT_THE_OPEN)]


def test_what_the_cash_does_not_reach_is_given_up():
    stand = Stand()
    m = stand.place(BUY, codes.MARKET, 1_000)
    assert stand.bar(100, 101, 99, 100) == [(100.0, 100.0, AT_THE_OPEN)]
    assert (stand.status(m), stand.why(m)) == (codes.CANCELLED, "the cash did not reach")


def test_an_order_that_has_ended_within_the_bar_is_not_ended_again():
    stand = Stand()
    stand.desk.state["cash"] = 0.0
    m = stand.place(BUY, codes.LIMIT, 10, limit_price=95.0, time_in_force=codes.DAY)
    assert stand.bar(99, 101, 90, 100) == []
    assert (stand.status(m), stand.why(m)) == (codes.CANCELLED, "the cash did not reach")


def test_the_committees_buys_are_guarded_and_the_guards_follow_the_position():
    stand = Stand(stop_loss=0.1, take_profit=0.2, trailing=0.05)
    stand.bar(100, 100, 100, 100)
    stand.ask(0.5)
    stand.bar(100, 100, 100, 100)
    stop, profit = stand.desk.book[1], stand.desk.book[2]
    assert (stop["remaining"], stop["stop_price"], profit["limit_price"]) == (50.0, 90.0, 120.0)
    assert stand.bar(100, 118, 100, 118) == []
    assert stand.bar(117, 118, 110, 111) == [(-50.0, pytest.approx(118 * 0.95), AT_A_STOP)]
    assert stand.status(2) == codes.CANCELLED


def test_a_symbol_is_not_bought_again_so_soon_after_a_fill():
    stand = Stand(pause_seconds=90_000.0)
    stand.bar(100, 100, 100, 100)
    stand.ask(0.5)
    assert stand.bar(100, 100, 100, 100) == [(50.0, 100.0, AT_THE_OPEN)]
    stand.ask(0.6)
    assert stand.bar(100, 100, 100, 100) == []
    stand.ask(0.6)
    assert len(stand.bar(100, 100, 100, 100)) == 1


def test_a_halted_account_loses_its_orders_and_trades_nothing():
    stand = Stand(10)
    m = stand.place(SELL, codes.LIMIT, 10, limit_price=101.0)
    stand.bar(100, 100, 100, 100)
    stand.desk.state["trading_state"] = codes.HALTED
    stand.ask(0.5)
    assert stand.why(m) == "the account is halted"
    assert stand.bar(110, 120, 100, 100) == []


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(0.01, 100).map(lambda x: round(x, 2)),
            st.booleans(),
            st.floats(1, 100),
            st.floats(0, 5),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_a_position_and_its_cash_always_make_the_profit(fills):
    units = cost = realised = cash = 0.0
    for size, bought, price, fee in fills:
        traded = size if bought else -size
        cash -= traded * price + fee
        units, cost, profit = kernels.settle(units, cost, traded, price, fee)
        realised += profit
        assert cash + units * 50.0 == pytest.approx(realised + units * (50.0 - cost), abs=1e-6)


@compiled
def disturb(desk: Desk, kinds: np.ndarray, numbers: np.ndarray, t: int) -> None:
    """Random new orders in records that are free or over."""
    for k in range(3 * len(desk.held), len(desk.book)):
        order, draw = desk.book[k], numbers[t, k]
        if not (order["status"] == 0 or order["status"] > 3) or draw > 0.9:
            continue
        n = k % len(desk.held)
        last = desk.held[n]["last_price"] if desk.held[n]["last_price"] > 0.0 else 100.0
        side = 1 if kinds[t, k] % 2 else -1
        kernels.clear(order, n, side, np.floor(draw * 1e6) / 1e4, desk.state[0]["at"])
        order["order_type"], order["time_in_force"] = kinds[t, k] // 2 % 5, kinds[t, k] // 10 % 4
        order["limit_price"] = last * (1.0 - side * (draw - 0.3) * 0.05)
        order["stop_price"] = last * (1.0 + side * (draw - 0.2) * 0.05)
        order["trail_fraction"], order["best"] = 0.01 + 0.05 * draw, last
        order["reduce_only"], order["group"] = kinds[t, k] % 7 == 0, kinds[t, k] % 5


@compiled
def wander(
    desk: Desk, bars: Bars, nothing: Asks, alone: Groups, kinds: np.ndarray, numbers: np.ndarray
) -> tuple[int, int, int]:
    """Random orders through all bars: events, broken rules, and the first row of one."""
    events, broken, first = 0, 0, -1
    rows = len(bars.known_at)
    sums, standing = np.empty((4, rows)), np.empty((2, rows), np.int8)
    cash, units = desk.state[0]["cash"], np.zeros(len(desk.held))
    for t in range(len(bars.known_at)):
        disturb(desk, kinds, numbers, t)
        for m in range(len(desk.book)):
            if 2 <= desk.book[m]["status"] <= 3:
                events += 1
        desk.state[0]["fill_count"] = 0
        kernels.trade_rows(desk, bars, nothing, alone, t, t + 1, sums, standing)
        taken = np.zeros(len(desk.held))
        for f in range(desk.state[0]["fill_count"]):
            line = desk.fills[f]
            n = line["symbol"]
            events += 1
            cash -= line["quantity"] * line["price"] + (
                line["commission"] + line["residual_slippage"]
            )
            units[n] += line["quantity"]
            taken[n] += abs(line["quantity"])
            if not bars.low[t, n] <= line["price"] <= bars.high[t, n]:
                broken += 1
        wrong = abs(cash - desk.state[0]["cash"]) > 1e-4 or desk.state[0]["cash"] < -1e-6
        for n in range(len(units)):
            room = desk.rules[0]["volume_cap"] * bars.volume[t, n]
            wrong = wrong or abs(units[n] - desk.held[n]["quantity"]) > 1e-6
            wrong = wrong or units[n] < -1e-6 or taken[n] > room * (1 + 1e-9) + 1e-9
        for m in range(len(desk.book)):
            order = desk.book[m]
            over = order["status"] == codes.FILLED
            wrong = wrong or (over and order["remaining"] != 0.0) or order["remaining"] < 0.0
            wrong = wrong or (order["status"] == codes.WORKING and order["filled"] > 0.0)
        if wrong:
            broken, first = broken + 1, t if first < 0 else first
    return events, broken, first


def test_a_million_random_orders_and_fills_make_and_lose_nothing():
    rows, symbols, manual, random = 12_000, 20, 200, np.random.default_rng(11)
    desk = new_desk(
        [f"S{n}" for n in range(symbols)],
        TradingSettings(limits=LimitSettings(stop_loss=0.05, take_profit=0.05)),
        manual,
    )
    for name in ("cash", "equity", "high"):
        desk.state[name] = 1e6
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, (rows, symbols)), axis=0) * 0.1)
    opening = close * np.exp(random.normal(0, 0.01, close.shape))
    high = np.maximum(opening, close) * (1 + random.random(close.shape) * 0.02)
    low = np.minimum(opening, close) * (1 - random.random(close.shape) * 0.02)
    volume = random.choice([0.0, 100.0, 1e4, 1e6], close.shape)
    days = np.arange(1, rows + 1) * A_DAY
    bars = Bars(opening, high, low, close, volume, np.zeros(close.shape),
                np.full(close.shape, 0.01), days, days - A_DAY, days)  # fmt: skip
    kinds = random.integers(0, 1000, (rows, len(desk.book)))
    events, broken, first = wander(
        desk, bars, NO_ASKS, NO_GROUPS, kinds, random.random((rows, len(desk.book)))
    )
    assert events > 1_000_000
    assert broken == 0, f"first in row {first}"
    assert math.isfinite(desk.state["equity"][0])


def test_two_buys_do_not_cover_the_same_short():
    stand = Stand(-10, shorting=True)
    for _ in range(2):
        stand.place(BUY, codes.MARKET, 10, reduce_only=True)
    assert stand.bar(100, 101, 99, 100) == [(10.0, 100.0, AT_THE_OPEN)]
    assert stand.desk.held["quantity"] == [0.0]
    poor = Stand(-10, shorting=True)
    poor.desk.state["cash"] = 1_500.0
    for _ in range(2):
        poor.place(BUY, codes.MARKET, 10)
    poor.bar(100, 101, 99, 100)
    assert poor.desk.state["cash"] >= 0.0


def test_an_account_without_money_trips_no_breaker():
    stand = Stand(drawdown=0.15, daily_loss=0.05)
    for name in ("cash", "equity", "high"):
        stand.desk.state[name] = 0.0
    stand.bar(100, 101, 99, 100)
    assert stand.desk.state["trading_state"] == codes.ACTIVE
