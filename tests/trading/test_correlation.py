import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.sizing.correlation import CORRELATION_BARS, CORRELATION_THRESHOLD, correlation_groups

SINCE, ROWS = 100, 160
WEEK = np.arange(ROWS) // 5


def walks(seed: int, symbols: int = 5, holes: float = 0.0) -> np.ndarray:
    """Prices about as correlated as the threshold, so that pairs fall on either side of it."""
    rng = np.random.default_rng(seed)
    common = rng.normal(0.0, 0.01, (ROWS, 1))
    close = 100.0 * np.exp(np.cumsum(common + rng.normal(0.0, 0.005, (ROWS, symbols)), axis=0))
    close[rng.random(close.shape) < holes] = np.nan
    return close


seeds = st.integers(0, 10_000)
compiling = settings(deadline=None, max_examples=40)


@compiling
@given(seeds, st.sampled_from([0.0, 0.03]))
def test_pairs_are_those_whose_correlation_on_their_common_bars_is_above_the_threshold(seed, holes):
    close = walks(seed, holes=holes)
    found = correlation_groups(close, WEEK, SINCE)
    for row in range(SINCE, ROWS, 7):
        before = close[: int(np.searchsorted(WEEK, WEEK[row]))]
        for one in range(5):
            for other in range(one):
                both = before[:, [one, other]]
                both = both[~np.isnan(both).any(axis=1)][-CORRELATION_BARS - 1 :]
                measured = np.corrcoef((both[1:] / both[:-1] - 1.0).T)[0, 1]
                flagged = found.correlated[found.matrix_index[row - SINCE], one, other]
                assert flagged == (
                    len(both) == CORRELATION_BARS + 1 and measured > CORRELATION_THRESHOLD
                )


@compiling
@given(seeds, st.sampled_from([0.0, 0.03]))
def test_a_pair_does_not_depend_on_neighbours_nor_on_rows_without_it(seed, holes):
    close = walks(seed, holes=holes)
    whole = correlation_groups(close, WEEK, SINCE)
    alone = correlation_groups(close[:, [3, 1]], WEEK, SINCE)
    assert np.array_equal(whole.correlated[:, 3, 1], alone.correlated[:, 0, 1])
    rows = np.repeat(np.arange(ROWS), 2)
    spread = close[rows]
    spread[1::2] = np.nan  # every second row is another symbol's
    doubled = correlation_groups(spread, WEEK[rows], 2 * SINCE)
    assert np.array_equal(doubled.correlated, whole.correlated)


@compiling
@given(seeds)
def test_a_week_uses_what_was_known_before_it_and_never_by_what_comes(seed):
    close = walks(seed)
    whole = correlation_groups(close, WEEK, SINCE)
    for end in (SINCE + 1, SINCE + 4, SINCE + 23):
        live = correlation_groups(close[:end], WEEK[:end], end - 1)
        assert np.array_equal(
            live.correlated[0], whole.correlated[whole.matrix_index[end - 1 - SINCE]]
        )
    assert (np.diff(whole.matrix_index.reshape(-1, 5), axis=1) == 0).all()


def test_a_scale_of_prices_changes_nothing_and_a_constant_price_is_correlated_with_none():
    close = walks(3)
    close[:, 4] = 7.0
    found = correlation_groups(close, WEEK, SINCE)
    assert np.array_equal(correlation_groups(close * 2.0, WEEK, SINCE).correlated, found.correlated)
    assert found.correlated.any()
    assert not found.correlated[:, 4].any()
    assert not found.correlated[:, np.arange(5), np.arange(5)].any()


def test_before_there_are_enough_bars_nothing_is_correlated():
    close = np.repeat(walks(1, 1), 2, axis=1)
    found = correlation_groups(close, WEEK, 0)
    flagged = found.correlated[found.matrix_index, 0, 1]
    first = int(np.flatnonzero(flagged)[0])
    assert first == 65  # the first row of a week that 64 closes came before
    assert flagged[first:].all()
