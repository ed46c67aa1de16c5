"""Order types one by one, and a long run of random orders: how an order is matched with a bar."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant.jit import cached_njit
from trading import kernels
from trading.costs import CostSettings
from trading.kernels import codes
from trading.kernels.codes import DAY_MICROSECONDS, TRIGGER_LIMIT, TRIGGER_OPEN, TRIGGER_STOP
from trading.kernels.state import (
    NO_SHARED_LIMITS,
    NO_TARGETS,
    AccountArrays,
    BarArrays,
    SharedLimits,
    TargetMatrix,
    new_account_arrays,
)
from trading.limits import UNLIMITED, LimitSettings, TradingSettings

FREE = CostSettings(half_spread_bps=0, commission_bps=0, impact=0, volume_cap=1, borrow_bps=0)
BUY, SELL = 1, -1


class SingleSymbolAccount:
    """One symbol, one account of 10,000 and as many manual orders as are placed."""

    def __init__(self, units: float = 0.0, costs: CostSettings = FREE, **limits: object) -> None:
        limit_settings = UNLIMITED.model_copy(update=limits)
        self.arrays: AccountArrays = new_account_arrays(
            ("AAPL",), TradingSettings(costs=costs, limits=limit_settings), 8
        )
        for name in ("cash", "equity", "high"):
            self.arrays.state[name] = 10_000.0
        if units:
            self.arrays.positions["quantity"], self.arrays.positions["average_cost"] = units, 100.0
            self.arrays.positions["last_price"], self.arrays.positions["last_bar_at"] = 100.0, 0.0
        self.order_count, self.day = 0, 0

    def place_order(self, side: int, order_type: int, units: float, **terms: object) -> int:
        m = 3 + self.order_count
        self.order_count += 1
        kernels.reset_order(self.arrays.orders[m], 0, side, units, self.day * DAY_MICROSECONDS)
        self.arrays.orders[m]["order_type"] = order_type
        for name, value in terms.items():
            self.arrays.orders[m][name] = value
        return m

    def next_bar(self, opening, high, low, close, volume=1e9) -> list[tuple[float, float, int]]:
        """Quantity, price and trigger of the fills of one more day."""
        self.day += 1
        before = int(self.arrays.state["fill_count"][0])
        figures = [np.array([[float(each)]]) for each in (opening, high, low, close, volume)]
        ends = np.array([self.day * DAY_MICROSECONDS])
        kernels.process_bar(
            self.arrays,
            BarArrays(
                *figures,
                np.zeros((1, 1)),
                np.full((1, 1), 0.01),
                ends,
                ends - DAY_MICROSECONDS,
                ends,
            ),
            0,
        )
        fills = self.arrays.fills[before : self.arrays.state["fill_count"][0]]
        return list(
            zip(
                fills["quantity"].tolist(),
                fills["price"].tolist(),
                fills["trigger"].tolist(),
                strict=True,
            )
        )

    def set_target(self, target: float, ceiling: float = 1.0) -> None:
        target_matrix = TargetMatrix(
            np.array([[codes.TARGET]], np.int8), np.array([[target]]), np.array([[ceiling]])
        )
        kernels.place_target_orders(
            self.arrays, target_matrix, NO_SHARED_LIMITS, 0, self.day * DAY_MICROSECONDS
        )

    def status(self, m: int) -> int:
        return int(self.arrays.orders[m]["status"])

    def end_reason(self, m: int) -> str:
        return codes.END_REASONS[self.arrays.orders[m]["reason"]]


def test_a_stop_that_the_open_has_passed_fills_at_the_open():
    account = SingleSymbolAccount(10)
    account.place_order(SELL, codes.STOP, 10, stop_price=95.0)
    assert account.next_bar(99, 101, 96, 100) == []
    assert account.next_bar(90, 92, 88, 91) == [(-10.0, 90.0, TRIGGER_OPEN)]


def test_a_stop_touched_within_the_bar_fills_at_its_price_less_slip():
    account = SingleSymbolAccount(
        10, CostSettings(half_spread_bps=100, commission_bps=0, impact=0, volume_cap=1)
    )
    account.place_order(SELL, codes.STOP, 10, stop_price=95.0)
    assert account.next_bar(99, 101, 95, 100) == [
        (-10.0, 95.0, TRIGGER_STOP)
    ]  # no lower price was there
    assert account.arrays.fills[0]["residual_slippage"] == pytest.approx(10 * 0.95)
    deep = SingleSymbolAccount(
        10, CostSettings(half_spread_bps=100, commission_bps=0, impact=0, volume_cap=1)
    )
    deep.place_order(SELL, codes.STOP, 10, stop_price=95.0)
    [(_, price, _)] = deep.next_bar(99, 101, 90, 100)
    assert price == pytest.approx(95 * 0.99)
    assert deep.arrays.state["cash"] == pytest.approx(account.arrays.state["cash"])


def test_a_limit_touched_is_not_filled_and_one_traded_through_is():
    account = SingleSymbolAccount()
    m = account.place_order(BUY, codes.LIMIT, 10, limit_price=95.0)
    assert account.next_bar(99, 101, 95, 100) == []
    assert account.next_bar(99, 101, 94.99, 100) == [(10.0, 95.0, TRIGGER_LIMIT)]
    assert account.status(m) == codes.FILLED


def test_a_limit_takes_a_better_open_but_never_pays_more_than_it_says():
    account = SingleSymbolAccount(
        0, CostSettings(half_spread_bps=200, commission_bps=0, impact=0, volume_cap=1)
    )
    account.place_order(BUY, codes.LIMIT, 10, limit_price=95.0)
    [(_, price, trigger)] = account.next_bar(94, 101, 90, 100)
    assert (price, trigger) == (95.0, TRIGGER_OPEN)


def test_a_stop_limit_is_a_limit_from_the_bar_after_it_was_triggered():
    account = SingleSymbolAccount(10)
    account.place_order(SELL, codes.STOP_LIMIT, 10, stop_price=95.0, limit_price=94.0)
    assert account.next_bar(99, 101, 90, 92) == []
    assert account.next_bar(92, 93, 91, 92) == []
    assert account.next_bar(93, 96, 92, 95) == [(-10.0, 94.0, TRIGGER_LIMIT)]


def test_a_stop_limit_passed_by_the_open_does_not_sell_below_its_limit():
    account = SingleSymbolAccount(10)
    account.place_order(SELL, codes.STOP_LIMIT, 10, stop_price=95.0, limit_price=94.0)
    assert account.next_bar(90, 93, 89, 92) == []
    assert account.next_bar(96, 97, 95, 96) == [(-10.0, 96.0, TRIGGER_OPEN)]


@pytest.mark.parametrize("terms", [{"trail_amount": 5.0}, {"trail_fraction": 0.05}])
def test_a_trailing_stop_follows_the_best_price_seen_before_the_bar(terms):
    account = SingleSymbolAccount(10)
    account.place_order(SELL, codes.TRAILING_STOP, 10, best=100.0, **terms)
    assert account.next_bar(100, 120, 99, 119) == []  # the bar's own high moves it for the next one
    level = 120 - 5 if "trail_amount" in terms else 120 * 0.95
    assert account.next_bar(118, 119, 113, 117) == [(-10.0, pytest.approx(level), TRIGGER_STOP)]


def test_stop_and_profit_in_one_bar_is_the_stop():
    account = SingleSymbolAccount(10)
    stop = account.place_order(SELL, codes.STOP, 10, stop_price=95.0, group=9, reduce_only=True)
    profit = account.place_order(
        SELL, codes.LIMIT, 10, limit_price=105.0, group=9, reduce_only=True
    )
    assert account.next_bar(100, 110, 90, 100) == [(-10.0, 95.0, TRIGGER_STOP)]
    assert account.status(stop) == codes.FILLED
    assert account.end_reason(profit) == "another order of its group was filled"


def test_a_part_of_one_exit_shrinks_the_other():
    account = SingleSymbolAccount(10, FREE.model_copy(update={"volume_cap": 0.5}))
    account.place_order(SELL, codes.STOP, 10, stop_price=95.0, group=9, reduce_only=True)
    profit = account.place_order(
        SELL, codes.LIMIT, 10, limit_price=105.0, group=9, reduce_only=True
    )
    assert account.next_bar(100, 104, 90, 100, volume=8) == [(-4.0, 95.0, TRIGGER_STOP)]
    assert account.arrays.orders[profit]["remaining"] == 6.0


def test_a_bracket_bought_at_the_open_may_take_profit_in_that_bar():
    account = SingleSymbolAccount()
    parent = account.place_order(BUY, codes.MARKET, 10)
    terms = {"status": codes.ACCEPTED, "parent": parent, "group": 9, "reduce_only": True}
    account.place_order(SELL, codes.STOP, 10, stop_price=95.0, **terms)
    account.place_order(SELL, codes.LIMIT, 10, limit_price=105.0, **terms)
    assert [fill[2] for fill in account.next_bar(100, 106, 96, 100)] == [
        TRIGGER_OPEN,
        TRIGGER_LIMIT,
    ]


def test_a_bracket_bought_within_the_bar_may_stop_out_in_it_but_not_take_profit():
    for low, filled in ((93.0, [TRIGGER_LIMIT, TRIGGER_STOP]), (96.0, [TRIGGER_LIMIT])):
        account = SingleSymbolAccount()
        parent = account.place_order(BUY, codes.LIMIT, 10, limit_price=98.0)
        terms = {"status": codes.ACCEPTED, "parent": parent, "group": 9, "reduce_only": True}
        account.place_order(SELL, codes.STOP, 10, stop_price=95.0, **terms)
        account.place_order(SELL, codes.LIMIT, 10, limit_price=105.0, **terms)
        assert [fill[2] for fill in account.next_bar(100, 110, low, 100)] == filled


def test_exits_end_with_a_parent_that_is_never_filled():
    account = SingleSymbolAccount()
    parent = account.place_order(BUY, codes.LIMIT, 10, limit_price=50.0, time_in_force=codes.DAY)
    terms = {"status": codes.ACCEPTED, "parent": parent, "group": 9, "reduce_only": True}
    stop = account.place_order(SELL, codes.STOP, 10, stop_price=45.0, **terms)
    assert account.next_bar(100, 110, 90, 100) == []
    assert account.status(parent) == codes.EXPIRED
    assert account.end_reason(stop) == "its parent has ended"


def test_an_order_ends_with_its_time_in_force():
    account = SingleSymbolAccount(0, FREE.model_copy(update={"volume_cap": 0.5}))
    part = account.place_order(BUY, codes.MARKET, 10, time_in_force=codes.IOC)
    whole = account.place_order(BUY, codes.MARKET, 10, time_in_force=codes.FOK)
    today = account.place_order(BUY, codes.LIMIT, 1, limit_price=50.0, time_in_force=codes.DAY)
    always = account.place_order(BUY, codes.LIMIT, 1, limit_price=50.0)
    assert account.next_bar(100, 101, 99, 100, volume=8) == [(4.0, 100.0, TRIGGER_OPEN)]
    assert account.status(part) == codes.CANCELLED
    assert account.end_reason(whole) == "it could not be filled whole at the open"
    assert account.status(today) == codes.EXPIRED
    assert account.status(always) == codes.WORKING


def test_reduce_only_neither_opens_nor_flips():
    account = SingleSymbolAccount(4)
    more = account.place_order(SELL, codes.MARKET, 10, reduce_only=True)
    none = account.place_order(BUY, codes.MARKET, 10, reduce_only=True)
    assert account.next_bar(100, 101, 99, 100) == [(-4.0, 100.0, TRIGGER_OPEN)]
    assert account.end_reason(more) == account.end_reason(none) == "nothing is left to reduce"


def test_long_only_sells_no_more_than_there_is():
    account = SingleSymbolAccount(4)
    account.place_order(SELL, codes.MARKET, 10)
    assert account.next_bar(100, 101, 99, 100) == [(-4.0, 100.0, TRIGGER_OPEN)]


def test_a_short_keeps_its_margin_pays_its_borrowing_and_is_bought_back():
    account = SingleSymbolAccount(0, FREE.model_copy(update={"borrow_bps": 3650.0}), shorting=True)
    account.place_order(SELL, codes.MARKET, 1_000)
    [(units, _, _)] = account.next_bar(100, 100, 100, 100)
    assert units == -200.0  # half of its value beside its proceeds
    assert account.place_order(BUY, codes.MARKET, 50)
    assert account.next_bar(100, 100, 100, 100) == [(50.0, 100.0, TRIGGER_OPEN)]
    assert account.arrays.state["borrowing"] == pytest.approx(200 * 100 * 0.365 / 365)
    assert account.arrays.state["equity"] == pytest.approx(10_000 - 20.0)


def test_an_order_is_matched_with_no_bar_that_opened_before_it_was_placed():
    account = SingleSymbolAccount()
    account.place_order(BUY, codes.MARKET, 1, submitted=DAY_MICROSECONDS // 2)
    assert account.next_bar(100, 101, 99, 100) == []
    assert account.next_bar(100, 101, 99, 100) == [(1.0, 100.0, TRIGGER_OPEN)]


def test_what_the_cash_does_not_cover_is_cancelled():
    account = SingleSymbolAccount()
    m = account.place_order(BUY, codes.MARKET, 1_000)
    assert account.next_bar(100, 101, 99, 100) == [(100.0, 100.0, TRIGGER_OPEN)]
    assert (account.status(m), account.end_reason(m)) == (codes.CANCELLED, "the cash did not reach")


@pytest.mark.parametrize("fill_model", [1, 2])
def test_what_cash_cuts_pays_the_impact_of_what_is_filled(fill_model):
    costs = CostSettings(half_spread_bps=0, commission_bps=0, impact=1, volume_cap=1)
    account = SingleSymbolAccount(costs=costs)
    account.arrays.rules["fill_model"] = fill_model
    account.place_order(BUY, codes.MARKET, 1_000)
    [(units, price, _)] = account.next_bar(100, 200, 50, 100, volume=10_000)
    assert 90 < units < 110
    paying = 1_000 if fill_model == 1 else units
    volatility = account.arrays.rules["unmeasured"][0]
    assert price == pytest.approx(100 * (1 + volatility * math.sqrt(paying / 10_000)))
    assert account.arrays.state["cash"][0] >= -1e-9


def test_an_order_that_has_ended_within_the_bar_is_not_ended_again():
    account = SingleSymbolAccount()
    account.arrays.state["cash"] = 0.0
    m = account.place_order(BUY, codes.LIMIT, 10, limit_price=95.0, time_in_force=codes.DAY)
    assert account.next_bar(99, 101, 90, 100) == []
    assert (account.status(m), account.end_reason(m)) == (codes.CANCELLED, "the cash did not reach")


def test_the_committees_buys_are_protected_by_exits_that_follow_the_position():
    account = SingleSymbolAccount(stop_loss=0.1, take_profit=0.2, trailing=0.05)
    account.next_bar(100, 100, 100, 100)
    account.set_target(0.5)
    account.next_bar(100, 100, 100, 100)
    stop, profit = account.arrays.orders[1], account.arrays.orders[2]
    assert (stop["remaining"], stop["stop_price"], profit["limit_price"]) == (50.0, 90.0, 120.0)
    assert account.next_bar(100, 118, 100, 118) == []
    assert account.next_bar(117, 118, 110, 111) == [
        (-50.0, pytest.approx(118 * 0.95), TRIGGER_STOP)
    ]
    assert account.status(2) == codes.CANCELLED


def test_a_symbol_is_not_bought_again_so_soon_after_a_fill():
    account = SingleSymbolAccount(pause_seconds=90_000.0)
    account.next_bar(100, 100, 100, 100)
    account.set_target(0.5)
    assert account.next_bar(100, 100, 100, 100) == [(50.0, 100.0, TRIGGER_OPEN)]
    account.set_target(0.6)
    assert account.next_bar(100, 100, 100, 100) == []
    account.set_target(0.6)
    assert len(account.next_bar(100, 100, 100, 100)) == 1


def test_a_halted_account_loses_its_orders_and_trades_nothing():
    account = SingleSymbolAccount(10)
    m = account.place_order(SELL, codes.LIMIT, 10, limit_price=101.0)
    account.next_bar(100, 100, 100, 100)
    account.arrays.state["trading_state"] = codes.HALTED
    account.set_target(0.5)
    assert account.end_reason(m) == "the account is halted"
    assert account.next_bar(110, 120, 100, 100) == []


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
        units, cost, profit = kernels.position_after_fill(units, cost, traded, price, fee)
        realised += profit
        assert cash + units * 50.0 == pytest.approx(realised + units * (50.0 - cost), abs=1e-6)


@cached_njit
def place_random_orders(
    account: AccountArrays, kinds: np.ndarray, numbers: np.ndarray, t: int
) -> None:
    """Random new orders in records that are free or over."""
    for k in range(3 * len(account.positions), len(account.orders)):
        order, draw = account.orders[k], numbers[t, k]
        if not (order["status"] == 0 or order["status"] > 3) or draw > 0.9:
            continue
        n = k % len(account.positions)
        last = (
            account.positions[n]["last_price"]
            if account.positions[n]["last_price"] > 0.0
            else 100.0
        )
        side = 1 if kinds[t, k] % 2 else -1
        kernels.reset_order(order, n, side, np.floor(draw * 1e6) / 1e4, account.state[0]["at"])
        order["order_type"], order["time_in_force"] = kinds[t, k] // 2 % 5, kinds[t, k] // 10 % 4
        order["limit_price"] = last * (1.0 - side * (draw - 0.3) * 0.05)
        order["stop_price"] = last * (1.0 + side * (draw - 0.2) * 0.05)
        order["trail_fraction"], order["best"] = 0.01 + 0.05 * draw, last
        order["reduce_only"], order["group"] = kinds[t, k] % 7 == 0, kinds[t, k] % 5


@cached_njit
def run_random_orders(
    account: AccountArrays,
    bars: BarArrays,
    no_targets: TargetMatrix,
    no_shared_limits: SharedLimits,
    kinds: np.ndarray,
    numbers: np.ndarray,
) -> tuple[int, int, int]:
    """Random orders through all bars: events, broken rules, and the first row of one."""
    events, broken, first = 0, 0, -1
    rows = len(bars.known_at)
    totals, trading_states = np.empty((4, rows)), np.empty((2, rows), np.int8)
    cash, units = account.state[0]["cash"], np.zeros(len(account.positions))
    for t in range(len(bars.known_at)):
        place_random_orders(account, kinds, numbers, t)
        for m in range(len(account.orders)):
            if 2 <= account.orders[m]["status"] <= 3:
                events += 1
        account.state[0]["fill_count"] = 0
        kernels.process_bars(
            account, bars, no_targets, no_shared_limits, t, t + 1, totals, trading_states
        )
        taken = np.zeros(len(account.positions))
        for f in range(account.state[0]["fill_count"]):
            record = account.fills[f]
            n = record["symbol"]
            events += 1
            cash -= record["quantity"] * record["price"] + (
                record["commission"] + record["residual_slippage"]
            )
            units[n] += record["quantity"]
            taken[n] += abs(record["quantity"])
            if not bars.low[t, n] <= record["price"] <= bars.high[t, n]:
                broken += 1
        is_broken = abs(cash - account.state[0]["cash"]) > 1e-4 or account.state[0]["cash"] < -1e-6
        for n in range(len(units)):
            available_volume = account.rules[0]["volume_cap"] * bars.volume[t, n]
            is_broken = is_broken or abs(units[n] - account.positions[n]["quantity"]) > 1e-6
            is_broken = (
                is_broken or units[n] < -1e-6 or taken[n] > available_volume * (1 + 1e-9) + 1e-9
            )
        for m in range(len(account.orders)):
            order = account.orders[m]
            over = order["status"] == codes.FILLED
            is_broken = (
                is_broken or (over and order["remaining"] != 0.0) or order["remaining"] < 0.0
            )
            is_broken = is_broken or (order["status"] == codes.WORKING and order["filled"] > 0.0)
        if is_broken:
            broken, first = broken + 1, t if first < 0 else first
    return events, broken, first


def test_a_million_random_orders_and_fills_make_and_lose_nothing():
    rows, symbols, manual, random = 12_000, 20, 200, np.random.default_rng(11)
    arrays = new_account_arrays(
        [f"S{n}" for n in range(symbols)],
        TradingSettings(limits=LimitSettings(stop_loss=0.05, take_profit=0.05)),
        manual,
    )
    for name in ("cash", "equity", "high"):
        arrays.state[name] = 1e6
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, (rows, symbols)), axis=0) * 0.1)
    opening = close * np.exp(random.normal(0, 0.01, close.shape))
    high = np.maximum(opening, close) * (1 + random.random(close.shape) * 0.02)
    low = np.minimum(opening, close) * (1 - random.random(close.shape) * 0.02)
    volume = random.choice([0.0, 100.0, 1e4, 1e6], close.shape)
    days = np.arange(1, rows + 1) * DAY_MICROSECONDS
    bars = BarArrays(opening, high, low, close, volume, np.zeros(close.shape),
                np.full(close.shape, 0.01), days, days - DAY_MICROSECONDS, days)  # fmt: skip
    kinds = random.integers(0, 1000, (rows, len(arrays.orders)))
    events, broken, first = run_random_orders(
        arrays, bars, NO_TARGETS, NO_SHARED_LIMITS, kinds, random.random((rows, len(arrays.orders)))
    )
    assert events > 1_000_000
    assert broken == 0, f"first in row {first}"
    assert math.isfinite(arrays.state["equity"][0])


def test_two_buys_do_not_cover_the_same_short():
    account = SingleSymbolAccount(-10, shorting=True)
    for _ in range(2):
        account.place_order(BUY, codes.MARKET, 10, reduce_only=True)
    assert account.next_bar(100, 101, 99, 100) == [(10.0, 100.0, TRIGGER_OPEN)]
    assert account.arrays.positions["quantity"] == [0.0]
    poor = SingleSymbolAccount(-10, shorting=True)
    poor.arrays.state["cash"] = 1_500.0
    for _ in range(2):
        poor.place_order(BUY, codes.MARKET, 10)
    poor.next_bar(100, 101, 99, 100)
    assert poor.arrays.state["cash"] >= 0.0


def test_an_account_without_money_trips_no_breaker():
    account = SingleSymbolAccount(drawdown=0.15, daily_loss=0.05)
    for name in ("cash", "equity", "high"):
        account.arrays.state[name] = 0.0
    account.next_bar(100, 101, 99, 100)
    assert account.arrays.state["trading_state"] == codes.ACTIVE
