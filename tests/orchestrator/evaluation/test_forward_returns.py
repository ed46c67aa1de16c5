from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.record import REGIMES, UNKNOWN_REGIME
from orchestrator.evaluation.forward_returns import (
    NOT_COMPLETE,
    TURBULENCE_RATIO,
    forward_returns,
    forward_returns_over,
    market_regime,
)
from quant.risk import symbol_risk
from tests.orchestrator.random_panels import random_panel


def with_holes(seed, bars=60, symbols=3, share=0.2, horizon=5):
    panel = random_panel(bars, symbols, seed)
    holes = np.random.default_rng(seed).random(panel.shape) < share
    fields = {
        name: np.where(holes, np.nan, getattr(panel, name))
        for name in ("open", "high", "low", "close", "volume")
    }
    return replace(panel, horizon=horizon, **fields)


def by_definition(panel, row, column, bars):
    """The definition, one cell at a time."""
    prices = panel.open[:, column]
    if np.isnan(prices[row]):
        return np.nan, NOT_COMPLETE
    later = [t for t in range(row + 1, len(prices)) if not np.isnan(prices[t])]
    if len(later) < bars + 1:
        return np.nan, NOT_COMPLETE
    return prices[later[bars]] / prices[later[0]] - 1.0, later[bars]


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 8), st.integers(0, 59))
def test_outcomes_are_the_plain_definition_on_each_symbols_own_bars(seed, horizon, since):
    panel = with_holes(seed, horizon=horizon)
    settled = forward_returns(panel, since)
    for row, column in np.ndindex(settled.change.shape):
        change, exit_row = by_definition(panel, since + row, column, horizon)
        assert np.array_equal(settled.change[row, column], change, equal_nan=True)
        assert settled.exit_row[row, column] == exit_row


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(2, 60))
def test_no_outcome_is_known_before_its_exit_bar_and_none_changes_afterwards(seed, rows):
    panel = with_holes(seed)
    whole, then = forward_returns(panel), forward_returns(panel.head(rows))
    complete = (whole.exit_row[:rows] != NOT_COMPLETE) & (whole.exit_row[:rows] < rows)
    assert np.array_equal(then.exit_row != NOT_COMPLETE, complete)
    assert np.array_equal(~np.isnan(then.change), complete)
    assert then.change[complete].tobytes() == whole.change[:rows][complete].tobytes()


def test_another_horizon_gives_what_its_own_panel_would():
    panel = with_holes(3)
    for bars in (1, 10, 20):
        ours = forward_returns_over(panel, 7, bars)
        theirs = forward_returns(replace(panel, horizon=bars), 7).change
        assert np.array_equal(ours, theirs, equal_nan=True)


def test_a_panel_shorter_than_the_horizon_has_no_outcome():
    settled = forward_returns(random_panel(bars=5))
    assert np.isnan(settled.change).all()
    assert (settled.exit_row == NOT_COMPLETE).all()


def test_a_price_of_zero_has_no_return():
    panel = random_panel(bars=20, symbols=1)
    panel.open[4] = 0.0
    assert np.isnan(forward_returns(panel).change[3, 0])


def test_regimes_are_the_plain_definition():
    panel = random_panel(bars=500, symbols=1, seed=5)
    codes = market_regime(panel)
    close = panel.benchmark
    volatility = symbol_risk.forecast_volatility(close)
    assert (codes[:199] == UNKNOWN_REGIME).all()
    assert len(set(codes[199:].tolist())) >= 3
    for t in range(199, 500):
        usual = np.quantile(volatility[max(t - 251, 20) : t + 1], 0.5, method="inverted_cdf")
        rising = "rising" if close[t] > close[t - 199 : t + 1].mean() else "falling"
        mood = "turbulent" if volatility[t] > TURBULENCE_RATIO * usual else "calm"
        assert REGIMES[codes[t]] == f"{rising}, {mood}"


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 400))
def test_a_regime_is_known_at_its_own_row(rows):
    panel = random_panel(bars=400, symbols=1, seed=2)
    assert market_regime(panel.head(rows)).tolist() == market_regime(panel)[:rows].tolist()


def test_without_a_benchmark_the_regime_is_unknown():
    panel = random_panel(bars=300)
    missing = panel.benchmark.copy()
    missing[250] = np.nan
    assert market_regime(replace(panel, benchmark=missing))[250] == UNKNOWN_REGIME
    nothing = replace(panel, benchmark=np.full(300, np.nan))
    assert (market_regime(nothing) == UNKNOWN_REGIME).all()
