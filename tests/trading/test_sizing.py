import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trading.sizing import SizingSettings, Standing, kelly, size

SETTINGS = SizingSettings()
SHARES = arrays(np.float64, (6,), elements=st.floats(0.0, 1.0))
FLAGS = arrays(np.bool_, (6,))


@given(SHARES, SHARES, SHARES, FLAGS, FLAGS)
def test_limits_only_ever_shrink_and_leave_an_unbroken_trail(wanted, held, cap, frozen, shut):
    standing = Standing(wanted, held * 0.16, cap, frozen, shut)
    target, clamps = size(standing, SETTINGS)
    before = wanted
    for clamp in clamps:
        assert np.array_equal(clamp.before, before)
        assert (clamp.after <= clamp.before).all()
        before = clamp.after
    assert np.array_equal(before, target)


@given(SHARES, SHARES, SHARES, FLAGS)
def test_targets_stay_within_caps_position_limit_and_equity(wanted, held, cap, frozen):
    standing = Standing(wanted, held, cap, frozen, np.zeros(6, bool))
    target, _ = size(standing, SETTINGS)
    assert (target >= 0.0).all()
    assert (target <= np.minimum(cap, SETTINGS.position_limit)).all()
    assert target.sum() <= SETTINGS.gross_limit + 1e-12
    assert (target[frozen] <= held[frozen]).all()


def test_what_is_held_elsewhere_takes_its_part_of_the_gross_limit():
    want = np.array([0.25, 0.25])
    free, shut = np.ones(2), np.zeros(2, bool)
    target, clamps = size(Standing(want, want * 0, free, shut, shut, elsewhere=0.75), SETTINGS)
    assert target.tolist() == [0.125, 0.125]
    assert [clamp.name for clamp in clamps if clamp.bit.any()] == ["gross limit"]


def test_a_symbol_that_cannot_be_traded_is_not_cut_to_make_room():
    want = np.array([0.25, 0.25, 0.25, 0.25, 0.25])
    shut = np.array([True, False, False, False, False])
    target, _ = size(Standing(want, want, np.ones(5), np.zeros(5, bool), shut), SETTINGS)
    assert target.tolist() == [0.25, 0.1875, 0.1875, 0.1875, 0.1875]


def test_kelly_doubles_with_the_edge_and_halves_with_the_volatility():
    stake = kelly(np.array([0.01, 0.02, 0.01, -0.01]), np.array([0.04, 0.04, 0.08, 0.04]), 0.25)
    assert np.isclose(stake[0], 0.25 * 0.01 * np.sqrt(2 * np.pi) / 0.04)
    assert np.allclose(stake[1:], [2 * stake[0], stake[0] / 2, 0.0])


def test_without_a_known_volatility_nothing_is_staked():
    assert kelly(np.array([0.1, 0.1]), np.array([np.nan, 0.0]), 0.25).tolist() == [0.0, 0.0]
