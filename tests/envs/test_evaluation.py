"""Scores: what is known to be worth something is found to be, and nothing else is."""

from datetime import date

import numpy as np
import pytest

from envs.learning.evaluation import Judge, chosen, evidence, sharpe
from envs.market_data import History, divide, history
from envs.observation import FEATURES
from envs.policies.policy import Network
from envs.simulated import simulate
from trading.costs import CostSettings

FREE = CostSettings(half_spread_bps=0, commission_bps=0)
MARKET = history(simulate(11, symbols=4, days=900))
PERIODS = divide(MARKET.dates, date(2007, 1, 1), date(2007, 12, 31), 6)


def judge(costs: CostSettings = FREE) -> Judge:
    return Judge(MARKET, PERIODS.test, costs, resamples=200)


def test_holding_without_cost_earns_the_mean_of_what_the_symbols_did():
    shares = np.ones((len(PERIODS.test), 4))
    rows = slice(PERIODS.test.start, PERIODS.test.stop)
    close, first = MARKET.close[rows], MARKET.open[rows][1]
    days = judge().returns(shares)
    growth = close[1:] / np.vstack([first, close[1:-1]]) - 1.0
    assert np.allclose(days, np.log1p(growth.mean(axis=1)))


def test_flat_is_worth_exactly_nothing():
    scores = judge().scores(np.zeros((len(PERIODS.test), 4)))
    assert scores["growth a year"].value == scores["Sharpe ratio"].value == 0.0


def test_cost_makes_restlessness_expensive():
    restless = np.tile([[1.0], [0.0]], (len(PERIODS.test) // 2 + 1, 4))[: len(PERIODS.test)]
    dear = CostSettings(half_spread_bps=10, commission_bps=0)
    lost = judge().returns(restless).sum() - judge(dear).returns(restless).sum()
    assert lost == pytest.approx(0.001 * len(PERIODS.test), rel=0.02)


def test_the_interval_holds_the_value_and_is_the_same_every_time():
    shares = judge().benchmarks(0)["random, redrawn every 5 bars"]
    score = judge().scores(shares)["Sharpe ratio"]
    assert score.low < score.value < score.high
    assert judge().scores(shares)["Sharpe ratio"] == score


def test_foresight_gets_a_temper_and_skill_and_noise_gets_none():
    _, rose = judge().outcomes(5)
    rng = np.random.default_rng(0)
    noise = rng.normal(size=rose.shape)
    hint = noise + 2.0 * (np.nan_to_num(rose, nan=0.5) - 0.5)
    assert judge().temper(hint, 5) > 1.0
    assert judge().skill(hint, judge().temper(hint, 5), 5).low > 0.1
    assert judge().temper(noise, 5) < 0.1


def test_a_policy_that_is_always_wrong_is_silenced_not_turned_round():
    _, rose = judge().outcomes(5)
    assert judge().temper(0.5 - np.nan_to_num(rose, nan=0.5), 5) == 0.0


def test_an_outcome_beyond_the_period_is_not_counted():
    _, rose = judge().outcomes(5)
    assert np.isnan(rose[-6:]).all()
    assert not np.isnan(rose[:-6]).any()


def test_a_symbol_that_is_not_listed_yet_does_not_count():
    close, opens = MARKET.close.copy(), MARKET.open.copy()
    close[:800, 3] = opens[:800, 3] = np.nan
    late = History(MARKET.symbols, MARKET.dates, opens, close, MARKET.observation, "")
    days = Judge(late, PERIODS.test, FREE).returns(np.ones((len(PERIODS.test), 4)))
    three = History(
        MARKET.symbols[:3], MARKET.dates, opens[:, :3], close[:, :3], MARKET.observation[:, :3], ""
    )
    alone = Judge(three, PERIODS.test, FREE).returns(np.ones((len(PERIODS.test), 3)))
    before = 800 - PERIODS.test.start - 1
    assert np.allclose(days[:before], alone[:before])


def test_without_observation_there_is_neither_evidence_nor_a_position():
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(len(FEATURES), 2))
    eager = Network(
        np.zeros(len(FEATURES)), np.ones(len(FEATURES)), ((weight, np.array([0, 9.0])),)
    )
    actions = ("flat", "long")
    assert np.isnan(evidence(eager, actions, MARKET.observation[:60])).all()
    assert (chosen(eager, actions, MARKET.observation[:60]) == 0.0).all()
    assert chosen(eager, actions, MARKET.observation[60:]).mean() > 0.5


def test_a_series_that_does_not_move_has_no_sharpe_ratio():
    assert sharpe(np.zeros(10)) == 0.0
