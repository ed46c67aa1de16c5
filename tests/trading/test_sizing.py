import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from domain.sectors import _BY_SECTOR, BROAD, COINS, sector_of
from trading.sizing import sizing_kernels
from trading.sizing.correlation import CorrelationGroups
from trading.sizing.position_sizing import (
    SizingInputs,
    SizingSettings,
    find_buyable,
    kelly,
    raw_weights,
    sector_numbers,
    size_row,
    size_rows,
)

SETTINGS = SizingSettings()
OPEN = SizingSettings(sector_limit=1.0, correlated_limit=1.0)
"""No limit of concentration."""
A_SHARE = st.floats(0.0, 1.0).filter(lambda share: share == 0.0 or share > 1e-9)
SHARES = arrays(np.float64, (6,), elements=A_SHARE)
FLAGS = arrays(np.bool_, (6,))
SECTORS = arrays(np.int32, (6,), elements=st.integers(-1, 2))
PAIRS = arrays(np.bool_, (6, 6)).map(lambda pairs: (pairs | pairs.T) & ~np.eye(6, dtype=bool))
NONE = np.zeros(6, bool)
compiling = settings(deadline=None)


def size_one_row(
    requested,
    cap=None,
    risk_missing=None,
    untradable=None,
    has_bar=None,
    low_probability=None,
    sector=None,
    pairs=None,
    can_buy=None,
):
    shape, symbols = (1, len(requested)), len(requested)
    none = np.zeros(shape, bool)
    return SizingInputs(
        requested=np.array([requested], float),
        cap=np.ones(shape) if cap is None else np.array([cap]),
        risk_missing=none if risk_missing is None else np.array([risk_missing]),
        low_probability=none if low_probability is None else np.array([low_probability]),
        untradable=none if untradable is None else np.array([untradable]),
        has_bar=~none if has_bar is None else np.array([has_bar]),
        same_instant=np.zeros(1, bool),
        correlation=CorrelationGroups(
            np.zeros((1, symbols, symbols), bool) if pairs is None else np.array([pairs]),
            np.zeros(1, np.int32),
        ),
        buyable=np.ones(symbols, bool) if can_buy is None else can_buy,
        sector=np.full(symbols, -1, np.int32) if sector is None else np.array(sector, np.int32),
    )


INPUTS = st.builds(
    size_one_row,
    SHARES,
    cap=SHARES,
    risk_missing=FLAGS,
    untradable=FLAGS,
    has_bar=FLAGS,
    low_probability=FLAGS,
    sector=SECTORS,
    pairs=PAIRS,
    can_buy=FLAGS,
)
LIMITS = st.builds(
    SizingSettings,
    **{
        name: st.floats(0.01, 1.0)
        for name in
        ("position_limit", "sector_limit", "correlated_limit", "gross_limit", "net_limit")
    },
)  # fmt: skip


@compiling
@given(INPUTS, SHARES, LIMITS)
def test_limits_only_ever_shrink_and_leave_an_unbroken_trail(inputs, previous, limits):
    target, clamps = size_row(inputs, 0, previous * 0.16, limits)
    before = np.where(inputs.has_bar[0], inputs.requested[0], previous * 0.16)
    for clamp in clamps:
        assert np.array_equal(clamp.before, before)
        assert (clamp.after <= clamp.before).all()
        before = clamp.after
    assert np.array_equal(before, target)
    assert (target >= 0.0).all()


@compiling
@given(INPUTS, SHARES, LIMITS)
def test_what_the_row_may_change_keeps_to_every_limit_at_once(inputs, previous, limits):
    """Beside what it may not change: symbols that are shut, and those of other calendars."""
    target, _ = size_row(inputs, 0, previous, limits)
    has_bar, fixed = inputs.has_bar[0], inputs.untradable[0] | ~inputs.has_bar[0]
    assert (
        target <= np.where(has_bar, np.minimum(inputs.cap[0], limits.position_limit), previous)
    ).all()
    shrinking = has_bar & (inputs.risk_missing[0] | inputs.low_probability[0])
    assert (target[shrinking] <= previous[shrinking]).all()
    assert (target[has_bar & ~inputs.buyable] == 0.0).all()
    groups = [(np.ones(6, bool), min(limits.gross_limit, limits.net_limit) + 1e-12)]
    groups += [(inputs.sector == number, limits.sector_limit) for number in range(3)]
    pairs = inputs.correlation.correlated[0] | np.eye(6, dtype=bool)
    groups += [(pairs[n], limits.correlated_limit) for n in range(6) if target[n] > 0.0]
    for members, limit in groups:
        changed = math.fsum(target[members & ~fixed])
        assert changed <= max(limit - math.fsum(target[members & fixed]), 0.0) or limit >= 1.0
    assert np.array_equal(target[~has_bar], previous[~has_bar])


@compiling
@given(INPUTS, SHARES, LIMITS, st.permutations(range(6)))
def test_the_same_targets_come_out_to_the_last_bit_wherever_a_symbol_stands(
    inputs, previous, limits, order
):
    straight, _ = size_row(inputs, 0, previous, limits)
    permuted = size_one_row(
        *(getattr(inputs, name)[0][order] for name in ("requested", "cap", "risk_missing")),
        *(getattr(inputs, name)[0][order] for name in ("untradable", "has_bar", "low_probability")),
        sector=inputs.sector[order],
        pairs=inputs.correlation.correlated[0][np.ix_(order, order)],
        can_buy=inputs.buyable[order],
    )
    assert np.array_equal(size_row(permuted, 0, previous[order], limits)[0], straight[order])


@compiling
@given(INPUTS, LIMITS)
def test_a_symbol_that_holds_nothing_changes_nothing_for_the_others(inputs, limits):
    """Also where it moves with all of them, so that what is followed does not matter."""
    previous = np.zeros(6)
    fewer = size_one_row(
        *(getattr(inputs, name)[0][:5] for name in ("requested", "cap", "risk_missing")),
        *(getattr(inputs, name)[0][:5] for name in ("untradable", "has_bar", "low_probability")),
        sector=inputs.sector[:5], pairs=inputs.correlation.correlated[0][:5, :5],
        can_buy=inputs.buyable[:5],
    )  # fmt: skip
    inputs.requested[0, 5] = 0.0
    assert np.array_equal(
        size_row(inputs, 0, previous, limits)[0][:5], size_row(fewer, 0, previous[:5], limits)[0]
    )


@compiling
@given(INPUTS, SHARES, LIMITS)
def test_concentration_that_was_brought_to_its_limit_does_not_shrink_again(
    inputs, previous, limits
):
    target, _ = size_row(inputs, 0, previous * 0.16, limits)
    inputs.requested[:] = np.nan
    _, clamps = size_row(inputs, 0, target, limits)
    for clamp in clamps:
        if clamp.name in ("sector limit", "correlation limit"):
            assert not clamp.reduced[~inputs.untradable[0]].any()


def test_a_sector_is_shared_in_proportion_and_an_unknown_one_is_not_limited():
    requested = np.array([0.2, 0.1, 0.2, 0.2])
    rules = SizingSettings(sector_limit=0.3, correlated_limit=1.0)
    target, clamps = size_row(size_one_row(requested, sector=[0, 0, 0, -1]), 0, np.zeros(4), rules)
    assert np.allclose(target, [0.12, 0.06, 0.12, 0.2], rtol=1e-12)
    [clamp] = [clamp for clamp in clamps if clamp.reduced.any()]
    assert clamp.name == "sector limit"


def test_a_holding_on_another_calendar_takes_its_part_of_the_sector():
    has_bar = np.array([True, True, False])
    target, _ = size_row(
        size_one_row(np.array([0.2, 0.2, 0.9]), has_bar=has_bar, sector=[3, 3, 3]),
        0,
        np.array([0, 0, 0.3]),
        SETTINGS,
    )
    assert np.allclose(target, [0.1, 0.1, 0.3], rtol=1e-12)


def test_of_three_in_a_chain_the_middle_one_is_in_both_groups():
    """The first and the last do not move together, yet each shares its limit with the middle."""
    pairs = np.zeros((3, 3), bool)
    pairs[0, 1] = pairs[1, 0] = pairs[1, 2] = pairs[2, 1] = True
    rules = SizingSettings(correlated_limit=0.4, sector_limit=1.0)
    target, _ = size_row(
        size_one_row(np.array([0.2, 0.2, 0.2]), pairs=pairs), 0, np.zeros(3), rules
    )
    assert np.allclose(target, 0.2 * 0.4 / 0.6, rtol=1e-12)


def test_what_is_held_on_other_calendars_takes_its_part_of_the_gross_limit():
    requested, has_bar = np.array([0.25, 0.25, 0.9]), np.array([True, True, False])
    target, clamps = size_row(
        size_one_row(requested, has_bar=has_bar), 0, np.array([0, 0, 0.75]), OPEN
    )
    assert target.tolist() == [0.125, 0.125, 0.75]
    assert [clamp.name for clamp in clamps if clamp.reduced.any()] == ["gross limit"]


def test_a_net_limit_below_the_gross_one_binds_after_it():
    rules = OPEN.model_copy(update={"net_limit": 0.5})
    target, clamps = size_row(size_one_row(np.full(5, 0.25)), 0, np.zeros(5), rules)
    assert np.allclose(target, 0.1, rtol=1e-12)
    assert [clamp.name for clamp in clamps if clamp.reduced.any()] == ["gross limit", "net limit"]


def test_a_symbol_that_cannot_be_traded_is_not_cut_to_make_room():
    requested = np.array([0.25, 0.25, 0.25, 0.25, 0.25])
    untradable = np.array([True, False, False, False, False])
    target, _ = size_row(size_one_row(requested, untradable=untradable), 0, requested, OPEN)
    assert target.tolist() == [0.25, 0.1875, 0.1875, 0.1875, 0.1875]


def test_an_index_gets_no_target_and_takes_no_share_of_the_gross_limit():
    symbols = ("^VIX", "AAPL", "JPM", "XOM", "PG")
    inputs = size_one_row(np.full(5, 0.25), can_buy=find_buyable(symbols, SETTINGS))
    target, clamps = size_row(inputs, 0, np.full(5, 0.25), SETTINGS)
    assert target.tolist() == [0.0, 0.25, 0.25, 0.25, 0.25]
    assert [clamp.name for clamp in clamps if clamp.reduced.any()] == ["not bought"]


def test_too_small_a_chance_opens_nothing_new_but_keeps_and_shrinks_what_there_is():
    target, _ = size_row(
        size_one_row(np.array([0.2, 0.2, 0.05]), low_probability=NONE[:3] | True),
        0,
        np.array([0.0, 0.1, 0.1]),
        SETTINGS,
    )
    assert target.tolist() == [0.0, 0.1, 0.05]


@compiling
@given(st.lists(A_SHARE, max_size=40))
def test_targets_are_added_up_without_rounding(values):
    array = np.array(values, np.float64)
    assert sizing_kernels.exact_total(array, np.ones(len(array), bool), True) == math.fsum(values)


def size_many_rows(rows: list[SizingInputs], correlated, matrix_index) -> SizingInputs:
    last = ("correlation", "buyable", "sector")
    together = {
        name: np.concatenate([getattr(one, name) for one in rows])
        for name in SizingInputs.__dataclass_fields__
        if name not in last
    }
    return SizingInputs(
        **together,
        correlation=CorrelationGroups(correlated, np.array(matrix_index, np.int32)),
        buyable=rows[0].buyable,
        sector=rows[0].sector,
    )


@compiling
@given(
    st.lists(st.tuples(INPUTS, st.integers(0, 1)), min_size=1, max_size=5), SHARES, LIMITS,
    st.tuples(PAIRS, PAIRS),
)  # fmt: skip
def test_many_rows_are_the_rows_one_by_one(steps, previous, limits, pairs):
    inputs = size_many_rows(
        [one for one, _ in steps], np.stack(pairs), [matrix_index for _, matrix_index in steps]
    )
    targets = size_rows(inputs, previous, limits)
    for row in range(len(steps)):
        previous, _ = size_row(inputs, row, previous, limits)
        assert np.array_equal(targets[row], previous)


def test_calendars_that_close_together_do_not_see_each_other():
    requested = np.array([0.2, 0.2, 0.2, 0.2, 0.2, 0.2])
    first, previous = np.array([True] * 3 + [False] * 3), np.full(6, 0.25)
    steps = [size_one_row(requested, has_bar=first), size_one_row(requested, has_bar=~first)]
    both = size_many_rows(steps, np.zeros((1, 6, 6), bool), [0, 0])
    alone = [size_row(both, row, previous, SETTINGS)[0] for row in (0, 1)]
    apart = size_rows(both, previous, SETTINGS)
    both.same_instant[1] = True
    targets = size_rows(both, previous, SETTINGS)
    assert np.array_equal(targets[1], np.where(first, alone[0], alone[1]))
    assert not np.array_equal(targets[1], apart[1])


def test_kelly_doubles_with_the_edge_and_halves_with_the_volatility():
    stake = kelly(np.array([0.01, 0.02, 0.01, -0.01]), np.array([0.04, 0.04, 0.08, 0.04]), 0.25)
    assert np.isclose(stake[0], 0.25 * 0.01 * np.sqrt(2 * np.pi) / 0.04)
    assert np.allclose(stake[1:], [2 * stake[0], stake[0] / 2, 0.0])


EDGE = np.array([[0.01, 0.02, 0.01, -0.01, 0.01]])
HORIZON_VOLATILITY = np.array([[0.04, 0.04, 0.08, 0.04, np.nan]])


@pytest.mark.parametrize(
    ("rules", "by_hand"),
    [
        ({"method": "kelly"}, [0.3133285, 0.6266571, 0.1566643]),
        ({"method": "fixed", "fixed_fraction": 0.08}, [0.08, 0.08, 0.08]),
        # 4 % over five of 252 days is 28.3973 % a year
        ({"method": "volatility", "volatility_target": 0.03}, [0.1056443, 0.1056443, 0.0528221]),
        ({"method": "equal risk", "risk_budget": 0.005}, [0.125, 0.125, 0.0625]),
    ],
)
def test_each_method_asks_for_what_its_formula_says_by_hand(rules, by_hand):
    requested = raw_weights(EDGE, HORIZON_VOLATILITY, np.full(5, 50.4), SizingSettings(**rules))
    assert np.allclose(requested, [[*by_hand, 0.0, 0.0]], rtol=1e-6)


@given(arrays(np.float64, (3, 6), elements=st.floats(0.01, 0.2)),
       st.sampled_from(["kelly", "fixed", "volatility", "equal risk"]))  # fmt: skip
def test_a_method_asks_the_same_of_one_row_as_of_all(volatility, method):
    rules, edge = SizingSettings(method=method), volatility[:, ::-1] - 0.05
    horizons = np.array([50.4, 50.4, 73.05, 73.05, 252.0, 2.0])
    whole = raw_weights(edge, volatility, horizons, rules)
    for row in range(3):
        one = raw_weights(edge[row : row + 1], volatility[row : row + 1], horizons, rules)
        assert np.array_equal(whole[row : row + 1], one)


def test_positions_of_equal_risk_move_the_equity_alike():
    volatility = np.array([[0.02, 0.05, 0.11]])
    requested = raw_weights(
        np.full((1, 3), 0.01), volatility, np.ones(3), SizingSettings(method="equal risk")
    )
    assert np.allclose(requested * volatility, SETTINGS.risk_budget)


def test_without_a_known_volatility_nothing_is_staked():
    assert kelly(np.array([0.1, 0.1]), np.array([np.nan, 0.0]), 0.25).tolist() == [0.0, 0.0]


def test_a_sector_of_ones_own_goes_before_the_table():
    rules = SizingSettings(sectors={"NVDA": "chips", "AMD": "chips", "BTC-USD": "money"})
    names = ("NVDA", "AMD", "AAPL", "MSFT", "SPY", "NOBODY", "BTC-USD", "ETH-USD")
    numbers = sector_numbers(names, rules).tolist()
    assert numbers[0] == numbers[1] != numbers[2] == numbers[3] >= 0
    assert numbers[4:6] == [-1, -1]
    assert -1 < numbers[6] != numbers[7] > -1
    assert [sector_of(name, {}) for name in names[4:]] == [BROAD, None, COINS, COINS]


def test_no_symbol_is_listed_under_two_sectors():
    listed = [set(symbols.split()) for symbols in _BY_SECTOR.values()]
    assert all(not one & other for one, other in combinations(listed, 2))
