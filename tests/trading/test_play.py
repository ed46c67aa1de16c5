"""Orders on history: what is filled, at which price, and that nothing is made or lost."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from domain.errors import InputError
from trading.costs import CostSettings
from trading.play import UNMEASURED, moved, play

FREE = CostSettings(half_spread_bps=0, commission_bps=0, impact=0, volume_cap=1)
K, N = 12, 3


def grid(elements, shape=(K, N)):
    return arrays(np.float64, shape, elements=elements)


@st.composite
def histories(draw):
    """Prices with holes, volumes that run dry, targets and costs."""
    hole = draw(arrays(np.bool_, (K, N)))
    opening = np.where(hole, np.nan, draw(grid(st.floats(1.0, 100.0))))
    return {
        "targets": draw(grid(st.sampled_from([0.0, 0.1, 0.3, 0.9]))),
        "ordered": draw(arrays(np.bool_, (K, N))),
        "opening": opening,
        "close": np.where(hole, np.nan, opening * draw(grid(st.floats(0.8, 1.25)))),
        "volume": np.where(hole, np.nan, draw(grid(st.sampled_from([0.0, 50.0, 1e3, 1e6])))),
        "volatility": draw(grid(st.sampled_from([np.nan, 0.01, 0.05]))),
        "costs": draw(
            st.builds(
                CostSettings,
                half_spread_bps=st.floats(0, 50),
                commission_bps=st.floats(0, 50),
                impact=st.floats(0, 3),
                volume_cap=st.floats(0.01, 1.0),
            )
        ),
        "cash": 10_000.0,
        "delay": draw(st.integers(0, 3)),
    }


relaxed = settings(deadline=None)


@relaxed
@given(histories())
def test_cash_and_equity_follow_from_the_fills_alone(history):
    played = play(**history)
    fills, close = played.fills, history["close"]
    cash, units, last = 10_000.0, np.zeros(N), np.zeros(N)
    for row in range(K):
        mine = fills.row == row
        cash -= (fills.units * fills.price)[mine].sum() + fills.commission[mine].sum()
        np.add.at(units, fills.col[mine], fills.units[mine])
        last = np.where(np.isnan(close[row]), last, close[row])
        assert played.cash[row] == pytest.approx(cash, abs=1e-6)
        assert played.equity[row] == pytest.approx(cash + units @ last, abs=1e-6)
        assert played.exposure[row] == pytest.approx(units @ last / played.equity[row], abs=1e-9)
        assert played.costs[row] == pytest.approx(fills.cost[mine].sum(), abs=1e-9)


@relaxed
@given(histories())
def test_nothing_is_borrowed_nor_sold_that_is_not_there(history):
    played = play(**history)
    assert (played.cash >= -1e-6).all()
    units = np.zeros(N)
    for col, traded in zip(played.fills.col, played.fills.units, strict=True):
        units[col] += traded
        assert units[col] >= -1e-9


@relaxed
@given(histories())
def test_every_fill_has_a_bar_with_volume_and_keeps_to_its_share_of_it(history):
    played, costs = play(**history), history["costs"]
    at = played.fills.row, played.fills.col
    volume = history["volume"][at]
    assert (volume > 0.0).all()
    assert (np.abs(played.fills.units) <= costs.volume_cap * volume * (1 + 1e-12)).all()
    assert (played.fills.units != 0.0).all()


@relaxed
@given(histories())
def test_every_fill_is_worse_than_the_open(history):
    fills = play(**history).fills
    opening = history["opening"][fills.row, fills.col]
    assert (np.sign(fills.units) * (fills.price - opening) >= -1e-12).all()
    worse = fills.units * (fills.price - opening) + fills.commission
    assert np.allclose(fills.cost, worse, atol=1e-6)


@relaxed
@given(histories(), st.integers(1, K - 1))
def test_the_past_of_an_account_does_not_change_with_its_future(history, cut):
    whole = play(**history)
    start = play(**{
        name: value[:cut] if isinstance(value, np.ndarray) else value
        for name, value in history.items()
    })  # fmt: skip
    assert np.array_equal(start.equity, whole.equity[:cut])
    assert np.array_equal(start.fills.price, whole.fills.price[whole.fills.row < cut])


@relaxed
@given(histories())
def test_a_symbol_that_never_trades_changes_nothing_for_the_others(history):
    beside = {
        name: np.hstack([value, np.full((K, 1), fill)]) if (fill := FILLS.get(name)) is not None
        else value
        for name, value in history.items()
    }  # fmt: skip
    assert np.array_equal(play(**beside).equity, play(**history).equity)


FILLS = {
    "targets": 0.5, "ordered": True, "opening": np.nan, "close": np.nan, "volume": np.nan,
    "volatility": np.nan,
}  # fmt: skip


def bars(*prices, volume=1e9):
    """One symbol that opens and closes at the same price."""
    price = np.array(prices, np.float64)[:, np.newaxis]
    size = np.where(np.isnan(price), np.nan, volume)
    return {"opening": price, "close": price, "volume": size}


def test_a_target_trades_at_the_next_open_of_its_own_symbol():
    targets = np.ones((4, 1))
    history = bars(10.0, math.nan, 20.0, 40.0)
    played = play(targets, moved(targets), **history, volatility=targets * 0, costs=FREE, cash=100)
    assert played.fills.row.tolist() == [2]
    assert played.fills.units.tolist() == [5.0]
    assert played.equity.tolist() == [100.0, 100.0, 100.0, 200.0]
    assert played.exposure.tolist() == [0.0, 0.0, 1.0, 1.0]


@pytest.mark.parametrize("delay", [0, 1, 2, 3])
def test_a_delay_is_counted_in_the_symbols_own_bars(delay):
    prices = [1.0, 2.0, math.nan, 3.0, 4.0, math.nan, 5.0, 6.0]
    targets = np.full((8, 1), 0.5)
    history = bars(*prices)
    played = play(targets, moved(targets), **history, volatility=targets * 0, costs=FREE,
                  cash=1.0, delay=delay)  # fmt: skip
    assert played.fills.price.tolist() == [2.0 + delay]


def test_an_unchanged_target_leaves_the_units_alone():
    targets = np.full((5, 1), 0.5)
    history = bars(10, 10, 20, 5, 10)
    played = play(targets, moved(targets), **history, volatility=targets * 0, costs=FREE, cash=100)
    assert played.fills.units.tolist() == [5.0]
    assert played.exposure.tolist() == pytest.approx([0, 0.5, 2 / 3, 1 / 3, 0.5])


def test_an_order_repeated_restores_the_share():
    targets = np.full((4, 1), 0.5)
    ordered = np.array([[True], [False], [True], [False]])
    played = play(targets, ordered, **bars(10, 10, 20, 20), volatility=targets * 0, costs=FREE,
                  cash=100)  # fmt: skip
    assert played.fills.units.tolist() == [5.0, -1.25]


def test_what_the_volume_does_not_bear_waits_until_it_is_filled_or_replaced():
    costs = CostSettings(half_spread_bps=0, commission_bps=0, impact=0, volume_cap=0.1)
    targets = np.array([[1.0], [1.0], [1.0], [0.0], [0.0], [0.0]])
    history = bars(10, 10, 10, 10, 10, 10, volume=30.0)
    played = play(targets, moved(targets), **history, volatility=targets * 0, costs=costs, cash=100)
    assert played.fills.units.tolist() == [3.0, 3.0, 3.0, -3.0, -3.0]
    assert played.turnover.tolist() == pytest.approx([0, 0.3, 0.3, 0.3, 0.3, 0.3])


def test_an_order_waits_through_bars_without_volume():
    targets = np.ones((4, 1))
    history = bars(10, 10, 10, 10)
    history["volume"] = np.array([[1e6], [0.0], [math.nan], [1e6]])
    played = play(targets, moved(targets), **history, volatility=targets * 0, costs=FREE, cash=100)
    assert played.fills.row.tolist() == [3]


def test_a_price_gives_way_with_the_square_root_of_size():
    costs = CostSettings(half_spread_bps=0, commission_bps=0, impact=2.0, volume_cap=1)
    targets = np.full((2, 1), 0.5)
    history = bars(10, 10, volume=500.0)
    known = np.array([[0.02], [0.9]])  # what the fill's own bar will turn out to be is not known
    played = play(targets, moved(targets), **history, volatility=known, costs=costs, cash=1000)
    slip = 2.0 * 0.02 * math.sqrt(50.0 / 500.0)
    assert played.fills.price[0] == pytest.approx(10 * (1 + slip))
    unknown = play(targets, moved(targets), **history, volatility=known * math.nan, costs=costs,
                   cash=1000)  # fmt: skip
    assert unknown.fills.price[0] == pytest.approx(10 * (1 + slip * UNMEASURED / 0.02))


def test_sales_pay_for_buys_and_buys_shrink_together():
    targets = np.array([[1.0, 0.0, 0.0], [0.0, 0.8, 0.4], [0.0, 0.8, 0.4]])
    price = np.full((3, 3), 10.0)
    played = play(targets, moved(targets), price, price, price * 1e6, price * 0, FREE, 120.0)
    assert played.fills.units.tolist() == pytest.approx([12.0, -12.0, 8.0, 4.0])
    assert played.cash[-1] == pytest.approx(0.0)


def test_one_bar_trades_nothing():
    one = np.ones((1, 1))
    played = play(one, one > 0, one, one, one, one, FREE, 5.0)
    assert played.equity.tolist() == [5.0]
    assert len(played.fills.row) == 0


def test_bad_input_is_refused_with_its_value():
    one = np.ones((2, 1))
    with pytest.raises(InputError, match="cannot start with -5"):
        play(one, one > 0, one, one, one, one, FREE, -5.0)
    with pytest.raises(InputError, match="delay of -1 bars"):
        play(one, one > 0, one, one, one, one, FREE, 5.0, -1)
    for target in (-0.5, math.nan):
        with pytest.raises(InputError, match=f"column 0 in row 0 is {target}"):
            play(one * target, one > 0, one, one, one, one, FREE, 5.0)
