"""A slope finds what evidence is worth, late rather than wrongly, and no crowd fools it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant.calibration import (
    MAX_SLOPE,
    MIN_BLOCKS,
    PRIOR_PRECISION,
    ROUNDS_PER_BLOCK,
    initial_state,
    slopes,
    update,
)

YEAR = MIN_BLOCKS * ROUNDS_PER_BLOCK


def _market(seed: int, rows: int, columns: int, worth: float, size: float = 0.25):
    """One forecaster's evidence (1, R, N) of which `worth` is true, base rates and outcomes."""
    rng = np.random.default_rng(seed)
    evidence = size * rng.normal(size=(1, rows, columns))
    rate = rng.uniform(0.4, 0.6, (rows, columns))
    true = np.log(rate / (1 - rate)) + worth * evidence[0]
    rose = (rng.random((rows, columns)) < 1 / (1 + np.exp(-true))).astype(float)
    return evidence, rate, rose


@pytest.mark.parametrize("worth", [0.0, 0.4, 1.0, 1.5])
def test_the_slope_finds_what_the_evidence_is_worth(worth):
    after, _ = update(initial_state(1), *_market(1, 4 * YEAR, 40, worth))
    assert slopes(after)[0] == pytest.approx(worth, abs=0.12)


def test_a_slope_is_never_negative_and_never_above_two():
    contrary, _ = update(initial_state(1), *_market(2, 2 * YEAR, 20, -2.0))
    timid, _ = update(initial_state(1), *_market(2, 2 * YEAR, 20, 4.0))
    assert slopes(contrary).tolist() == [0.0]
    assert slopes(timid).tolist() == [MAX_SLOPE]


def test_everybody_is_believed_until_there_is_a_year_of_rounds():
    _, slopes_by_row = update(initial_state(1), *_market(3, YEAR + 5, 20, 0.0))
    assert (slopes_by_row[: YEAR - 1] == 1.0).all()
    assert slopes_by_row[YEAR - 1, 0] < 0.7
    assert (slopes_by_row[YEAR - 1 :] == slopes_by_row[YEAR - 1]).all()


def test_rounds_without_a_vote_do_not_count():
    evidence, rate, rose = _market(4, 2 * YEAR, 3, 0.0)
    evidence[0, ::2] = np.nan
    rose[1, :] = np.nan
    after, slopes_by_row = update(initial_state(1), evidence, rate, rose)
    assert after.rounds.tolist() == [YEAR - 1]
    assert (slopes_by_row == 1.0).all()


def test_a_crowd_that_moves_as_one_teaches_no_more_than_one():
    """Ten copies of a symbol are ten times the cells, and the same knowledge."""
    rng = np.random.default_rng(6)
    mood = np.repeat(rng.choice([-1.0, 1.0], 36), 21)[:, np.newaxis]
    rate = np.full(mood.shape, 0.5)
    alone, _ = update(initial_state(1), 0.3 * mood[np.newaxis], rate, np.roll(mood > 0, 21) * 1.0)
    crowd, _ = update(
        initial_state(1),
        np.repeat(0.3 * mood[np.newaxis], 10, axis=2),
        np.repeat(rate, 10, axis=1),
        np.repeat(np.roll(mood > 0, 21) * 1.0, 10, axis=1),
    )
    assert crowd.sums[1, 0] == pytest.approx(10 * alone.sums[1, 0])
    assert abs(slopes(alone)[0] - 1.0) > 0.05
    assert slopes(crowd)[0] == pytest.approx(slopes(alone)[0], rel=1e-9)


def test_the_slope_is_the_ridge_step_that_is_written_down():
    evidence, rate, rose = _market(7, YEAR, 4, 0.3)
    after, _ = update(initial_state(1), evidence, rate, rose)
    g = (evidence[0] * (rose - rate)).reshape(MIN_BLOCKS, -1).sum(axis=1)
    i = (evidence[0] ** 2 * rate * (1 - rate)).reshape(MIN_BLOCKS, -1).sum(axis=1)
    effect = max(((g - g.sum() / i.sum() * i) ** 2).sum() / i.sum(), 1.0)
    expected = (PRIOR_PRECISION * effect + g.sum()) / (PRIOR_PRECISION * effect + i.sum())
    assert slopes(after)[0] == pytest.approx(expected, rel=1e-9)


def test_little_evidence_moves_the_slope_little():
    """Without the ridge, chance alone would put it at 0 or 2."""
    evidence, rate, rose = _market(9, YEAR, 1, 0.0, size=0.02)
    after, _ = update(initial_state(1), evidence, rate, rose)
    assert 0.0 < abs(slopes(after)[0] - 1.0) < 0.3
    assert not 0.0 < after.sums[0, 0] / after.sums[1, 0] < MAX_SLOPE


def test_a_forecaster_that_always_repeats_the_base_rate_keeps_its_slope():
    evidence, rate, rose = _market(8, YEAR, 4, 1.0, size=0.0)
    after, _ = update(initial_state(1), evidence, rate, rose)
    assert slopes(after).tolist() == [1.0]


@settings(max_examples=30)
@given(st.integers(0, 1000), st.integers(1, YEAR + 29))
def test_slopes_are_the_same_to_the_last_bit_however_rounds_are_cut(seed, cut):
    evidence, rate, rose = _market(seed, YEAR + 30, 3, 0.5)
    evidence = np.concatenate([evidence, 0.1 * evidence[:, :, ::-1]])
    all_at_once, slopes_by_row = update(initial_state(2), evidence, rate, rose)
    half, first = update(initial_state(2), evidence[:, :cut], rate[:cut], rose[:cut])
    rest, second = update(half, evidence[:, cut:].copy(), rate[cut:], rose[cut:])
    assert np.vstack([first, second]).tobytes() == slopes_by_row.tobytes()
    assert slopes(rest).tobytes() == slopes(all_at_once).tobytes() == slopes_by_row[-1].tobytes()
