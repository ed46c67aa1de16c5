"""Indicators see no holes, windows are as defined, base rates count the past only."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant import rolling
from quant.base_rate import base_rate
from quant.features import indicators
from quant.features.fundamentals import standardised_surprises, trailing_twelve_months
from quant.per_symbol import apply_to_completed_periods, by_symbol, lag, pct_change, rebase
from quant.risk.symbol_risk import drawdown, forecast_volatility, horizon_quantile, yang_zhang


def _walk(seed: int, bars: int = 300) -> np.ndarray:
    return 50 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.02, bars)))


def test_a_hole_is_skipped_not_spread() -> None:
    gapless = _walk(1)
    holed = np.insert(gapless, [50, 50, 120], np.nan)
    answer = indicators.rsi(holed, 14)
    assert np.isnan(answer[[50, 51, 122]]).all()
    np.testing.assert_array_equal(answer[~np.isnan(holed)], indicators.rsi(gapless, 14))


def test_a_window_of_a_long_series_is_the_window_alone_to_the_last_bit() -> None:
    of, on, length = _walk(1, 2_100), _walk(2, 2_100), 63
    for row in (70, 1_023, 1_024, 1_050, 2_099):
        alone = slice(row + 1 - length, row + 1)
        for measure in (rolling.mean, rolling.variance):
            assert measure(of, length, 1)[row] == measure(of[alone], length, 1)[-1]
        for measure in (rolling.slope, rolling.correlation):
            assert measure(of, on, length, 2)[row] == measure(of[alone], on[alone], length, 2)[-1]


def test_a_lag_counts_the_symbols_own_bars() -> None:
    np.testing.assert_array_equal(
        lag(np.array([1.0, np.nan, 2.0, 3.0]), 1), [np.nan, np.nan, 1.0, 2.0]
    )


@pytest.mark.parametrize("bars", [1, 2, 3, 14, 15])
def test_indicators_accept_histories_shorter_than_their_length(bars: int) -> None:
    close = _walk(2, bars)
    for answer in (
        indicators.adx(close, close, close),
        indicators.macd(close),
        indicators.rsi(close),
    ):
        assert answer.shape == close.shape


def test_a_price_that_stands_still_is_neither_overbought_nor_oversold() -> None:
    flat = np.full(100, 7.1)
    assert np.isnan(indicators.rsi(flat)).all()
    assert np.isnan(indicators.bollinger_z(flat)).all()
    assert np.isnan(indicators.stochastic(flat, flat, flat)).all()


def test_there_are_sixty_one_candlestick_patterns() -> None:
    assert len(indicators.PATTERNS) == 61


@given(
    values=st.lists(st.floats(-5, 5).map(lambda x: round(x, 1)), min_size=1, max_size=60),
    length=st.integers(2, 12),
    minimum=st.integers(1, 5),
)
def test_windows_agree_with_their_definitions(
    values: list[float], length: int, minimum: int
) -> None:
    minimum = min(minimum, length)
    series = np.array(values)
    low = rolling.quantile(series, 0.25, length, minimum)
    tail = rolling.tail_mean(series, 0.25, length, minimum)
    top = rolling.highest(series, length, minimum)
    spread = rolling.variance(series, length, minimum)
    for t in range(len(series)):
        window = series[max(t + 1 - length, 0) : t + 1]
        if len(window) < minimum:
            assert np.isnan([low[t], tail[t], top[t], spread[t]]).all()
            continue
        rank = max(int(np.ceil(0.25 * len(window))), 1)
        assert low[t] == np.sort(window)[rank - 1]
        assert tail[t] == pytest.approx(np.sort(window)[:rank].mean())
        assert top[t] == window.max()
        assert spread[t] == pytest.approx(window.var(), abs=1e-12)


def test_the_base_rate_counts_only_outcomes_that_are_complete() -> None:
    open_ = np.array([1.0, 1, 2, 3, 2, 5])
    rate = base_rate(open_, 2)
    assert rate[2] == 0.5
    assert rate[3] == 51 / 101
    assert rate[4] == 51 / 102
    assert rate[5] == 52 / 103


def test_doubled_prices_are_the_same_prices_once_rebased() -> None:
    close = _walk(3).reshape(-1, 1)
    np.testing.assert_array_equal(rebase(close, close), rebase(2 * close, 2 * close))


def test_a_period_is_complete_once_a_later_one_has_begun() -> None:
    close = np.arange(1.0, 9.0).reshape(-1, 1)
    period = np.array([0, 0, 0, 1, 1, 2, 2, 2])
    answer = apply_to_completed_periods(close, period, lambda series: series)
    np.testing.assert_array_equal(answer[:, 0], [np.nan, np.nan, np.nan, 3, 3, 5, 5, 5])


def test_volatility_forecasts_and_measures_find_the_true_volatility() -> None:
    steps = np.random.default_rng(4).normal(0, 0.002, (2000, 100))
    paths = 50 * np.exp(np.cumsum(steps).reshape(steps.shape))
    open_, close = paths[:, 0], paths[:, -1]
    assert forecast_volatility(close)[-500:].mean() == pytest.approx(0.02, rel=0.1)
    realised = yang_zhang(open_, paths.max(axis=1), paths.min(axis=1), close, 63)
    assert realised[-500:].mean() == pytest.approx(0.02, rel=0.1)


def test_a_quantile_forecast_scales_with_volatility() -> None:
    close = _walk(5, 1000)
    volatility = forecast_volatility(close)
    quantile = horizon_quantile(close, volatility, 5, 750)
    sane = quantile[100:] / (volatility[100:] * np.sqrt(5))
    assert (sane < -1.2).all()
    assert (sane > -2.5).all()


def test_drawdown_is_measured_from_the_highest_close() -> None:
    np.testing.assert_allclose(drawdown(np.array([1.0, 2, 1, 3]), 10), [0, 0, -0.5, 0])


def test_a_trailing_year_replaces_last_years_quarters_by_this_years() -> None:
    year = np.array([2019, 2019, 2019, 2019, 2020], np.int32)
    quarter = np.array([1, 2, 3, 4, 1], np.int32)
    now, before = trailing_twelve_months(year, quarter, np.array([10.0, 20, 30, 100, 15]))
    np.testing.assert_array_equal(now, [np.nan, np.nan, np.nan, 100, 105])
    assert np.isnan(before).all()


def test_the_first_figure_filed_stands() -> None:
    year = np.array([2019, 2019], np.int32)
    quarter = np.array([4, 4], np.int32)
    now, _ = trailing_twelve_months(year, quarter, np.array([100.0, 90.0]))
    np.testing.assert_array_equal(now, [100.0, 100.0])


def test_a_surprise_is_measured_in_the_companys_own_usual_ones() -> None:
    estimate = np.ones(6)
    wild = standardised_surprises(estimate, np.array([1.5, 0.5, 1.5, 0.5, 1.5, 1.2]))
    tame = standardised_surprises(estimate, np.array([1.01, 0.99, 1.01, 0.99, 1.01, 1.2]))
    assert 0 < wild[-1] < tame[-1]


def test_no_symbol_sees_another() -> None:
    both = np.column_stack([_walk(1), _walk(2)])
    np.testing.assert_array_equal(
        by_symbol(np.cumsum, both)[:, 1], by_symbol(np.cumsum, both[:, 1])
    )
    np.testing.assert_array_equal(pct_change(both, 3)[:, 0], pct_change(both[:, 0], 3))
