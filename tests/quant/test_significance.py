"""How much of a record is luck: against quantstats, arch and the papers' own examples."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import quantstats.stats as qs
from arch.bootstrap import SPA
from scipy import stats

from quant.performance import significance
from quant.risk.return_series import Floats, ReturnSeries


def noise(rows: int, trials: int, seed: int, drift: float = 0.0) -> Floats:
    return np.random.default_rng(seed).normal(drift, 0.01, size=(rows, trials))


def test_the_probability_of_skill_is_quantstats() -> None:
    returns = np.random.default_rng(3).standard_t(4, 700) * 0.01 + 0.0004
    series = pd.Series(returns, pd.bdate_range("2020-01-01", periods=700))
    p_value = significance.probabilistic_sharpe(ReturnSeries(returns, 252))
    assert float(p_value) == pytest.approx(float(qs.probabilistic_sharpe_ratio(series)))


def test_the_shortest_record_that_convinces_is_one_that_just_convinces() -> None:
    track = ReturnSeries(noise(800, 1, 5, 0.0005)[:, 0], 252)
    bars = float(significance.minimum_track_record_length(track, confidence=0.9))
    found = float(track.mean / track.deviation)
    spread = (
        1
        - stats.skew(track.returns, bias=False) * found
        + (stats.kurtosis(track.returns, bias=False) + 2) / 4 * found**2
    )
    assert stats.norm.cdf(found * np.sqrt((bars - 1) / spread)) == pytest.approx(0.9)


def test_no_record_is_long_enough_for_what_it_does_not_show() -> None:
    assert np.isnan(
        significance.minimum_track_record_length(ReturnSeries(noise(500, 1, 1, -0.001)[:, 0], 252))
    )


def test_the_papers_example_is_deflated_as_in_the_paper() -> None:
    # Bailey and López de Prado (2014), numerical example: 100 trials, variance 1/2 a year, a
    # yearly Sharpe ratio of 2.5 over 1,250 days of skew -3 and kurtosis 10: the best of luck
    # is 0.1132 a day and the deflated Sharpe ratio about 0.90.
    best = significance.expected_maximum_sharpe(100, 0.5 / 250)
    assert best == pytest.approx(0.1132, abs=5e-4)
    found = 2.5 / np.sqrt(250)
    spread = 1 + 3 * found + (10 - 1) / 4 * found**2
    assert stats.norm.cdf((found - best) * np.sqrt(1249 / spread)) == pytest.approx(0.90, abs=0.005)


def test_the_expected_best_is_what_luck_shows() -> None:
    best = np.random.default_rng(0).normal(0, 0.1, size=(4000, 50)).max(axis=1)
    assert significance.expected_maximum_sharpe(50, 0.01) == pytest.approx(best.mean(), rel=0.02)


def test_one_trial_is_not_deflated_and_many_are() -> None:
    track = ReturnSeries(noise(800, 1, 5, 0.0005)[:, 0], 252)
    plain = float(significance.probabilistic_sharpe(track))
    assert float(significance.deflated_sharpe(track, 1, 0.001)) == plain
    few, many = (float(significance.deflated_sharpe(track, n, 0.001)) for n in (5, 500))
    assert plain > few > many


def test_selection_follows_the_papers_steps() -> None:
    returns = noise(61, 5, 2)  # a row too many: the first is left out
    blocks = np.split(returns[1:], 6)
    logits = []
    for half in combinations(range(6), 3):
        chosen = np.concatenate([blocks[k] for k in half])
        others = np.concatenate([blocks[k] for k in range(6) if k not in half])
        inside, outside = (
            each.mean(axis=0) / each.std(axis=0, ddof=1) for each in (chosen, others)
        )
        rank = stats.rankdata(outside)[inside.argmax()] / 6
        logits.append(np.log(rank / (1 - rank)))
    overfitting = significance.estimate_overfitting(returns, blocks=6)
    assert overfitting.probability == pytest.approx(np.mean(np.array(logits) <= 0))
    assert len(overfitting.in_sample) == 20


def test_choosing_among_worthless_trials_is_overfitting_and_choosing_skill_is_not() -> None:
    worthless = np.mean(
        [significance.estimate_overfitting(noise(400, 20, s), 8).probability for s in range(40)]
    )
    assert worthless == pytest.approx(0.5, abs=0.1)
    returns = noise(1000, 20, 7)
    returns[:, 4] += 0.003
    assert significance.estimate_overfitting(returns).probability < 0.02
    assert significance.estimate_overfitting(returns).loss_probability < 0.02


def test_trials_that_stand_still_are_not_chosen_before_a_gain() -> None:
    returns = np.hstack([np.zeros((160, 2)), noise(160, 1, 3, 0.01)])
    overfitting = significance.estimate_overfitting(returns)
    assert overfitting.in_sample.min() > 0


def test_selection_needs_trials_and_bars() -> None:
    for returns in (noise(400, 1, 0), noise(31, 5, 0), np.full((400, 3), np.nan)):
        overfitting = significance.estimate_overfitting(returns)
        assert np.isnan([overfitting.probability, overfitting.loss_probability]).all()
        assert len(overfitting.in_sample) == 0


@pytest.mark.parametrize("drift", [0.0, 0.0006, 0.0012])
def test_superiority_is_judged_as_arch_does(drift: float) -> None:
    market = noise(750, 1, 11)[:, 0]
    trials = market[:, np.newaxis] + noise(750, 12, 12, -0.0002)
    trials[:, 3] += drift
    trials[:, 5] -= 0.02  # plainly worse
    reference = SPA(-market, -trials, block_size=5, reps=2000, bootstrap="stationary", seed=1)
    reference.compute()
    p_value = significance.superior_predictive_ability(trials, market, block=5.0, samples=2000)
    assert p_value == pytest.approx(float(reference.pvalues["consistent"]), abs=0.04)


def test_superiority_is_seldom_found_where_there_is_none() -> None:
    found = [
        significance.superior_predictive_ability(noise(300, 8, s), np.zeros(300), 1.0, 200)
        for s in range(100)
    ]
    assert np.mean(np.array(found) < 0.1) < 0.2
    assert significance.superior_predictive_ability(noise(300, 8, 1, 0.003), np.zeros(300)) < 0.01


def test_superiority_of_nothing_is_unknown() -> None:
    market = noise(300, 1, 0)[:, 0]
    assert np.isnan(significance.superior_predictive_ability(market[:, np.newaxis], market))
    assert np.isnan(significance.superior_predictive_ability(noise(9, 3, 0), np.zeros(9)))
