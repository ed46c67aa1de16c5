"""Accounting: money is neither made nor lost but by prices and costs."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydantic import ValidationError

from trading.account import Account, equity, fill, new_account, rebalance, units_wanted, weights
from trading.costs import CostSettings

FREE = CostSettings(half_spread_bps=0, commission_bps=0)
DEAR = CostSettings(half_spread_bps=20, commission_bps=10)

compiling = settings(deadline=None)
N = 3
prices = arrays(np.float64, N, elements=st.floats(0.01, 1e4))
shares = arrays(np.float64, N, elements=st.floats(-0.5, 1.0))
units = arrays(np.float64, N, elements=st.floats(-1e4, 1e4))
costs = st.builds(CostSettings, half_spread_bps=st.floats(0, 100), commission_bps=st.floats(0, 100))


@compiling
@given(units, prices, units, costs)
def test_cash_changes_by_what_the_fills_say(held, opening, wished, cost):
    before = Account(np.float64(1e6), held)
    after, fills = fill(before, wished, opening, cost)
    spent = (fills.units * fills.price).sum() + fills.commission.sum()
    assert after.cash == pytest.approx(before.cash - spent, rel=1e-9, abs=1e-6)
    assert np.allclose(after.units, before.units + fills.units)


@compiling
@given(units, prices, units, costs)
def test_equity_at_the_open_falls_by_the_cost_and_nothing_else(held, opening, wished, cost):
    before = Account(np.float64(1e6), held)
    after, fills = fill(before, wished, opening, cost)
    assert (fills.cost >= -1e-9).all()
    size = 1e6 + np.abs(held * opening).sum() + np.abs(fills.units * opening).sum()
    expected = equity(before, opening) - fills.cost.sum()
    assert equity(after, opening) == pytest.approx(expected, abs=1e-12 * size)


@compiling
@given(units, prices)
def test_equity_is_cash_and_units_at_their_price(held, price):
    account = Account(np.float64(123.0), held)
    assert equity(account, price) == pytest.approx(123.0 + float(held @ price), rel=1e-9, abs=1e-6)


@compiling
@given(st.lists(st.tuples(shares, prices), min_size=1, max_size=8), costs)
def test_cash_never_turns_negative_while_targets_are_long(path, cost):
    account = new_account(1_000.0, N)
    for target, opening in path:
        account, _ = rebalance(account, np.abs(target), opening=opening, last=opening, costs=cost)
        assert account.cash >= -1e-9 * equity(account, opening)
        assert (account.units >= -1e-9).all()


@compiling
@given(shares, prices)
def test_without_cost_the_target_is_met(target, opening):
    target = target / max(1.0, np.abs(target).sum())
    account, _ = rebalance(
        new_account(1_000.0, N), target, opening=opening, last=opening, costs=FREE
    )
    assert np.allclose(weights(account, opening), target, atol=1e-9)


@compiling
@given(prices, prices, costs)
def test_many_accounts_at_once_are_the_same_accounts_one_by_one(first, second, cost):
    target = np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [0.0, -0.4, 0.1]])
    together = new_account(np.full(3, 50.0), N)
    for opening in (first, second):
        together, _ = rebalance(together, target, opening=opening, last=opening, costs=cost)
    for row in range(3):
        alone = new_account(50.0, N)
        for opening in (first, second):
            alone, _ = rebalance(alone, target[row], opening=opening, last=opening, costs=cost)
        assert alone.cash == together.cash[row]
        assert np.array_equal(alone.units, together.units[row])


def test_a_buy_pays_the_upper_and_a_sale_gets_the_lower_side_of_the_spread():
    start = Account(np.float64(1_000.0), np.array([0.0, 5.0]))
    after, fills = fill(start, np.array([2.0, -5.0]), np.array([100.0, 10.0]), DEAR)
    assert fills.price.tolist() == pytest.approx([100.2, 9.98])
    assert fills.commission.tolist() == pytest.approx([0.2004, 0.0499])
    assert float(after.cash) == pytest.approx(1_000 - 200.4 - 0.2004 + 49.9 - 0.0499)


def test_going_all_in_leaves_no_debt():
    opening = np.array([50.0])
    account, fills = rebalance(
        new_account(1_000.0, 1), np.array([1.0]), opening=opening, last=opening, costs=DEAR
    )
    assert float(account.cash) == pytest.approx(0.0, abs=1e-9)
    assert float(equity(account, opening)) == pytest.approx(1_000 - fills.cost.sum())


def test_sales_pay_for_buys_within_one_rebalancing():
    opening = np.array([10.0, 10.0])
    start = Account(np.float64(0.0), np.array([100.0, 0.0]))
    account, _ = rebalance(start, np.array([0.0, 1.0]), opening=opening, last=opening, costs=FREE)
    assert account.units.tolist() == [0.0, 100.0]


def test_a_symbol_without_an_open_is_not_traded_and_keeps_its_last_value():
    start = Account(np.float64(100.0), np.array([10.0, 0.0]))
    opening, last = np.array([np.nan, 5.0]), np.array([10.0, 5.0])
    account, fills = rebalance(start, np.array([0.0, 0.5]), opening=opening, last=last, costs=FREE)
    assert account.units.tolist() == [10.0, 20.0]
    assert fills.units[0] == 0.0


def test_a_price_is_not_needed_for_what_is_not_held():
    account = new_account(7.0, 2)
    assert float(equity(account, np.array([np.nan, np.nan]))) == 7.0
    assert units_wanted(account, np.zeros(2), np.array([np.nan, 1.0])).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("name", ["half_spread_bps", "commission_bps", "impact", "volume_cap"])
@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_a_cost_that_is_negative_or_no_number_is_refused_with_a_remedy(name, value):
    with pytest.raises(ValidationError, match=f"{name} is {value}, but .* Give such a number"):
        CostSettings(**{name: value})


def test_a_round_trip_costs_both_sides_of_spread_and_commission():
    assert CostSettings(half_spread_bps=2, commission_bps=1).round_trip == pytest.approx(6e-4)
