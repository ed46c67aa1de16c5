import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as sklearn_log_loss

from quant.bootstrap_ratios import draw_bootstrap
from quant.scoring import forecast_scores
from quant.scoring.reliability import reliability

SEEDS = st.integers(0, 10_000)


def forecasts(seed, shape=(40, 7), missing=0.2):
    """Log-odds, base rate and outcomes, some of them missing."""
    rng = np.random.default_rng(seed)
    log_odds = np.where(rng.random(shape) < missing, np.nan, rng.normal(0.2, 0.8, shape))
    up = np.where(rng.random(shape) < missing, np.nan, rng.random(shape) < 0.55)
    return log_odds, rng.uniform(0.4, 0.6, shape), up


@settings(max_examples=25)
@given(SEEDS)
def test_brier_and_log_scores_are_those_of_scikit_learn(seed):
    log_odds, _, up = forecasts(seed)
    known = ~np.isnan(log_odds) & ~np.isnan(up)
    p_up = forecast_scores.probability(log_odds[known])
    reference = brier_score_loss(up[known], p_up), sklearn_log_loss(up[known], p_up, labels=[0, 1])
    scores = forecast_scores.brier(log_odds, up), forecast_scores.log_loss(log_odds, up)
    for score, other in zip(scores, reference, strict=True):
        assert np.array_equal(~np.isnan(score), known)
        assert np.nanmean(score) == pytest.approx(other, rel=1e-12)


def test_a_sure_forecast_that_fails_has_a_large_loss_and_no_infinity():
    assert forecast_scores.log_loss(np.array([800.0, -800.0]), np.array([0.0, 1.0])).tolist() == [
        800,
        800,
    ]


def test_a_hit_is_evidence_on_the_side_of_what_happened():
    evidence = np.array([0.1, 0.1, -0.1, -0.1, 0.0, 1e-17, np.nan, 0.1])
    up = np.array([1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, np.nan])
    expected = [1.0, 0.0, 1.0, 0.0, np.nan, np.nan, np.nan, np.nan]
    assert np.array_equal(forecast_scores.hits(evidence, up), expected, equal_nan=True)


def test_always_leaning_with_the_base_rate_has_no_edge_over_it():
    rng = np.random.default_rng(0)
    up = (rng.random(100_000) < 0.6).astype(float)
    evidence = np.full(100_000, 0.1)
    hit, expected = (
        forecast_scores.hits(evidence, up),
        forecast_scores.expected_hit_rate(evidence, np.full(100_000, 0.6)),
    )
    assert hit.mean() == pytest.approx(0.6, abs=0.01)
    assert (hit - expected).mean() == pytest.approx(0.0, abs=0.01)
    assert forecast_scores.expected_hit_rate(-evidence, np.full(100_000, 0.6))[0] == pytest.approx(
        0.4
    )


@settings(max_examples=25)
@given(SEEDS, st.integers(1, 3))
def test_rank_correlations_are_those_of_scipy_with_ties_and_holes(seed, decimals):
    log_odds, _, _ = forecasts(seed)
    change = forecasts(seed + 1)[0].round(decimals)
    evidence = log_odds.round(decimals)
    usable = ~np.isnan(evidence) & ~np.isnan(change)
    scores = forecast_scores.rank_correlation(
        forecast_scores.sort_rows(evidence), forecast_scores.sort_rows(change), usable, 5
    )
    for row, score in enumerate(scores):
        chosen = usable[row]
        sides = evidence[row, chosen], change[row, chosen]
        if chosen.sum() < 5 or any(len(set(side)) == 1 for side in sides):
            assert np.isnan(score)
        else:
            assert score == pytest.approx(spearmanr(*sides).statistic, abs=1e-12)


@given(SEEDS)
def test_medians_are_over_the_cells_kept(seed):
    values, _, up = forecasts(seed)
    usable = ~np.isnan(values) & ~np.isnan(up)
    expected = [
        np.median(row[of]) if of.any() else np.nan for row, of in zip(values, usable, strict=True)
    ]
    assert np.array_equal(
        forecast_scores.medians(forecast_scores.sort_rows(values), usable), expected, equal_nan=True
    )


def test_a_relative_call_is_met_by_beating_the_median():
    change = np.array([[0.01, 0.03, 0.02, -0.01]])
    usable = np.ones((1, 4), bool)
    distance = forecast_scores.minus_median(
        change, usable, forecast_scores.medians(forecast_scores.sort_rows(change), usable)
    )
    assert forecast_scores.above_median(distance).tolist() == [[0.0, 1.0, 1.0, 0.0]]
    odd = forecast_scores.minus_median(change[:, :3], usable[:, :3], np.array([0.02]))
    assert np.isnan(forecast_scores.above_median(odd)[0, 2])


@settings(max_examples=20)
@given(SEEDS)
def test_the_calibration_curve_is_that_of_scikit_learn(seed):
    log_odds, base_rate, up = forecasts(seed, (200, 5), missing=0.0)
    p_up = forecast_scores.probability(log_odds)
    scores = reliability(p_up, base_rate, up, draw_bootstrap(200, 6.0, 0))
    observed, mean_forecast = calibration_curve(
        up.ravel(), p_up.ravel(), n_bins=10, strategy="quantile"
    )
    assert scores.forecast == pytest.approx(mean_forecast)
    assert scores.observed[:, 0] == pytest.approx(observed)
    assert scores.count.tolist() == [100.0] * 10
    assert (scores.observed[:, 1] <= scores.observed[:, 0]).all()
    assert (scores.observed[:, 0] <= scores.observed[:, 2]).all()


def test_murphys_parts_add_up_to_the_brier_score():
    rng = np.random.default_rng(1)
    p_up = rng.choice([0.2, 0.4, 0.5, 0.7], (300, 4))
    up = (rng.random((300, 4)) < 0.1 + p_up).astype(float)
    curve = reliability(p_up, np.full((300, 4), 0.5), up, draw_bootstrap(300, 6.0, 0), bins=40)
    assert len(curve.forecast) == 4
    brier = np.square(p_up - up).mean()
    assert curve.miscalibration - curve.resolution + curve.uncertainty == pytest.approx(brier)
    assert curve.error == pytest.approx(0.1, abs=0.03)
    assert curve.sharpness == pytest.approx(np.abs(p_up - 0.5).mean())


def test_forecasts_that_are_all_the_same_make_one_bin():
    up = np.array([[1.0], [0.0], [1.0], [1.0]])
    curve = reliability(np.full((4, 1), 0.6), np.full((4, 1), 0.5), up, draw_bootstrap(4, 2.0, 0))
    assert curve.count.tolist() == [4.0]
    assert curve.observed[0, 0] == 0.75


def test_nothing_settled_has_no_calibration():
    empty = np.full((4, 2), np.nan)
    curve = reliability(empty, empty, empty, draw_bootstrap(4, 2.0, 0))
    assert len(curve.forecast) == 0
    assert np.isnan(curve.error)
