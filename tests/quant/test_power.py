"""The smallest effect that a record can tell from nothing, against simulated records."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant.scoring.power import (
    LEVEL,
    POWER,
    detectable_effect,
    detectable_rank_ic,
    detectable_time_ic,
)

CRITICAL = 1.959964
"""Standard errors beyond which a two-sided test at `LEVEL` rejects."""


def mean_rank_ics(correlation: float, bars: int, symbols: int, records: int) -> np.ndarray:
    """(records,) mean rank correlations of forecasts and outcomes with a normal `correlation`."""
    generator = np.random.default_rng(1)
    forecast = generator.normal(size=(records, bars, symbols))
    noise = generator.normal(size=forecast.shape)
    outcome = correlation * forecast + math.sqrt(1.0 - correlation**2) * noise
    one, other = (values.argsort(axis=-1).argsort(axis=-1) for values in (forecast, outcome))
    centred = (one - (symbols - 1) / 2.0) * (other - (symbols - 1) / 2.0)
    return centred.mean(axis=(1, 2)) / ((symbols**2 - 1) / 12.0)


def test_an_effect_of_this_size_is_found_as_often_as_promised_and_nothing_rarely() -> None:
    bars, symbols = 60, 12
    smallest = detectable_rank_ic(bars, symbols, 1)
    error = 1.0 / math.sqrt(bars * (symbols - 1))
    # The mean rank correlation of n symbols with a small normal one, r, is 3 n r / (pi (n + 1)).
    normal = smallest * math.pi * (symbols + 1) / (3 * symbols)
    found = np.abs(mean_rank_ics(normal, bars, symbols, 2_000)) > CRITICAL * error
    false_alarms = np.abs(mean_rank_ics(0.0, bars, symbols, 2_000)) > CRITICAL * error
    assert found.mean() == pytest.approx(POWER, abs=0.04)
    assert false_alarms.mean() == pytest.approx(LEVEL, abs=0.015)


def test_a_measured_interval_gives_what_its_standard_error_does() -> None:
    error = 0.01
    width = 2.0 * 1.644854 * error
    assert detectable_effect(0.02, 0.02 + width) == pytest.approx(2.801585 * error)


@given(st.integers(1, 5_000), st.integers(2, 200), st.integers(1, 20))
def test_more_of_anything_never_makes_it_larger(bars: int, symbols: int, horizon: int) -> None:
    smallest = detectable_rank_ic(bars, symbols, horizon)
    assert 0.0 < smallest <= 1.0
    assert detectable_rank_ic(bars + 1, symbols, horizon) <= smallest
    assert detectable_rank_ic(bars, symbols + 1, horizon) <= smallest
    assert detectable_rank_ic(bars, symbols, horizon + 1) >= smallest


def test_where_nothing_can_be_said_it_is_unknown_and_not_zero() -> None:
    assert math.isnan(detectable_rank_ic(100, 1, 5))
    assert math.isnan(detectable_time_ic(5, 5))
