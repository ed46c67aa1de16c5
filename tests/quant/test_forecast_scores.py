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
    theirs = brier_score_loss(up[known], p_up), sklearn_log_loss(up[known], p_up, labels=[0, 1])
    ours = forecast_scores.brier(log_odds, up), forecast_scores.log_loss(log_odds, up)
    for mine, other in zip(ours, theirs, strict=True):
        assert np.array_equal(~np.isnan(mine), known)
        assert np.nanmean(mine) == pytest.approx(other, rel=1e-12)


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


def test_whoever_always_leans_with_the_base_rate_has_no_edge_over_it():
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
    kept = ~np.isnan(evidence) & ~np.isnan(change)
    ours = forecast_scores.rank_correlation(
        forecast_scores.sort_rows(evidence), forecast_scores.sort_rows(change), kept, 5
    )
    for row, mine in enumerate(ours):
        chosen = kept[row]
        sides = evidence[row, chosen], change[row, chosen]
        if chosen.sum() < 5 or any(len(set(side)) == 1 for side in sides):
            assert np.isnan(mine)
        else:
            assert mine == pytest.approx(spearmanr(*sides).statistic, abs=1e-12)


@given(SEEDS)
def test_medians_are_over_the_cells_kept(seed):
    values, _, up = forecasts(seed)
    kept = ~np.isnan(values) & ~np.isnan(up)
    expected = [
        np.median(row[of]) if of.any() else np.nan for row, of in zip(values, kept, strict=True)
    ]
    assert np.array_equal(
        forecast_scores.medians(forecast_scores.sort_rows(values), kept), expected, equal_nan=True
    )


def test_a_relative_call_is_met_by_beating_the_median():
    change = np.array([[0.01, 0.03, 0.02, -0.01]])
    kept = np.ones((1, 4), bool)
    distance = forecast_scores.minus_median(
        change, kept, forecast_scores.medians(forecast_scores.sort_rows(change), kept)
    )
    assert forecast_scores.above_median(distance).tolist() == [[0.0, 1.0, 1.0, 0.0]]
    odd = forecast_scores.minus_median(change[:, :3], kept[:, :3], np.array([0.02]))
    assert np.isnan(forecast_scores.above_median(odd)[0, 2])


@settings(max_examples=20)
@given(SEEDS)
def test_the_calibration_curve_is_that_of_scikit_learn(seed):
    log_odds, base_rate, up = forecasts(seed, (200, 5), missing=0.0)
    p_up = forecast_scores.probability(log_odds)
    ours = reliability(p_up, base_rate, up, draw_bootstrap(200, 6.0, 0))
    observed, said = calibration_curve(up.ravel(), p_up.ravel(), n_bins=10, strategy="quantile")
    assert ours.forecast == pytest.approx(said)
    assert ours.observed[:, 0] == pytest.approx(observed)
    assert ours.count.tolist() == [100.0] * 10
    assert (ours.observed[:, 1] <= ours.observed[:, 0]).all()
    assert (ours.observed[:, 0] <= ours.observed[:, 2]).all()


def test_murphys_parts_add_up_to_the_brier_score():
    rng = np.random.default_rng(1)
    p_up = rng.choice([0.2, 0.4, 0.5, 0.7], (300, 4))
    up = (rng.random((300, 4)) < 0.1 + p_up).astype(float)
    found = reliability(p_up, np.full((300, 4), 0.5), up, draw_bootstrap(300, 6.0, 0), bins=40)
    assert len(found.forecast) == 4
    brier = np.square(p_up - up).mean()
    assert found.miscalibration - found.resolution + found.uncertainty == pytest.approx(brier)
    assert found.error == pytest.approx(0.1, abs=0.03)
    assert found.sharpness == pytest.approx(np.abs(p_up - 0.5).mean())


def test_forecasts_that_are_all_the_same_make_one_bin():
    up = np.array([[1.0], [0.0], [1.0], [1.0]])
    found = reliability(np.full((4, 1), 0.6), np.full((4, 1), 0.5), up, draw_bootstrap(4, 2.0, 0))
    assert found.count.tolist() == [4.0]
    assert found.observed[0, 0] == 0.75


def test_nothing_settled_has_no_calibration():
    nothing = np.full((4, 2), np.nan)
    found = reliability(nothing, nothing, nothing, draw_bootstrap(4, 2.0, 0))
    assert len(found.forecast) == 0
    assert np.isnan(found.error)
