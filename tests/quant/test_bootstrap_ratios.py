import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant.bootstrap_ratios import draw_bootstrap
from quant.resampling import ratio_estimate


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.integers(1, 21), st.floats(1.0, 20.0), st.integers(10, 150))
def test_many_ratios_are_each_what_it_would_be_alone(seed, series, block, rows):
    rng = np.random.default_rng(seed)
    above, below = rng.normal(size=(series, rows)), rng.uniform(0.5, 2.0, (series, rows))
    together = draw_bootstrap(rows, block, seed, samples=40).ratios(above, below)
    for k in range(series):
        alone = ratio_estimate(above[k], below[k], block, 40, seed)
        assert together[k].tolist() == pytest.approx(
            [alone.value, alone.low, alone.high], abs=1e-9, nan_ok=True
        )


def test_a_slice_of_few_rows_has_a_value_and_no_interval():
    above, below = np.zeros((2, 100)), np.zeros((2, 100))
    above[0, :20], below[0, :20] = 1.0, 2.0
    some, nothing = draw_bootstrap(100, 6.0, 0).ratios(above, below)
    assert some[0] == 0.5
    assert np.isnan(some[1:]).all()
    assert np.isnan(nothing).all()


def test_no_rows_make_no_estimate():
    assert np.isnan(draw_bootstrap(0, 6.0, 0).ratios(np.empty((3, 0)), np.empty((3, 0)))).all()
