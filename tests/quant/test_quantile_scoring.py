from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, chi2, norm
from sklearn.metrics import mean_pinball_loss

from quant.per_symbol import pct_change
from quant.risk import symbol_risk
from quant.scoring import quantile_scoring


def walk(bars=700, seed=0):
    rng = np.random.default_rng(seed)
    return np.exp(np.cumsum(rng.normal(0, 0.02, bars)))


@given(st.integers(0, 10_000))
def test_pinball_loss_is_that_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    outcome, forecast = rng.normal(size=50), rng.normal(size=50)
    mean_loss = quantile_scoring.pinball(forecast, outcome).mean()
    assert mean_loss == pytest.approx(
        mean_pinball_loss(outcome, forecast, alpha=quantile_scoring.QUANTILE_LEVEL)
    )


def test_the_true_quantile_has_the_smallest_pinball_loss():
    outcome = np.random.default_rng(3).normal(size=200_000)
    loss = {q: quantile_scoring.pinball(q, outcome).mean() for q in (-2.2, norm.ppf(0.05), -1.2)}
    assert min(loss, key=loss.get) == norm.ppf(0.05)


def test_a_breach_is_an_outcome_below_the_forecast_and_unknown_without_both():
    breached = quantile_scoring.breaches(
        np.array([-0.1, -0.1, np.nan, -0.1]), np.array([-0.2, 0.0, -0.2, np.nan])
    )
    assert np.array_equal(breached, [1.0, 0.0, np.nan, np.nan], equal_nan=True)


@given(st.integers(1, 300), st.data())
def test_kupiecs_ratio_is_that_of_two_binomials(n, data):
    hits = data.draw(st.integers(0, n))
    breached = np.zeros(n)
    breached[:hits] = 1.0
    test = quantile_scoring.kupiec(breached)
    ratio = 2 * (binom.logpmf(hits, n, hits / n) - binom.logpmf(hits, n, 0.05))
    assert test.ratio == pytest.approx(ratio, abs=1e-8)
    assert test.p_value == pytest.approx(chi2.sf(max(ratio, 0.0), 1), abs=1e-6)


def test_kupiec_accepts_one_in_twenty_and_rejects_one_in_ten():
    assert quantile_scoring.kupiec(np.tile([1.0] + 19 * [0.0], 20)).p_value == pytest.approx(1.0)
    assert quantile_scoring.kupiec(np.tile([1.0] + 9 * [0.0], 40)).p_value < 0.001


def test_christoffersens_ratio_is_that_of_the_counted_chain():
    breached = np.array([0, 0, 1, 1, 0, 0, 0, 1, 0, 1, 1, 1, 0, 0, 0, 0, 1, 0], float)
    pairs = list(pairwise(breached))
    n = {(a, b): pairs.count((a, b)) for a in (0.0, 1.0) for b in (0.0, 1.0)}
    after_miss = n[0, 1] / (n[0, 0] + n[0, 1])
    after_hit = n[1, 1] / (n[1, 0] + n[1, 1])
    rate = (n[0, 1] + n[1, 1]) / len(pairs)
    chain = (
        n[0, 0] * np.log(1 - after_miss) + n[0, 1] * np.log(after_miss)
        + n[1, 0] * np.log(1 - after_hit) + n[1, 1] * np.log(after_hit)
    )  # fmt: skip
    flat = (n[0, 0] + n[1, 0]) * np.log(1 - rate) + (n[0, 1] + n[1, 1]) * np.log(rate)
    assert quantile_scoring.christoffersen(breached).ratio == pytest.approx(2 * (chain - flat))


def test_breaches_in_clusters_are_rejected_and_scattered_ones_mostly_not():
    assert quantile_scoring.christoffersen(np.tile(5 * [1.0] + 95 * [0.0], 5)).p_value < 0.001
    rng = np.random.default_rng(5)
    p_values = [
        quantile_scoring.christoffersen((rng.random(400) < 0.05).astype(float)).p_value
        for _ in range(300)
    ]
    assert 0.01 < np.mean(np.array(p_values) < 0.05) < 0.12


def test_nothing_to_test_has_no_p_value():
    assert np.isnan(quantile_scoring.kupiec(np.empty(0)).p_value)
    assert np.isnan(quantile_scoring.christoffersen(np.ones(1)).p_value)


def test_outcomes_kept_apart_have_no_bar_in_common():
    breached = np.array([np.nan, 0, 1, 0, 0, np.nan, 1, 0, 1])
    assert quantile_scoring.select_non_overlapping(breached, horizon=2).tolist() == [0, 0, 1]
    assert quantile_scoring.select_non_overlapping(np.arange(10.0), horizon=5).tolist() == [
        0.0,
        6.0,
    ]


@settings(max_examples=10)
@given(st.integers(260, 400), st.integers(1, 10))
def test_historical_simulation_knows_complete_outcomes_only(row, horizon):
    open_ = walk(450)
    forecast = quantile_scoring.historical_simulation(open_, horizon)
    complete = open_[horizon : row + 1] / open_[: row + 1 - horizon] - 1.0
    expected = np.quantile(complete[-250:], 0.05, method="inverted_cdf")
    assert forecast[row] == expected
    cut = quantile_scoring.historical_simulation(open_[: row + 1], horizon)
    assert cut.tobytes() == forecast[: row + 1].tobytes()


def test_historical_simulation_waits_for_a_year():
    forecast = quantile_scoring.historical_simulation(walk(400), 5)
    assert int(np.isnan(forecast).sum()) == 5 + 249


def test_the_normal_rival_is_right_about_a_normal_walk():
    close = walk(20_000, seed=1)
    forecast = quantile_scoring.garch_normal(close, 1)
    assert forecast[-1] == pytest.approx(
        norm.ppf(0.05) * symbol_risk.forecast_volatility(close)[-1]
    )
    outcome = pct_change(close, 1)[1:]
    breached = quantile_scoring.breaches(forecast[:-1], outcome)
    assert np.nanmean(breached) == pytest.approx(0.05, abs=0.01)
