"""Train and test rows when outcomes extend into later rows.

A vote at row t is settled at row `ends[t]`, so rows near a border carry information about the other
side. Promises that no training row shares any part of its outcome with a test row (purging), and
that some more rows after a test block are left out (embargo), because what agents observe there
still reflects it (Lopez de Prado 2018, Advances in Financial Machine Learning, chapters 7 and 12).
Rows are index arrays in ascending order. Leaves out the cells of a row: all symbols of a row are on
the same side.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from domain.errors import InputError

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class TrainTestSplit:
    """Rows to train on and rows to test on; no row is in both."""

    train: Rows
    test: Rows


def purged_folds(ends: Rows, count: int, embargo: int) -> tuple[TrainTestSplit, ...]:
    """Return `count` splits into blocks of nearly equal length, each tested once with the others
    for training.

    `ends` (R,): the row at which the outcomes begun in each row are complete, never before it and
    never falling. `embargo` is in rows. Raises InputError where there are fewer than two blocks or
    fewer rows than blocks.
    """
    return tuple(_purged_split(ends, [block], embargo) for block in _blocks(len(ends), count))


def combinatorial_splits(
    ends: Rows, groups: int, test_groups: int, embargo: int
) -> tuple[TrainTestSplit, ...]:
    """Return a split for every choice of `test_groups` out of `groups` blocks, in the order of
    `itertools.combinations`: combinatorial purged cross-validation.

    Raises InputError unless 0 < `test_groups` < `groups`.
    """
    _check_test_groups(groups, test_groups)
    blocks = _blocks(len(ends), groups)
    return tuple(_purged_split(ends, [blocks[g] for g in chosen], embargo)
                 for chosen in combinations(range(groups), test_groups))  # fmt: skip


def backtest_paths(groups: int, test_groups: int) -> NDArray[np.intp]:
    """Return (P, groups): the number of the combinatorial split from which path p takes its group
    g.

    Every block is tested in P = comb(groups - 1, test_groups - 1) splits, so that the tests join to
    P whole histories; no test of a block is used twice.
    """
    _check_test_groups(groups, test_groups)
    splits = np.empty((comb(groups - 1, test_groups - 1), groups), np.intp)
    filled = np.zeros(groups, np.intp)
    for number, chosen in enumerate(combinations(range(groups), test_groups)):
        for group in chosen:
            splits[filled[group], group] = number
            filled[group] += 1
    return splits


def group_of(rows: int, groups: int) -> NDArray[np.intp]:
    """Return (R,) the block in which each row lies."""
    return np.repeat(np.arange(groups), [len(block) for block in _blocks(rows, groups)])


def walk_forward_splits(
    ends: Rows, since: int, window: int, step: int, embargo: int
) -> tuple[TrainTestSplit, ...]:
    """Return tests of `step` rows from row `since` to the last, each training on those of the
    `window` rows before it whose outcomes were complete more than `embargo` rows earlier.

    The last test may be shorter. Raises InputError for lengths that are not positive, and where
    there is no row before `since` or none from it on.
    """
    if min(window, step) < 1 or embargo < 0:
        raise InputError(
            f"A window of {window} bars every {step} with an embargo of {embargo} is no walk. Give "
            "at least one bar to learn from, one to a step, and no negative embargo."
        )
    if not 0 < since < len(ends):
        raise InputError(
            f"Nothing lies on both sides of bar {since} in a history of {len(ends)}. Begin later, "
            "or bring more history."
        )
    return tuple(_walk_steps(ends, since, window, step, embargo))


def _walk_steps(
    ends: Rows, since: int, window: int, step: int, embargo: int
) -> Iterator[TrainTestSplit]:
    for start in range(since, len(ends), step):
        past = np.arange(max(start - window, 0), start)
        yield TrainTestSplit(
            train=past[ends[past] + embargo < start],
            test=np.arange(start, min(start + step, len(ends))),
        )


def _blocks(rows: int, count: int) -> Sequence[Rows]:
    if not 2 <= count <= rows:
        raise InputError(
            f"{rows} bars cannot be divided into {count} stretches. Take at least two, and more "
            "history than stretches."
        )
    return np.array_split(np.arange(rows), count)


def _purged_split(ends: Rows, blocks: Sequence[Rows], embargo: int) -> TrainTestSplit:
    """Keep a row where its outcome ends before each test block begins, or where it begins more than
    the embargo after the last outcome of that block."""
    rows = np.arange(len(ends))
    kept = np.ones(len(ends), bool)
    for block in blocks:
        kept &= (ends < block[0]) | (rows > ends[block].max() + embargo)
    return TrainTestSplit(train=np.flatnonzero(kept), test=np.concatenate(blocks))


def _check_test_groups(groups: int, test_groups: int) -> None:
    if not 0 < test_groups < groups:
        raise InputError(
            f"{test_groups} of {groups} stretches cannot be tested while learning from the others. "
            "Test at least one and fewer than all."
        )
