"""Toy markets are what they say, and every algorithm learns what there is to learn in them."""

from dataclasses import replace

import numpy as np
import pytest

from envs.env_settings import EnvSettings
from envs.environments.synthetic_markets import (
    VOLATILITY,
    SyntheticMarket,
    empty_market,
    planted_market,
)
from envs.policies.files import decode_policy
from envs.training.algorithms import Learner
from envs.training.arguments import TrainingArguments
from envs.training.evaluation import Evaluator
from envs.training.events import RunEvaluated
from envs.training.member_training import build_member
from envs.training.run import build_context, run_training

USUAL = EnvSettings()
ROUND_TRIP = USUAL.costs.round_trip
ROWS, UNTIL, VALIDATED = 2_000, 1_300, 1_600
STEPS = TrainingArguments(gamma=0.0, seeds=1, stages=3, steps=24_576, episode=20, horizon=1)
"""A move is earned within a bar, so that no later one need be looked at."""
MEMORY = replace(STEPS, steps=6_144, batch=256, learning_rate=3e-3)
HOW = {
    "ppo": STEPS,
    "a2c": replace(STEPS, batch=512, learning_rate=1e-2),
    "dqn": MEMORY,
    "sac": replace(MEMORY, actions="share", entropy=1e-3),
    "td3": replace(MEMORY, actions="share", copies=16, steps=8_192),
}
DEAR = {"half_spread_bps": 200.0, "episode": 5}
"""Where nothing can be learnt but that it costs: episodes start flat, so that many short ones tell
what it costs to be long, for what is held is not seen."""


def growth(
    toy: SyntheticMarket, shares: np.ndarray, rows: range, settings: EnvSettings = USUAL
) -> float:
    """Log growth of the average account, net of cost, by the paper account's own fills."""
    returns = Evaluator(toy.market, rows, settings).returns(shares[rows.start : rows.stop])
    return float(np.log1p(returns).sum())


@pytest.mark.parametrize("seed", range(3))
def test_no_threshold_on_the_planted_number_beats_its_sign_by_more_than_chance(seed):
    toy, rows = planted_market(seed), range(1_000)
    best, signal = growth(toy, toy.best_weights, rows), toy.market.observation[..., 0]
    for threshold in (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0):
        assert growth(toy, (signal > threshold) * 1.0, rows) < best
    assert growth(toy, np.ones_like(toy.best_weights), rows) < 0.3 * best
    assert growth(toy, np.abs(signal) * 0.5, rows) < 0.3 * best


@pytest.mark.parametrize("strength", [0.5, 1.0, 2.0])
def test_the_planted_number_predicts_the_next_bar_as_strongly_as_set(strength):
    market = planted_market(0, strength, rows=5_000).market
    moves = np.diff(np.log(market.close), axis=0) / VOLATILITY
    slopes = [
        (market.observation[:-1, :, k] * moves).mean() for k in range(market.observation.shape[2])
    ]
    assert slopes[0] == pytest.approx(strength, abs=0.05)
    assert np.abs(slopes[1:]).max() < 0.06


def test_an_order_at_the_close_has_the_whole_of_the_next_bar():
    toy = planted_market(1)
    free = EnvSettings(costs={"half_spread_bps": 0, "commission_bps": 0, "impact": 0})
    moves = np.diff(toy.market.close, axis=0) / toy.market.close[:-1]
    gained = np.log1p((toy.best_weights[:-1] * moves).mean(axis=1)).sum()
    assert growth(toy, toy.best_weights, range(1_000), free) == pytest.approx(gained, rel=0.01)
    assert growth(toy, toy.best_weights, range(1_000)) < gained - 0.4 * ROUND_TRIP * 500


def test_in_an_empty_market_nothing_seen_predicts_anything_and_the_price_is_a_fair_game():
    toy = empty_market(0, rows=20_000)
    returns = np.diff(toy.market.close, axis=0) / toy.market.close[:-1]
    correlation = np.einsum("tnk,tn->k", toy.market.observation[:-1], returns) / returns.size
    assert np.abs(correlation).max() < 4 * VOLATILITY / np.sqrt(returns.size)
    assert abs(returns.mean()) < 4 * VOLATILITY / np.sqrt(returns.size)
    assert not toy.best_weights.any()


def test_the_same_seed_is_the_same_market_and_another_is_another():
    assert planted_market(3).market.digest == planted_market(3).market.digest
    assert (
        len(
            {
                planted_market(3).market.digest,
                planted_market(4).market.digest,
                empty_market(3).market.digest,
            }
        )
        == 3
    )
    assert planted_market(3).market.simulated


def arguments(algo: str, toy: SyntheticMarket, **changes) -> TrainingArguments:
    days = toy.market.dates.astype("datetime64[D]").astype(object)
    until = {"train_until": days[UNTIL], "validate_until": days[VALIDATED]}
    return replace(HOW[algo], algo=(algo,), **until, **changes)


def train_shares(run_arguments: TrainingArguments, toy: SyntheticMarket) -> np.ndarray:
    """(T, N) target shares of the policy of a whole training run, its two files read again."""
    *_, last = run_training(run_arguments, toy.market, {})
    assert isinstance(last, RunEvaluated)
    policy = decode_policy(last.tensors, last.manifest, "the toy")
    seen = policy.standardise(toy.market.observation)
    return policy.share(seen.reshape(-1, seen.shape[-1])).reshape(seen.shape[:2])


def untrained_shares(run_arguments: TrainingArguments, toy: SyntheticMarket) -> np.ndarray:
    """(T, N) of the same network before its first step."""
    ground, (algo,) = build_context(run_arguments, toy.market), run_arguments.algo
    learner = Learner(algo, 0, run_arguments, toy.market, ground.observations, ground.periods.train)
    member = build_member(ground, algo, 0, learner.network, 0.0)
    seen = ground.observations.astype(np.float64)
    return member.share(seen.reshape(-1, seen.shape[-1])).reshape(seen.shape[:2])


@pytest.mark.parametrize("algo", HOW)
def test_a_planted_signal_is_learnt_to_within_a_twentieth_of_the_best_net_of_cost(algo):
    toy, held_out = planted_market(0, rows=ROWS), range(VALIDATED + 1, ROWS)
    training = arguments(algo, toy)
    best = growth(toy, toy.best_weights, held_out)
    assert growth(toy, train_shares(training, toy), held_out) > 0.95 * best
    assert growth(toy, untrained_shares(training, toy), held_out) < 0.6 * best


@pytest.mark.parametrize("algo", HOW)
def test_where_nothing_can_be_learnt_and_trading_costs_a_policy_learns_to_stay_flat(algo):
    toy, held_out = empty_market(0, rows=ROWS), range(VALIDATED + 1, ROWS)
    training = arguments(algo, toy, **DEAR)
    learned, before = (
        shares(training, toy)[held_out.start :] for shares in (train_shares, untrained_shares)
    )
    assert learned.mean() < 0.01
    assert np.abs(np.diff(learned, axis=0)).mean() < 0.01
    assert before.mean() > 0.05
