"""Nothing tested on has been learnt from, not even in part, and everything is tested as often as
it should be."""

from itertools import pairwise
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InputError
from research.fitting.splits import (
    Rows,
    TrainTestSplit,
    backtest_paths,
    combinatorial_splits,
    group_of,
    purged_folds,
    walk_forward_splits,
)


@st.composite
def ends(draw: st.DrawFn, fewest: int = 12) -> Rows:
    """Outcomes of differing lengths, never falling."""
    lengths = draw(st.lists(st.integers(0, 9), min_size=fewest, max_size=90))
    return np.maximum.accumulate(np.arange(len(lengths)) + np.array(lengths))


def assert_purged(split: TrainTestSplit, ends: Rows) -> None:
    for row in split.test.tolist():
        begins, stops = split.train, ends[split.train]
        assert not ((begins <= ends[row]) & (stops >= row)).any()


def assert_embargoed(split: TrainTestSplit, ends: Rows, embargo: int) -> None:
    """No row learnt from lies within the embargo after the outcomes of a tested stretch."""
    stretches = np.split(split.test, np.flatnonzero(np.diff(split.test) > 1) + 1)
    for stretch in stretches:
        later = split.train[split.train > stretch[0]]
        assert not (later <= ends[stretch].max() + embargo).any()


@given(ends(), st.integers(2, 6), st.integers(0, 12))
def test_folds_are_purged_and_embargoed_and_test_every_row_once(
    ends: Rows, count: int, embargo: int
) -> None:
    splits = purged_folds(ends, count, embargo)
    for split in splits:
        assert_purged(split, ends)
        assert_embargoed(split, ends, embargo)
    assert np.array_equal(np.concatenate([s.test for s in splits]), np.arange(len(ends)))


@given(ends(), st.integers(3, 6), st.integers(1, 2), st.integers(0, 12))
def test_combinations_are_purged_and_test_every_row_as_often_as_there_are_paths(
    ends: Rows, groups: int, tested: int, embargo: int
) -> None:
    splits = combinatorial_splits(ends, groups, tested, embargo)
    assert len(splits) == comb(groups, tested)
    for split in splits:
        assert_purged(split, ends)
        assert_embargoed(split, ends, embargo)
    times = np.bincount(np.concatenate([s.test for s in splits]), minlength=len(ends))
    assert (times == comb(groups - 1, tested - 1)).all()


@given(ends(), st.integers(3, 6), st.integers(1, 3))
def test_each_path_is_one_whole_history_and_no_test_is_used_twice(
    ends: Rows, groups: int, tested: int
) -> None:
    if tested >= groups:
        return
    splits = combinatorial_splits(ends, groups, tested, 0)
    group = group_of(len(ends), groups)
    table = backtest_paths(groups, tested)
    assert table.shape == (comb(groups, tested) * tested // groups, groups)
    for path in table:
        for g, number in enumerate(path.tolist()):
            assert set(np.flatnonzero(group == g)) <= set(splits[number].test.tolist())
    for g in range(groups):
        assert len(set(table[:, g].tolist())) == len(table)


@given(ends(), st.integers(1, 11), st.integers(1, 40), st.integers(1, 20), st.integers(0, 12))
def test_a_walk_learns_from_settled_rows_of_its_window_and_tests_every_later_row_once(
    ends: Rows, since: int, window: int, step: int, embargo: int
) -> None:
    splits = walk_forward_splits(ends, since, window, step, embargo)
    assert np.array_equal(np.concatenate([s.test for s in splits]), np.arange(since, len(ends)))
    for split in splits:
        assert_purged(split, ends)
        start = split.test[0]
        assert (ends[split.train] + embargo < start).all()
        assert (split.train >= start - window).all()
        left_out = np.setdiff1d(np.arange(max(start - window, 0), start), split.train)
        assert (ends[left_out] + embargo >= start).all()
    assert all(later.test[0] - earlier.test[0] == step for earlier, later in pairwise(splits))


def test_with_outcomes_of_six_rows_twelve_around_a_fold_are_left_out() -> None:
    split = purged_folds(np.arange(100) + 6, 5, embargo=0)[2]
    assert np.array_equal(split.test, np.arange(40, 60))
    assert np.array_equal(split.train, np.r_[0:34, 66:100])


@pytest.mark.parametrize(
    ("refused", "message"),
    [
        (lambda: purged_folds(np.arange(3), 4, 0), "3 bars cannot be divided into 4 stretches"),
        (lambda: purged_folds(np.arange(9), 1, 0), "9 bars cannot be divided into 1 stretches"),
        (lambda: combinatorial_splits(np.arange(9), 3, 3, 0), "3 of 3 stretches"),
        (lambda: backtest_paths(3, 0), "0 of 3 stretches"),
        (lambda: walk_forward_splits(np.arange(9), 0, 5, 2, 0), "both sides of bar 0"),
        (lambda: walk_forward_splits(np.arange(9), 9, 5, 2, 0), "both sides of bar 9"),
        (lambda: walk_forward_splits(np.arange(9), 5, 0, 2, 0), "A window of 0 bars"),
        (lambda: walk_forward_splits(np.arange(9), 5, 2, 2, -1), "embargo of -1"),
    ],
)
def test_what_cannot_be_split_is_refused(refused, message: str) -> None:
    with pytest.raises(InputError, match=message):
        refused()
