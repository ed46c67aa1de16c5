"""Targets on history: what is filled, at which price, and that nothing is made or lost."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from domain.errors import InputError
from trading.account.simulation import changed_targets, simulate_trading, targets_where
from trading.costs import CostSettings
from trading.kernels.codes import CANCEL, DAY_MICROSECONDS, HALTED, KEEP, REDUCE, TARGET
from trading.kernels.state import UNMEASURED_VOLATILITY, BarArrays, SharedLimits, TargetMatrix
from trading.limits import UNLIMITED, LimitSettings, TradingSettings

FREE = CostSettings(half_spread_bps=0, commission_bps=0, impact=0, volume_cap=1)
K, N = 12, 3
SYMBOLS = ("AAPL", "JPM", "BTC-USD")


def make_bars(opening, close, high=None, low=None, volume=1e9, dividend=0.0, volatility=0.0):
    """Daily bars that are always open; no range beyond open and close where none is given."""
    opening, close = np.asarray(opening, np.float64), np.asarray(close, np.float64)
    opening = np.where(np.isnan(close), np.nan, opening)
    days = np.arange(1, len(close) + 1) * DAY_MICROSECONDS
    full = np.full(close.shape, 1.0)
    return BarArrays(
        opening,
        np.fmax(opening, close) if high is None else np.asarray(high, np.float64),
        np.fmin(opening, close) if low is None else np.asarray(low, np.float64),
        close,
        full * volume,
        full * dividend,
        full * volatility,
        days,
        days - DAY_MICROSECONDS,
        days,
    )


def grid(elements, shape=(K, N)):
    return arrays(np.float64, shape, elements=elements)


some_limits = st.builds(
    LimitSettings,
    band=st.sampled_from([0.0, 0.02, 0.2]),
    order_limit=st.sampled_from([0.1, 0.25, 1.0]),
    daily_loss=st.sampled_from([None, 0.02, 0.1]),
    drawdown=st.sampled_from([None, 0.05, 0.3]),
    cooldown_days=st.integers(1, 5),
    losses=st.sampled_from([None, 1, 3]),
    volatility_breaker=st.sampled_from([None, 1.0, 6.0]),
    flatten=st.booleans(),
    fractional=st.booleans(),
    stop_loss=st.sampled_from([None, 0.02, 0.2]),
    take_profit=st.sampled_from([None, 0.02, 0.2]),
    trailing=st.sampled_from([None, 0.02, 0.2]),
)
some_costs = st.builds(
    CostSettings,
    half_spread_bps=st.floats(0, 50),
    commission_bps=st.floats(0, 50),
    impact=st.floats(0, 3),
    volume_cap=st.floats(0.01, 1.0),
)


@st.composite
def histories(draw):
    """Prices with holes, volumes that run dry, dividends, instructions, targets, costs, limits."""
    hole = draw(arrays(np.bool_, (K, N)))
    opening = draw(grid(st.floats(1.0, 100.0)))
    close = np.where(hole, np.nan, opening * draw(grid(st.floats(0.8, 1.25))))
    wide, deep = draw(grid(st.floats(1.0, 1.2))), draw(grid(st.floats(0.8, 1.0)))
    bars = make_bars(
        opening, close,
        high=np.fmax(opening, close) * wide, low=np.fmin(opening, close) * deep,
        volume=draw(grid(st.sampled_from([0.0, 50.0, 1e3, 1e6]))),
        dividend=draw(grid(st.sampled_from([0.0, 0.0, 0.5]))),
        volatility=draw(grid(st.sampled_from([np.nan, 0.01, 0.05]))),
    )  # fmt: skip
    instructions = draw(
        arrays(np.int8, (K, N), elements=st.sampled_from([KEEP, TARGET, REDUCE, CANCEL]))
    )
    targets = draw(grid(st.sampled_from([0.0, 0.1, 0.3, 0.9])))
    ceilings = draw(grid(st.sampled_from([0.0, 0.25, 1.0])))
    return {
        "symbols": SYMBOLS,
        "bars": bars,
        "targets": TargetMatrix(instructions, targets, ceilings),
        "settings": TradingSettings(costs=draw(some_costs), limits=draw(some_limits)),
        "cash": 10_000.0,
        "delay": draw(st.integers(0, 3)),
    }


relaxed = settings(deadline=None)


@relaxed
@given(histories())
def test_cash_and_equity_follow_from_fills_and_dividends_alone(history):
    result = simulate_trading(**history)
    fills, bars = result.fills, history["bars"]
    cash, units, last = 10_000.0, np.zeros(N), np.zeros(N)
    for row in range(K):
        cash += (
            units * np.nan_to_num(np.where(np.isnan(bars.close[row]), 0.0, bars.dividend[row]))
        ).sum()
        in_row = fills.row == row
        cash -= (fills.quantity * fills.price)[in_row].sum() + fills.fees[in_row].sum()
        np.add.at(units, fills.col[in_row], fills.quantity[in_row])
        last = np.where(np.isnan(bars.close[row]), last, bars.close[row])
        assert result.cash[row] == pytest.approx(cash, abs=1e-6)
        assert result.equity[row] == pytest.approx(cash + units @ last, abs=1e-6)
        assert result.costs[row] == pytest.approx(fills.cost[in_row].sum(), abs=1e-9)


@relaxed
@given(histories())
def test_nothing_is_borrowed_nor_sold_that_is_not_there(history):
    result = simulate_trading(**history)
    assert (result.cash >= -1e-6).all()
    units = np.zeros(N)
    for col, traded in zip(result.fills.col, result.fills.quantity, strict=True):
        units[col] += traded
        assert units[col] >= -1e-9


@relaxed
@given(histories())
def test_all_fills_of_a_symbol_in_a_bar_keep_to_their_share_of_its_volume(history):
    result, bars = simulate_trading(**history), history["bars"]
    taken = np.zeros((K, N))
    np.add.at(taken, (result.fills.row, result.fills.col), np.abs(result.fills.quantity))
    cap = history["settings"].costs.volume_cap * np.nan_to_num(bars.volume)
    assert (taken <= cap * (1 + 1e-12) + 1e-12).all()
    assert not taken[np.isnan(bars.close)].any()
    assert (result.fills.quantity != 0.0).all()


@relaxed
@given(histories())
def test_what_is_filled_is_the_decimal_of_its_lots_and_no_sum_of_rounding_errors(history):
    fills = simulate_trading(**history).fills
    assert (fills.quantity == [round(each, 6) for each in fills.quantity.tolist()]).all()
    assert not np.signbit(fills.residual_slippage).any()


@relaxed
@given(histories())
def test_no_fill_lies_outside_its_bar_and_none_is_better_than_without_costs(history):
    fills, bars = simulate_trading(**history).fills, history["bars"]
    at = fills.row, fills.col
    assert (fills.price >= bars.low[at]).all()
    assert (fills.price <= bars.high[at]).all()
    assert (fills.cost >= -1e-12).all()
    assert (fills.residual_slippage >= 0.0).all()
    rate = history["settings"].costs.commission
    assert fills.commission == pytest.approx(np.abs(fills.quantity) * fills.price * rate)


@relaxed
@given(histories())
def test_a_buy_is_never_larger_than_its_limit_at_the_close_it_was_decided_on(history):
    result, bars = simulate_trading(**history), history["bars"]
    largest = history["settings"].limits.order_limit
    last, largest_at = np.full(N, np.nan), np.full(N, np.nan)
    for row in range(K):
        for n in np.flatnonzero(result.fills.row == row):
            col, units = result.fills.col[n], result.fills.quantity[n]
            if units > 0.0:
                assert units <= largest_at[col] * (1 + 1e-9)
        last = np.where(np.isnan(bars.close[row]), last, bars.close[row])
        at_close = largest * result.equity[row] / last
        largest_at = (
            np.fmax(largest_at, at_close) if history["delay"] else np.fmax(at_close, largest_at)
        )


@relaxed
@given(histories(), st.integers(1, K - 1))
def test_the_past_of_an_account_does_not_change_with_its_future(history, cut):
    whole = simulate_trading(**history)
    shorter = {
        name: type(history[name])(*(each[:cut] for each in history[name]))
        for name in ("bars", "targets")
    }
    start = simulate_trading(**history | shorter)
    assert np.array_equal(start.equity, whole.equity[:cut])
    assert np.array_equal(start.fills.price, whole.fills.price[whole.fills.row < cut])
    assert np.array_equal(start.trading_state, whole.trading_state[:cut])


@relaxed
@given(histories())
def test_a_symbol_that_never_trades_changes_nothing_for_the_others(history):
    def with_column(arrays, fills):
        return type(arrays)(*(
            np.hstack([each, np.full((K, 1), fill, each.dtype)]) if each.ndim == 2 else each
            for each, fill in zip(arrays, fills, strict=True)
        ))  # fmt: skip

    more = history | {
        "symbols": (*SYMBOLS, "MSFT"),
        "bars": with_column(history["bars"], [np.nan] * 5 + [0.0, np.nan] + [0] * 3),
        "targets": with_column(history["targets"], [TARGET, 0.5, 1.0]),
    }
    assert np.array_equal(simulate_trading(**more).equity, simulate_trading(**history).equity)


FOUR = ("AAPL", "JPM", "MSFT", "XOM")


def members(shared):
    """(G, N) of every group, and its limit."""
    symbols, (sector, correlated, everything) = len(shared.sector), shared.limits
    own = shared.correlated[0] | np.eye(symbols, dtype=bool)
    sectors = [shared.sector == number for number in np.unique(shared.sector[shared.sector >= 0])]
    return [
        (np.ones(symbols, bool), everything),
        *((each, sector) for each in sectors),
        *((each, correlated) for each in own),
    ]


@st.composite
def shared_limits(draw):
    pairs = np.triu(draw(arrays(np.bool_, (4, 4))), 1)
    some = st.sampled_from([0.2, 0.5, 1.0])
    return SharedLimits(
        draw(arrays(np.int32, 4, elements=st.integers(-1, 1))), (pairs | pairs.T)[np.newaxis],
        np.zeros(K, np.int32), np.array([draw(some), draw(some), draw(some)]),
    )  # fmt: skip


@relaxed
@given(shared_limits(), st.data())
def test_positions_keep_to_shared_limits_however_wide_the_band(shared, data):
    moves = data.draw(grid(st.floats(0.5, 2.0), (K, 4)))
    close = 50.0 * np.cumprod(moves, axis=0)
    bars = make_bars(close * data.draw(st.floats(0.9, 1.1)), close)
    targets = data.draw(grid(st.sampled_from([0.05, 0.1, 0.3, 0.6]), (K, 4)))
    for each, limit in members(shared):
        total = targets[:, each].sum(axis=1)[:, np.newaxis]
        targets = targets / np.maximum(total / limit, 1.0)
    target_matrix = targets_where(targets, np.ones((K, 4), bool))
    limits = UNLIMITED.model_copy(update={"band": 0.2})
    trading = TradingSettings(costs=FREE, limits=limits)
    result = simulate_trading(FOUR, bars, target_matrix, trading, 100_000.0, shared_limits=shared)
    units = np.zeros(4)
    for row in range(1, K):
        in_row = result.fills.row == row
        np.add.at(units, result.fills.col[in_row], result.fills.quantity[in_row])
        weight = units * close[row - 1] / result.equity[row - 1]
        spared = (1e-4 * close[row - 1] + 1.0).sum() / result.equity[row - 1]  # lots, least orders
        for each, limit in members(shared):
            assert limit == 1.0 or weight[each].sum() <= limit + spared


def test_a_limit_takes_no_more_from_the_band_than_it_must():
    price = np.array([[10.0, 10.0], [10.0, 10.0], [13.0, 12.0], [13.0, 12.0]])
    none = np.zeros((1, 2, 2), bool)
    shared = SharedLimits(
        np.full(2, -1, np.int32), none, np.zeros(4, np.int32), np.array([1, 1, 0.5])
    )
    target_matrix = targets_where(np.full((4, 2), 0.25), np.ones((4, 2), bool))
    trading = TradingSettings(costs=FREE, limits=UNLIMITED.model_copy(update={"band": 0.2}))
    result = simulate_trading(
        ("AAPL", "JPM"), make_bars(price, price), target_matrix, trading, 1e6, shared_limits=shared
    )
    assert result.exposure[2] > 0.55
    assert result.exposure[3] == pytest.approx(0.5, abs=1e-6)
    first, second = result.fills.quantity[2:] * [13.0, 12.0]
    above = np.array([0.325, 0.3]) / 1.125 - 0.25
    assert first / second == pytest.approx(above[0] / above[1], rel=1e-3)


def run_simulation(
    opening, targets, ordered=None, costs=FREE, limits=UNLIMITED, cash=100.0, delay=0, **options
):
    """One symbol at prices that do not move within a bar, targets ordered where they move."""
    price = np.array(opening, np.float64)[:, np.newaxis]
    target_column = np.array(targets, np.float64)[:, np.newaxis]
    target_matrix = targets_where(
        target_column,
        changed_targets(target_column) if ordered is None else np.array(ordered)[:, np.newaxis],
    )
    trading = TradingSettings(costs=costs, limits=limits)
    return simulate_trading(
        ("AAPL",), make_bars(price, price, **options), target_matrix, trading, cash, delay
    )


def test_a_target_trades_at_the_next_open_of_its_own_symbol():
    result = run_simulation([10.0, math.nan, 20.0, 40.0], [1, 1, 1, 1])
    assert result.fills.row.tolist() == [2]
    assert result.fills.quantity.tolist() == [5.0]
    assert result.equity.tolist() == [100.0, 100.0, 100.0, 200.0]


@pytest.mark.parametrize("delay", [0, 1, 2, 3])
def test_a_delay_is_counted_in_the_symbols_own_bars(delay):
    result = run_simulation(
        [1.0, 2.0, math.nan, 3.0, 4.0, math.nan, 5.0, 6.0], [0.5] * 8, delay=delay
    )
    assert result.fills.price.tolist() == [2.0 + delay]


def test_an_unchanged_target_leaves_the_units_alone():
    result = run_simulation([10, 10, 20, 5, 10], [0.5] * 5)
    assert result.fills.quantity.tolist() == [5.0]
    assert result.exposure.tolist() == pytest.approx([0, 0.5, 2 / 3, 1 / 3, 0.5])


def test_an_order_repeated_restores_the_share_and_a_band_spares_it():
    again = [True, False, True, False]
    assert run_simulation([10, 10, 20, 20], [0.5] * 4, again).fills.quantity.tolist() == [
        5.0,
        -1.25,
    ]
    spared = UNLIMITED.model_copy(update={"band": 0.2})
    assert run_simulation(
        [10, 10, 20, 20], [0.5] * 4, again, limits=spared
    ).fills.quantity.tolist() == [5.0]


def test_what_the_volume_does_not_allow_waits_until_it_is_filled_or_replaced():
    costs = FREE.model_copy(update={"volume_cap": 0.1})
    result = run_simulation([10] * 6, [1, 1, 1, 0, 0, 0], costs=costs, volume=30.0)
    assert result.fills.quantity.tolist() == [3.0, 3.0, 3.0, -3.0, -3.0]


def test_an_order_waits_through_bars_without_volume():
    volume = np.array([[1e6], [0.0], [math.nan], [1e6]])
    assert run_simulation([10] * 4, [1] * 4, volume=volume).fills.row.tolist() == [3]


def test_impact_grows_with_the_square_root_of_size_and_what_the_bar_has_not_is_charged():
    costs = CostSettings(half_spread_bps=0, commission_bps=0, impact=2.0, volume_cap=1)
    known = np.array([[0.02], [0.9]])  # what the fill's own bar will turn out to be is not known
    wide = {"high": [[10], [11]], "low": [[10], [10]]}
    result = run_simulation(
        [10, 10], [0.5, 0.5], costs=costs, cash=1000, volume=500.0, volatility=known, **wide
    )
    slip = 2.0 * 0.02 * math.sqrt(50.0 / 500.0)
    assert result.fills.price[0] == pytest.approx(10 * (1 + slip))
    narrow = run_simulation(
        [10, 10], [0.5, 0.5], costs=costs, cash=1000, volume=500.0, volatility=known
    )
    assert narrow.fills.price[0] == 10.0
    assert narrow.fills.cost[0] == narrow.fills.residual_slippage[0]
    assert narrow.equity[-1] == pytest.approx(result.equity[-1])
    unknown = run_simulation(
        [10, 10], [0.5, 0.5], costs=costs, cash=1000, volume=500.0, volatility=math.nan
    )
    assert unknown.fills.cost[0] == pytest.approx(
        narrow.fills.cost[0] * UNMEASURED_VOLATILITY / 0.02
    )


def test_sales_pay_for_buys_and_buys_shrink_together():
    targets = np.array([[1.0, 0.0, 0.0], [0.0, 0.8, 0.4], [0.0, 0.8, 0.4]])
    price = np.full((3, 3), 10.0)
    bars = make_bars(price, price)
    trading = TradingSettings(costs=FREE, limits=UNLIMITED)
    result = simulate_trading(
        SYMBOLS, bars, targets_where(targets, changed_targets(targets)), trading, 120.0
    )
    assert result.fills.quantity.tolist() == pytest.approx([12.0, -12.0, 8.0, 4.0], rel=1e-4)
    assert 0.0 <= result.cash[-1] < 0.01


def test_a_dividend_is_paid_in_cash_and_equity_goes_on():
    price = [10.0, 10.0, 8.0, 8.0]
    result = run_simulation(price, [1.0] * 4, dividend=np.array([[0.0], [0.0], [2.0], [0.0]]))
    assert result.equity.tolist() == pytest.approx([100.0] * 4)
    assert result.dividends.tolist() == pytest.approx([0.0, 0.0, 20.0, 0.0])


def test_a_daily_loss_stops_buying_until_the_next_day():
    limits = UNLIMITED.model_copy(update={"daily_loss": 0.05})
    result = run_simulation(
        [10, 10, 9, 9, 9, 9], [0.6, 0.6, 0.9, 0.9, 0.9, 0.9], [True] * 6, limits=limits
    )
    [trip] = result.breaker_trips
    assert (trip.row, trip.reason) == (2, "daily loss")
    assert result.restricted_rows == 1
    assert result.fills.row.tolist() == [1, 4]


def test_a_drawdown_pauses_for_its_days_and_starts_again():
    limits = UNLIMITED.model_copy(update={"drawdown": 0.1, "cooldown_days": 3})
    result = run_simulation([10, 10, 8, 8, 8, 8, 8, 8], [0.9] * 8, [True] * 8, limits=limits)
    assert [(trip.row, trip.reason) for trip in result.breaker_trips] == [(2, "drawdown")]
    assert result.trading_state.tolist() == [0, 0, 1, 1, 1, 0, 0, 0]
    assert HALTED not in result.trading_state


def test_a_breaker_that_flattens_sells_everything_at_the_next_open():
    limits = UNLIMITED.model_copy(update={"drawdown": 0.1, "flatten": True, "cooldown_days": 9})
    result = run_simulation([10, 10, 8, 7, 7], [0.9] * 5, limits=limits)
    assert result.fills.row.tolist() == [1, 3]
    assert result.fills.quantity.sum() == 0.0


def test_a_losing_streak_stops_buying():
    limits = UNLIMITED.model_copy(update={"losses": 2})
    price = [10, 10, 9, 9, 9, 8, 8, 8]
    result = run_simulation(price, [1, 0, 1, 1, 0, 0, 0, 0], limits=limits)
    assert [trip.reason for trip in result.breaker_trips] == ["losing positions"]


def test_nothing_is_bought_after_a_volatile_bar():
    limits = UNLIMITED.model_copy(update={"volatility_breaker": 6.0})
    result = run_simulation(
        [10, 20, 20, 20], [0.0, 0.5, 0.5, 0.5], [True] * 4, limits=limits, volatility=0.02
    )
    assert result.fills.row.tolist() == [3]


def test_a_position_beyond_its_ceiling_is_brought_back_within_the_band():
    price = np.array([10.0, 10.0, 11.0, 11.0])[:, np.newaxis]
    instructions = np.full((4, 1), TARGET, np.int8)
    target_matrix = TargetMatrix(
        instructions, np.full((4, 1), 0.25), np.array([[1.0], [1.0], [0.25], [0.25]])
    )
    trading = TradingSettings(costs=FREE, limits=LimitSettings(band=0.2, pause_seconds=0))
    result = simulate_trading(("AAPL",), make_bars(price, price), target_matrix, trading, 100.0)
    assert result.fills.row.tolist() == [1, 3]
    assert result.exposure[-1] == pytest.approx(0.25, abs=1e-4)


def test_orders_are_whole_lots_and_none_is_below_the_least_value():
    limits = UNLIMITED.model_copy(update={"fractional": False})
    assert run_simulation([10] * 3, [0.57] * 3, limits=limits).fills.quantity.tolist() == [5.0]
    assert run_simulation([10] * 3, [0.009] * 3).fills.quantity.size == 0


def test_rows_that_close_at_one_instant_are_all_processed_before_the_first_targets():
    nan, days = math.nan, np.array([1, 1, 2, 2, 3, 3]) * DAY_MICROSECONDS
    opening = np.array([[100, nan], [nan, 100], [100, nan], [nan, 100], [100, nan], [nan, 200]])
    close = np.where(opening == 100, [[100.0, 200.0]], opening)
    bars = make_bars(opening, close)._replace(
        known_at=days, opened_at=days - DAY_MICROSECONDS, session_end=days
    )
    targets, ordered = np.zeros((6, 2)), np.zeros((6, 2), bool)
    targets[1, 1], ordered[1, 1] = 0.5, True
    targets[2, 0], ordered[2, 0] = 0.25, True
    trading = TradingSettings(costs=FREE, limits=UNLIMITED)
    result = simulate_trading(
        SYMBOLS[:2], bars, targets_where(targets, ordered), trading, 100_000.0
    )
    worth = 100_000.0 + result.fills.quantity[0] * (200.0 - 100.0)
    assert result.fills.quantity[1] == pytest.approx(0.25 * worth / 100.0, abs=1e-3)


def test_one_bar_trades_nothing():
    result = run_simulation([1.0], [1.0], cash=5.0)
    assert result.equity.tolist() == [5.0]
    assert len(result.fills.row) == 0


def test_bad_input_is_refused_with_its_value():
    with pytest.raises(InputError, match="cannot start with -5"):
        run_simulation([1, 1], [1, 1], cash=-5.0)
    with pytest.raises(InputError, match="delay of -1 bars"):
        run_simulation([1, 1], [1, 1], delay=-1)
    for target in (-0.5, math.nan):
        with pytest.raises(InputError, match=f"column 0 in row 0 is {target}"):
            run_simulation([1, 1], [target] * 2, [True, True])
    shorting = UNLIMITED.model_copy(update={"shorting": True})
    with pytest.raises(InputError, match="column 0 in row 0 is -inf"):
        run_simulation([1, 1], [-math.inf] * 2, [True, True], limits=shorting)


def test_a_target_below_nothing_is_sold_short_where_the_limits_allow_it():
    shorting = UNLIMITED.model_copy(update={"shorting": True})
    result = run_simulation([10.0, 10.0, 8.0, 8.0], [-0.5, -0.5, 0, 0], limits=shorting)
    assert result.fills.quantity.tolist() == [-5.0, 5.0]
    assert result.equity.tolist() == pytest.approx([100.0, 100.0, 110.0, 110.0], abs=0.02)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"band": -0.1}, "band is -0.1"),
        ({"order_limit": 0.0}, "order_limit is 0.0"),
        ({"daily_loss": 1.5}, "daily_loss is 1.5"),
        ({"cooldown_days": 0}, "cooldown_days is 0"),
        ({"pause_seconds": math.nan}, "pause_seconds is nan"),
    ],
)
def test_limits_out_of_reason_are_refused_with_what_would_be_accepted(wrong, message):
    with pytest.raises(ValueError, match=f"{message}, but it must be"):
        LimitSettings(**wrong)
