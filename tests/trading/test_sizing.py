import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trading import sizing_kernels
from trading.sizing import SizingSettings, Wishes, kelly, size, size_all

SETTINGS = SizingSettings()
SHARES = arrays(np.float64, (6,), elements=st.floats(0.0, 1.0))
FLAGS = arrays(np.bool_, (6,))
NONE = np.zeros(6, bool)
compiling = settings(deadline=None)


def ask(asked, cap=None, frozen=None, shut=None, present=None):
    shape = (1, len(asked))
    return Wishes(
        asked=np.array([asked]),
        cap=np.ones(shape) if cap is None else np.array([cap]),
        frozen=np.zeros(shape, bool) if frozen is None else np.array([frozen]),
        untradable=np.zeros(shape, bool) if shut is None else np.array([shut]),
        present=np.ones(shape, bool) if present is None else np.array([present]),
        together=np.zeros(1, bool),
    )


@compiling
@given(SHARES, SHARES, SHARES, FLAGS, FLAGS, FLAGS)
def test_limits_only_ever_shrink_and_leave_an_unbroken_trail(asked, held, cap, frozen, shut, here):
    target, clamps = size(ask(asked, cap, frozen, shut, here), 0, held * 0.16, SETTINGS)
    before = np.where(here, asked, held * 0.16)
    for clamp in clamps:
        assert np.array_equal(clamp.before, before)
        assert (clamp.after <= clamp.before).all()
        before = clamp.after
    assert np.array_equal(before, target)


@compiling
@given(SHARES, SHARES, SHARES, FLAGS)
def test_targets_stay_within_caps_position_limit_and_equity(asked, held, cap, frozen):
    target, _ = size(ask(asked, cap, frozen), 0, held, SETTINGS)
    assert (target >= 0.0).all()
    assert (target <= np.minimum(cap, SETTINGS.position_limit)).all()
    assert target.sum() <= SETTINGS.gross_limit + 1e-12
    assert (target[frozen] <= held[frozen]).all()


def test_what_is_held_on_other_calendars_takes_its_part_of_the_gross_limit():
    asked, here = np.array([0.25, 0.25, 0.9]), np.array([True, True, False])
    target, clamps = size(ask(asked, present=here), 0, np.array([0, 0, 0.75]), SETTINGS)
    assert target.tolist() == [0.125, 0.125, 0.75]
    assert [clamp.name for clamp in clamps if clamp.bit.any()] == ["gross limit"]


def test_a_symbol_that_cannot_be_traded_is_not_cut_to_make_room():
    asked = np.array([0.25, 0.25, 0.25, 0.25, 0.25])
    shut = np.array([True, False, False, False, False])
    target, _ = size(ask(asked, shut=shut), 0, asked, SETTINGS)
    assert target.tolist() == [0.25, 0.1875, 0.1875, 0.1875, 0.1875]


@compiling
@given(SHARES, SHARES, FLAGS, FLAGS, st.permutations(range(6)))
def test_the_same_targets_come_out_to_the_last_bit_wherever_a_symbol_stands(
    asked, held, shut, here, order
):
    straight, _ = size(ask(asked, shut=shut, present=here), 0, held, SETTINGS)
    moved = [array[list(order)] for array in (asked, held, shut, here)]
    turned, _ = size(ask(moved[0], shut=moved[2], present=moved[3]), 0, moved[1], SETTINGS)
    assert np.array_equal(turned, straight[list(order)])


@compiling
@given(st.lists(st.floats(0.0, 1.0).filter(lambda x: x == 0.0 or x > 1e-9), max_size=40))
def test_targets_are_added_up_without_rounding(values):
    array = np.array(values, np.float64)
    assert sizing_kernels.total(array, np.ones(len(array), bool), True) == math.fsum(values)


def rows(*made: Wishes) -> Wishes:
    return Wishes(
        *(
            np.concatenate([getattr(one, name) for one in made])
            for name in Wishes.__dataclass_fields__
        )
    )


STEPS = st.lists(
    st.tuples(arrays(np.float64, (6,), elements=st.floats(0, 1) | st.just(np.nan)), SHARES,
              FLAGS, FLAGS, FLAGS),
    min_size=1, max_size=5,
)  # fmt: skip


@compiling
@given(STEPS, SHARES)
def test_many_rows_are_the_rows_one_by_one(steps, previous):
    wishes = rows(*(ask(*step) for step in steps))
    targets = size_all(wishes, previous, SETTINGS)
    for row in range(len(steps)):
        previous, _ = size(wishes, row, previous, SETTINGS)
        assert np.array_equal(targets[row], previous)


def test_calendars_that_close_together_do_not_see_each_other():
    asked = np.array([0.2, 0.2, 0.2, 0.2, 0.2, 0.2])
    first, settled = np.array([True] * 3 + [False] * 3), np.full(6, 0.25)
    both = rows(ask(asked, present=first), ask(asked, present=~first))
    alone = [size(both, row, settled, SETTINGS)[0] for row in (0, 1)]
    together = Wishes(
        both.asked, both.cap, both.frozen, both.untradable, both.present, np.array([False, True])
    )
    targets = size_all(together, settled, SETTINGS)
    assert np.array_equal(targets[1], np.where(first, alone[0], alone[1]))
    assert not np.array_equal(targets[1], size_all(both, settled, SETTINGS)[1])


def test_kelly_doubles_with_the_edge_and_halves_with_the_volatility():
    stake = kelly(np.array([0.01, 0.02, 0.01, -0.01]), np.array([0.04, 0.04, 0.08, 0.04]), 0.25)
    assert np.isclose(stake[0], 0.25 * 0.01 * np.sqrt(2 * np.pi) / 0.04)
    assert np.allclose(stake[1:], [2 * stake[0], stake[0] / 2, 0.0])


def test_without_a_known_volatility_nothing_is_staked():
    assert kelly(np.array([0.1, 0.1]), np.array([np.nan, 0.0]), 0.25).tolist() == [0.0, 0.0]
