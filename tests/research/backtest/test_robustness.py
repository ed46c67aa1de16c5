"""What a record could also have been: intervals that cover, paths that differ, luck measured."""

import json

import numpy as np
import pytest

from quant.performance.metrics import METRICS, summary
from quant.risk.return_series import Floats, Times
from research.backtest.robustness import (
    BY_PERIOD,
    PERCENTILES,
    WITHOUT_INTERVAL,
    estimates,
    monte_carlo,
    overfitting,
)


def record(seed: int, bars: int = 756, drift: float = 0.0004) -> Floats:
    return np.random.default_rng(seed).normal(drift, 0.01, bars)


def closes(bars: int) -> Times:
    return np.datetime64("2015-01-01T21:00", "us") + np.arange(bars) * np.timedelta64(1, "D")


def test_every_measure_has_its_value_and_those_that_can_an_interval() -> None:
    returns, market, times = record(1, 3000), record(2, 3000), closes(3000)
    intervals = estimates(returns, 365, 0, market, times, samples=200)
    values = summary(returns, 365, market, times)
    assert set(intervals) == set(values)
    for name, estimate in intervals.items():
        assert estimate.value == pytest.approx(float(values[name]))
        # Ten years are no ten periods' worth of an interval: there are only eight here.
        known = name not in WITHOUT_INTERVAL and name != "win_years"
        assert np.isfinite([estimate.low, estimate.high]).all() == known, name
        if known:
            assert estimate.low < estimate.high


def test_what_needs_something_that_is_not_given_is_left_out() -> None:
    intervals = estimates(record(1), 252, 0, samples=100)
    assert set(intervals) == {m.name for m in METRICS.values() if m.kind == "returns"} - set(
        BY_PERIOD
    )


def test_the_same_seed_gives_the_same_intervals_to_the_last_bit() -> None:
    first, again, other = (estimates(record(1), 252, seed, samples=100) for seed in (4, 4, 5))
    assert repr(first) == repr(again) != repr(other)


def test_nine_intervals_in_ten_hold_the_truth() -> None:
    truth = {"sharpe": 0.04 * np.sqrt(252), "volatility": 0.01 * np.sqrt(252)}
    covered = dict.fromkeys(truth, 0)
    for seed in range(60):
        intervals = estimates(record(seed, 500), 252, seed, samples=200)
        for name, true in truth.items():
            covered[name] += intervals[name].low <= true <= intervals[name].high
    assert all(count >= 45 for count in covered.values()), covered


def test_returns_that_cluster_are_drawn_in_longer_blocks() -> None:
    generator = np.random.default_rng(0)
    calm_and_wild = np.repeat([0.004, 0.02] * 10, 100)
    returns = generator.normal(0.0, 1.0, 2000) * calm_and_wild
    shuffled = generator.permutation(returns)
    clustered, plain = (estimates(r, 252, 0)["volatility"] for r in (returns, shuffled))
    assert clustered.high - clustered.low > 1.5 * (plain.high - plain.low)


@pytest.mark.parametrize("returns", [record(1, 9), np.append(record(1), np.nan), np.empty(0)])
def test_a_record_too_short_or_with_a_hole_has_no_intervals(returns: Floats) -> None:
    intervals = estimates(returns, 252, 0, samples=50)
    assert all(np.isnan([each.low, each.high]).all() for each in intervals.values())


def test_drawn_paths_end_in_different_places_and_around_what_happened() -> None:
    returns, trips = record(3), record(4, 80, 0.01)
    paths_drawn = monte_carlo(returns, trips, 252, seed=1, samples=400)
    for paths, sample in ((paths_drawn, returns), (paths_drawn["trades"], trips)):
        bands = np.array([paths["bands"][str(p)] for p in PERCENTILES])
        assert paths["points"][0] == 0
        assert paths["points"][-1] == len(sample)
        assert bands.shape == (5, len(paths["points"]))
        assert (bands[:, 0] == 1.0).all()
        assert (np.diff(bands[:, 1:], axis=0) > 0).all()
        end = paths["final"]["total_return"]
        assert end["value"] == pytest.approx(np.prod(1 + sample) - 1)
        assert end["low"] < end["25"] < end["50"] < end["75"] < end["high"]
        assert end["low"] < end["value"] < end["high"]
        assert bands[0, -1] - 1 == pytest.approx(end["low"])
        assert paths["final"]["max_drawdown"]["high"] <= 0
    assert json.loads(json.dumps(paths_drawn, allow_nan=False)) == paths_drawn
    assert paths_drawn == monte_carlo(returns, trips, 252, seed=1, samples=400)


def test_too_few_trips_have_no_paths() -> None:
    assert monte_carlo(record(3), record(4, 5), 252, seed=1, samples=50)["trades"] is None
    assert monte_carlo(np.empty(0), np.empty(0), 252, seed=1) == {"trades": None}


def test_a_search_among_worthless_trials_is_reported_as_luck() -> None:
    trials = np.stack([record(seed, drift=0.0) for seed in range(30)], axis=1)
    best = trials[:, int(np.argmax(trials.mean(axis=0)))]
    report = overfitting(best, trials, 252, earlier_trials=0)
    assert report["trials"] == 30
    assert report["pbo"] > 0.3
    assert report["deflated_sharpe"] < 0.8
    assert report["p_value_of_the_best"] > 0.2
    alone = summary(best, 252)
    assert float(alone["probabilistic_sharpe"]) > 0.9  # what it looks like without the search


def test_skill_survives_its_search_and_fades_with_every_earlier_one() -> None:
    trials = np.stack([record(seed, drift=0.0) for seed in range(30)], axis=1)
    trials[:, 7] += 0.003
    few, many = (overfitting(trials[:, 7], trials, 252, earlier) for earlier in (0, 10**6))
    assert few["pbo"] < 0.05
    assert few["deflated_sharpe"] > many["deflated_sharpe"]
    assert few["deflated_sharpe"] > 0.95
    assert many["trials"] == 30 + 10**6


def test_like_trials_do_not_flatter() -> None:
    returns = record(5)
    trials = returns[:, np.newaxis] + 1e-6 * np.stack([record(s) for s in range(20)], axis=1)
    report = overfitting(returns, trials, 252, earlier_trials=0)
    assert report["deflated_sharpe"] < float(summary(returns, 252)["probabilistic_sharpe"]) - 0.2


def test_what_one_trial_cannot_tell_is_unknown() -> None:
    report = overfitting(record(5), record(5)[:, np.newaxis], 252, earlier_trials=0)
    assert report["pbo"] is None
    assert report["deflated_sharpe"] == pytest.approx(
        float(summary(record(5), 252)["probabilistic_sharpe"])
    )
    assert all(value is None or np.isfinite(value) for value in report.values())
