"""Intervals by resampling blocks, checked against arch and against what they promise."""

import numpy as np
import pytest
from arch.bootstrap import StationaryBootstrap, optimal_block_length
from hypothesis import given, settings
from hypothesis import strategies as st

from quant import resampling
from quant.resampling import Floats


def autoregression(n: int, persistence: float, seed: int) -> Floats:
    """(n,) values that follow one another, with mean zero in the long run."""
    shocks = np.random.default_rng(seed).normal(size=n + 100)
    values = np.zeros(n + 100)
    for t in range(1, n + 100):
        values[t] = persistence * values[t - 1] + shocks[t]
    return values[100:]


def test_the_same_seed_draws_the_same_rows_and_another_seed_others() -> None:
    first, again, other = (resampling.stationary_indices(50, 5.0, 20, seed) for seed in (1, 1, 2))
    assert first.shape == (20, 50)
    assert (first == again).all()
    assert (first != other).any()


@given(n=st.integers(1, 40), block=st.floats(1.0, 100.0), seed=st.integers(0, 1000))
def test_every_drawn_row_exists(n: int, block: float, seed: int) -> None:
    drawn = resampling.stationary_indices(n, block, 5, seed)
    assert drawn.min() >= 0
    assert drawn.max() < n


@pytest.mark.parametrize("block", [1.0, 4.0, 25.0])
def test_blocks_are_as_long_as_requested_and_wrap_around_the_end(block: float) -> None:
    n = 500
    drawn = resampling.stationary_indices(n, block, 400, 7)
    follows = np.diff(drawn) % n == 1
    # A new block starts with probability 1 / block; by chance it may start at the very next row.
    assert follows.mean() == pytest.approx(1 - (1 / block) * (1 - 1 / n), abs=0.005)
    wrapped = (drawn[:, :-1] == n - 1) & (drawn[:, 1:] == 0)
    assert wrapped.any() or block == 1.0


def test_every_row_is_as_likely_as_any_other() -> None:
    counts = np.bincount(resampling.stationary_indices(100, 10.0, 2000, 3).ravel(), minlength=100)
    assert counts == pytest.approx(np.full(100, 2000), rel=0.2)


def test_a_ratio_is_resampled_by_the_very_rows_that_are_drawn() -> None:
    generator = np.random.default_rng(0)
    above, below = generator.normal(size=300), generator.uniform(1, 2, size=300)
    estimate = resampling.ratio_estimate(above, below, 8.0, samples=500, seed=4)
    rows = resampling.stationary_indices(300, 8.0, 500, 4)
    ratios = above[rows].sum(axis=1) / below[rows].sum(axis=1)
    assert estimate.value == pytest.approx(above.sum() / below.sum())
    assert (estimate.low, estimate.high) == pytest.approx(tuple(np.quantile(ratios, [0.05, 0.95])))
    assert estimate.n == 300


def test_the_interval_of_a_mean_agrees_with_arch() -> None:
    series = autoregression(800, 0.5, 11)
    own = resampling.mean_estimate(series, 12.0, samples=4000)
    reference = StationaryBootstrap(12, series, seed=5).conf_int(
        lambda x: x.mean(), 4000, method="percentile", size=0.90
    )
    width = own.high - own.low
    assert (own.low, own.high) == pytest.approx(tuple(reference[:, 0]), abs=0.08 * width)


def test_blocks_cover_the_truth_where_single_rows_promise_too_much() -> None:
    by_blocks = by_rows = 0
    for seed in range(150):
        series = autoregression(600, 0.6, seed)
        wide = resampling.mean_estimate(series, resampling.block_length(series), 300, seed)
        narrow = resampling.mean_estimate(series, 1.0, 300, seed)
        by_blocks += wide.low <= 0 <= wide.high
        by_rows += narrow.low <= 0 <= narrow.high
    assert by_blocks / 150 > 0.80
    assert by_rows / 150 < 0.70


def test_rows_without_a_value_are_left_out_and_not_counted() -> None:
    above, below = np.arange(40.0), np.ones(40)
    with_holes = np.insert(above, [3, 20], np.nan), np.insert(below, [3, 20], 1.0)
    assert resampling.ratio_estimate(*with_holes, 2.0) == resampling.ratio_estimate(
        above, below, 2.0
    )


@pytest.mark.parametrize(("n", "block"), [(9, 1.0), (40, 10.0), (1, 1.0)])
def test_too_few_blocks_give_a_value_without_an_interval(n: int, block: float) -> None:
    estimate = resampling.mean_estimate(np.arange(float(n)), block)
    assert estimate.value == (n - 1) / 2
    assert np.isnan([estimate.low, estimate.high]).all()
    assert estimate.n == n


def test_without_observations_nothing_is_claimed() -> None:
    for nothing in (np.empty(0), np.full(30, np.nan)):
        estimate = resampling.mean_estimate(nothing, 1.0)
        assert np.isnan([estimate.value, estimate.low, estimate.high]).all()
        assert estimate.n == 0
    assert np.isnan(resampling.ratio_estimate(np.ones(30), np.zeros(30), 1.0).value)


def test_an_interval_needs_half_of_its_samples() -> None:
    drawn = np.array([1.0, 2.0, np.nan, np.nan, np.nan])
    assert np.isnan(resampling.percentile_interval(drawn, 1.0, 50).low)
    assert resampling.percentile_interval(drawn[:4], 1.0, 50).low == pytest.approx(1.05)


@settings(max_examples=40)
@given(
    n=st.integers(12, 600),
    persistence=st.floats(-0.8, 0.95),
    seed=st.integers(0, 10_000),
)
def test_the_block_length_is_archs(n: int, persistence: float, seed: int) -> None:
    series = autoregression(n, persistence, seed)
    reference = float(optimal_block_length(series)["stationary"].iloc[0])
    assert resampling.block_length(series) == pytest.approx(max(reference, 1.0), rel=1e-6)


def test_a_series_that_never_changes_or_is_short_needs_no_blocks() -> None:
    assert resampling.block_length(np.full(100, 0.3)) == 1.0
    assert resampling.block_length(np.arange(5.0)) == 1.0
    assert resampling.block_length(np.full(100, np.nan)) == 1.0
