"""Toy markets are what they say, and every algorithm learns what there is to learn in them."""

import numpy as np
import pytest

from envs.env_settings import EnvSettings
from envs.learning.evaluation import Judge
from envs.toys import VOLATILITY, Toy, empty, planted

USUAL = EnvSettings()
ROUND_TRIP = USUAL.costs.round_trip


def growth(toy: Toy, shares: np.ndarray, rows: range, settings: EnvSettings = USUAL) -> float:
    """Log growth of the average account, net of cost, by the paper account's own fills."""
    returns = Judge(toy.market, rows, settings).returns(shares[rows.start : rows.stop])
    return float(np.log1p(returns).sum())


@pytest.mark.parametrize("seed", range(3))
def test_no_threshold_on_the_planted_number_beats_its_sign_by_more_than_chance(seed):
    toy, rows = planted(seed), range(1_000)
    best, signal = growth(toy, toy.best, rows), toy.market.observation[..., 0]
    for threshold in (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0):
        assert growth(toy, (signal > threshold) * 1.0, rows) < best
    assert growth(toy, np.ones_like(toy.best), rows) < 0.3 * best
    assert growth(toy, np.abs(signal) * 0.5, rows) < 0.3 * best


@pytest.mark.parametrize("strength", [0.5, 1.0, 2.0])
def test_the_planted_number_tells_the_next_bar_as_strongly_as_it_says(strength):
    market = planted(0, strength, rows=5_000).market
    moves = np.diff(np.log(market.close), axis=0) / VOLATILITY
    slopes = [
        (market.observation[:-1, :, k] * moves).mean() for k in range(market.observation.shape[2])
    ]
    assert slopes[0] == pytest.approx(strength, abs=0.05)
    assert np.abs(slopes[1:]).max() < 0.06


def test_the_whole_of_the_next_bar_is_had_by_who_asks_at_the_close():
    toy = planted(1)
    free = EnvSettings(costs={"half_spread_bps": 0, "commission_bps": 0, "impact": 0})
    moves = np.diff(toy.market.close, axis=0) / toy.market.close[:-1]
    gained = np.log1p((toy.best[:-1] * moves).mean(axis=1)).sum()
    assert growth(toy, toy.best, range(1_000), free) == pytest.approx(gained, rel=0.01)
    assert growth(toy, toy.best, range(1_000)) < gained - 0.4 * ROUND_TRIP * 500


def test_in_an_empty_market_nothing_seen_tells_anything_and_the_price_is_a_fair_game():
    toy = empty(0, rows=20_000)
    returns = np.diff(toy.market.close, axis=0) / toy.market.close[:-1]
    told = np.einsum("tnk,tn->k", toy.market.observation[:-1], returns) / returns.size
    assert np.abs(told).max() < 4 * VOLATILITY / np.sqrt(returns.size)
    assert abs(returns.mean()) < 4 * VOLATILITY / np.sqrt(returns.size)
    assert not toy.best.any()


def test_the_same_seed_is_the_same_market_and_another_is_another():
    assert planted(3).market.digest == planted(3).market.digest
    assert len({planted(3).market.digest, planted(4).market.digest, empty(3).market.digest}) == 3
    assert planted(3).market.simulated
