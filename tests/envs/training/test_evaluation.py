"""Scores: what is known to be worth something is found to be, and nothing else is."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from domain.panel import Floats
from envs.env_settings import EnvSettings
from envs.market_data import MarketHistory, history, split_periods
from envs.policies.policy import Policy
from envs.simulated import simulate
from envs.training.evaluation import GROWTH, SHARPE, SHARPE_OVER, Evaluator
from envs.training.evaluation_report import evaluate_policy
from tests.envs.policies import policy_fixtures
from trading.account.simulation import simulate_trading, targets_where
from trading.costs import CostSettings

FREE = CostSettings(half_spread_bps=0, commission_bps=0, impact=0, volume_cap=1)
MARKET = history(simulate(11, symbols=4, days=900), "simulated, seed 11", simulated=True)
ROWS = split_periods(MARKET.dates, date(2007, 1, 1), date(2007, 12, 31), 6).test
SHAPE = (len(ROWS), 4)


def make_evaluator(
    costs: CostSettings = FREE, market: MarketHistory = MARKET, **kwargs
) -> Evaluator:
    return Evaluator(market, ROWS, EnvSettings(costs=costs, **kwargs), resamples=200)


def make_short_evaluator(market: MarketHistory = MARKET) -> Evaluator:
    """Where policies may go short, as the invented ones do."""
    return make_evaluator(market=market, actions="short-share")


def without_bars(until: int, symbol: int) -> MarketHistory:
    """The market in which a symbol is listed only from row `until` on."""
    gone = {}
    for name in ("open", "high", "low", "close", "volume", "volatility"):
        values = getattr(MARKET.bar_matrix, name).copy()
        values[:until, symbol] = np.nan
        gone[name] = values
    observation = MARKET.observation.copy()
    observation[:until, symbol] = np.nan
    return replace(MARKET, bar_matrix=replace(MARKET.bar_matrix, **gone), observation=observation)


def three_symbols() -> MarketHistory:
    """The market of the first three symbols alone."""
    matrix = MARKET.bar_matrix
    names = ("open", "high", "low", "close", "volume", "volatility", "dividend")
    columns = {name: np.ascontiguousarray(getattr(matrix, name)[:, :3]) for name in names}
    return replace(
        MARKET,
        bar_matrix=replace(matrix, symbols=matrix.symbols[:3], **columns),
        observation=MARKET.observation[:, :3],
    )


def test_holding_without_cost_earns_the_mean_of_what_the_symbols_did():
    rows = slice(ROWS.start, ROWS.stop)
    close, first = MARKET.close[rows], MARKET.open[rows][1]
    growth = close[1:] / np.vstack([first, close[1:-1]]) - 1.0
    days = make_evaluator().returns(np.ones(SHAPE))
    assert np.allclose(days, growth.mean(axis=1), atol=1e-3)  # within the band of cash left


def test_each_symbol_is_an_account_that_trading_history_would_have_had():
    rng = np.random.default_rng(0)
    shares = rng.uniform(-1.0, 1.0, SHAPE)
    settings = EnvSettings(actions="short-share")
    result = Evaluator(three_symbols(), ROWS, settings).returns(shares[:, :3])
    each = []
    for n in range(3):
        bars = make_evaluator()._symbol_bars[n]
        targets = targets_where(shares[:, n : n + 1], np.ones((len(ROWS), 1), bool))
        played = simulate_trading(
            MARKET.symbols[n : n + 1], bars, targets, settings.trading, settings.capital
        )
        each.append(played.equity[1:] / played.equity[:-1] - 1.0)
    assert np.array_equal(result, np.mean(each, axis=0))


def test_flat_is_worth_exactly_nothing_and_has_no_sharpe_ratio():
    scores = make_evaluator().scores(np.zeros(SHAPE))
    assert (scores[GROWTH].value, scores[GROWTH].low, scores[GROWTH].high) == (0.0, 0.0, 0.0)
    assert np.isnan(scores[SHARPE].value)
    assert np.isnan(scores[SHARPE_OVER].low)


def test_cost_makes_restlessness_expensive():
    restless = np.tile([[1.0], [0.0]], (len(ROWS) // 2 + 1, 4))[: len(ROWS)]
    dear = CostSettings(half_spread_bps=10, commission_bps=0, impact=0, volume_cap=1)
    lost = (
        np.log1p(make_evaluator().returns(restless)).sum()
        - np.log1p(make_evaluator(dear).returns(restless)).sum()
    )
    assert lost == pytest.approx(0.001 * len(ROWS), rel=0.02)


def test_a_larger_account_moves_prices_more():
    restless = np.tile([[1.0], [0.0]], (len(ROWS) // 2 + 1, 4))[: len(ROWS)]
    small, large = (
        make_evaluator(CostSettings(), capital=capital).returns(restless).sum()
        for capital in (1e4, 1e6)
    )
    assert large < small - 0.05


def test_the_interval_holds_the_value_and_is_the_same_every_time():
    shares = make_evaluator().benchmarks(0)["random, redrawn every 5 bars"]
    score = make_evaluator().scores(shares)[SHARPE]
    assert score.low < score.value < score.high
    assert make_evaluator().scores(shares)[SHARPE] == score


def test_too_few_days_have_a_value_and_no_interval():
    few = Evaluator(MARKET, range(ROWS.start, ROWS.start + 8), EnvSettings(costs=FREE))
    score = few.scores(np.ones((8, 4)))[GROWTH]
    assert np.isfinite(score.value)
    assert np.isnan([score.low, score.high]).all()


def test_foresight_gets_a_temper_and_skill_and_noise_gets_none():
    _, rose = make_evaluator().outcomes(5)
    rng = np.random.default_rng(0)
    noise = rng.normal(size=rose.shape)
    hint = noise + 2.0 * (np.nan_to_num(rose, nan=0.5) - 0.5)
    temper = make_evaluator().fit_temper(hint, 5)
    assert temper > 1.0
    assert make_evaluator().skill(temper * hint, 5).low > 0.1
    assert make_evaluator().fit_temper(noise, 5) < 0.1
    assert make_evaluator().skill(np.zeros(rose.shape), 5).value == 0.0


def test_a_policy_that_is_always_wrong_is_silenced_not_turned_round():
    _, rose = make_evaluator().outcomes(5)
    assert make_evaluator().fit_temper(0.5 - np.nan_to_num(rose, nan=0.5), 5) == 0.0


def test_an_outcome_beyond_the_period_is_not_counted():
    _, rose = make_evaluator().outcomes(5)
    assert np.isnan(rose[-6:]).all()
    assert not np.isnan(rose[:-6]).any()


def test_a_symbol_that_is_not_listed_yet_does_not_count():
    days = make_evaluator(market=without_bars(800, 3)).returns(np.ones(SHAPE))
    alone = make_evaluator(market=three_symbols()).returns(np.ones((len(ROWS), 3)))
    before = 800 - ROWS.start - 1
    assert np.array_equal(days[:before], alone[:before])
    assert not np.array_equal(days[before:], alone[before:])


def test_without_observation_there_is_neither_evidence_nor_a_position():
    eager: Policy = policy_fixtures.policy(0)
    market = without_bars(800, 3)
    result = evaluate_policy(eager, make_short_evaluator(market), 5, 0)
    everywhere = evaluate_policy(eager, make_short_evaluator(), 5, 0)
    assert result.scores["policy"] != everywhere.scores["policy"]
    blind = replace(MARKET, observation=np.full(MARKET.observation.shape, np.nan))
    assert set(evaluate_policy(eager, make_short_evaluator(blind), 5, 0).held_out.ensemble) == {1.0}


def test_the_policy_stands_beside_its_members_and_the_benchmarks():
    policy = policy_fixtures.policy(0)
    result = evaluate_policy(policy, make_short_evaluator(), 5, 0)
    names = [member.name for member in policy.members]
    assert list(result.scores) == ["policy", *names, *make_evaluator().benchmarks(0)]
    assert list(result.held_out.members) == names
    assert result.scores["buy and hold"][SHARPE_OVER].value == 0.0
    last = float(np.prod(1.0 + make_short_evaluator().returns(np.ones(SHAPE))))
    assert result.held_out.benchmarks["buy and hold"][-1] == pytest.approx(last, abs=1e-6)


def test_the_average_rule_holds_what_stands_above_its_average():
    rule: Floats = make_evaluator().benchmarks(0)["above its 50-bar average"]
    for row, col in ((0, 0), (100, 2), (len(ROWS) - 1, 3)):
        closes = MARKET.close[ROWS.start + row - 49 : ROWS.start + row + 1, col]
        assert rule[row, col] == float(closes[-1] > closes.mean())
